# SPDX-License-Identifier: MIT
# From the `[hv] trace|...` lines of a run (common/vmm/trace.c) to one Graphviz picture: who had the time, a histogram of the exits with
# what each kind cost, and a timeline with a lane for each kind. `neato -n2 -Tsvg` draws it; every node has its place.
#
#   awk -v title=TEXT -f trace.awk CONSOLE > PICTURE.dot

BEGIN {
	FS = "|"
	split("#4477aa #cc6677 #228833 #ccbb44 #66ccee #aa3377 #999999 #332288 #882255 #117733", colours, " ")
	guest_colour = "#444444"
	answer_colour = "#009988"
	between_colour = "#dddddd"
	width = 900 # of the timeline, in points
	row = 26
	left = 190
	column = 3     # a column of the timeline, where it shows shares
	faintest = 1.5 # height of one that has next to nothing
	narrowest = 1  # point: below that Graphviz would draw blocks wider than they are
}

/^\[hv\] trace\|/ {
	sub(/\r$/, "")
	# What the engine answered by itself is told by its own word.
	kind = $3 == "none" || $3 == $4 ? $4 : $3 " (" $4 ")"
	if ($4 == "-")
		kind = $3
	if (!(kind in count))
		kinds[++kind_count] = kind
	n++
	of[n] = kind
	entered[n] = $5
	gone[n] = $6
	done[n] = $7
	count[kind]++
	cost[kind] += $7 - $6
	monitor += $7 - $6
	guest += $6 - $5
}

# 1234567 as 1,234,567
function number(value,   digits, text) {
	digits = sprintf("%.0f", value)
	while (length(digits) > 3) {
		text = "," substr(digits, length(digits) - 2) text
		digits = substr(digits, 1, length(digits) - 3)
	}
	return digits text
}

function percent(part, whole) {
	return sprintf("%.0f %%", 100 * part / whole)
}

function text(x, y, size, what) {
	gsub(/"/, "\\\"", what)
	printf "t%d [shape=plaintext, pos=\"%.1f,%.1f\", width=0, height=0, margin=0, fontsize=%d, label=\"%s\"];\n", ++id, x, y, size, what
}

# Text that begins at x: left-justified (\l) in a node of a fixed width, which is wide enough for any letters.
function text_from(x, y, size, what,   room) {
	room = length(what) * size * 0.65 + size
	gsub(/"/, "\\\"", what)
	printf "t%d [shape=plaintext, pos=\"%.1f,%.1f\", width=%.4f, height=0.4, fixedsize=true, margin=0, fontsize=%d, label=\"%s\\l\"];\n", \
		++id, x + room / 2, y, room / 72, size, what
}

function box(x, y, w, h, colour, tip) {
	printf "b%d [shape=box, style=filled, penwidth=0, fillcolor=\"%s\", color=\"%s\", pos=\"%.2f,%.1f\", width=%.5f, height=%.4f, fixedsize=true, label=\"\", tooltip=\"%s\"];\n", \
		++id, colour, colour, x + w / 2, y, w / 72, h / 72, tip
}

function order(   i, j, k) {
	for (i = 2; i <= kind_count; i++) {
		k = kinds[i]
		for (j = i - 1; j >= 1 && cost[kinds[j]] < cost[k]; j--)
			kinds[j + 1] = kinds[j]
		kinds[j + 1] = k
	}
	for (i = 1; i <= kind_count; i++)
		colour_of[kinds[i]] = colours[(i - 1) % 10 + 1]
}

# One bar for all of the time, and its legend.
function draw_shares(   names, parts, shades, x, i, w, legend) {
	split("the guest runs|exits are answered|between: events, timers, other guests", names, "|")
	parts[1] = guest
	parts[2] = monitor
	parts[3] = all - guest - monitor
	shades[1] = guest_colour
	shades[2] = answer_colour
	shades[3] = between_colour
	text_from(0, y, 13, "All of the time")
	x = left
	legend = left
	for (i = 1; i <= 3; i++) {
		w = parts[i] * scale
		if (w > 0)
			box(x, y, w, row * 0.7, shades[i], names[i])
		x += w
		box(legend, y - row, 12, 12, shades[i], names[i])
		text_from(legend + 18, y - row, 12, names[i] ": " percent(parts[i], all))
		legend += length(names[i]) * 7.5 + 80
	}
	y -= 2.6 * row
}

function draw_histogram(   i, k, w) {
	text_from(0, y, 14, "What answering took, by kind of exit: exits x ticks of each = ticks (share)")
	for (i = 1; i <= kind_count; i++) {
		k = kinds[i]
		y -= row
		w = cost[k] / cost[kinds[1]] * width * 0.6
		text_from(0, y, 13, k)
		box(left, y, w < 1 ? 1 : w, row * 0.7, colour_of[k], k)
		text_from(left + w + 8, y, 12, number(count[k]) " x " number(cost[k] / count[k]) " = " number(cost[k]) " (" percent(cost[k], monitor) ")")
	}
	y -= row
	text_from(0, y, 11, "In brackets: the exception or the exit as the CPU calls it. Where that stands alone, such as #GP, the engine answered by itself.")
	y -= row * 1.6
}

# Steps of 1, 2 or 5 times a power of ten: at most eight on the axis.
function nice_step(   step) {
	for (step = 1; all / step > 8; step *= 10) {
		if (all / (2 * step) <= 8)
			return 2 * step
		if (all / (5 * step) <= 8)
			return 5 * step
	}
	return step
}

# Adds the time from..to to the columns of a lane.
function spread(lane, from, to,   c, first, last, a, b) {
	first = int((from - begin) * scale / column)
	last = int((to - begin) * scale / column)
	for (c = first; c <= last; c++) {
		a = begin + c * column / scale
		b = a + column / scale
		share[lane, c] += ((to < b ? to : b) - (from > a ? from : a)) * scale / column
	}
}

# Where exits are too many for a block each, the height of a column is the share of its time.
function draw_columns(lane, y, colour,   c, h) {
	for (c = 0; c < width / column; c++) {
		h = share[lane, c] * row * 0.8
		if (h > 0 && h < faintest)
			h = faintest
		if (h > 0)
			box(left + c * column, y - row * 0.4 + h / 2, column, h, colour, lane ": " percent(share[lane, c], 1))
	}
}

function draw_lane(lane, y, colour,   j, from, to, is_guest) {
	is_guest = lane == "guest runs"
	text_from(0, y, 13, lane)
	box(left, y - row / 2, width, 0.75, "#dddddd", "")
	for (j = 1; j <= n; j++) {
		if (!is_guest && of[j] != lane)
			continue
		from = is_guest ? entered[j] : gone[j]
		to = is_guest ? gone[j] : done[j]
		if (in_columns)
			spread(lane, from, to)
		else if (to > from)
			box(left + (from - begin) * scale, y, (to - from) * scale, row * 0.7, colour, lane ": " number(to - from) " ticks")
	}
	if (in_columns)
		draw_columns(lane, y, colour)
}

function draw_timeline(   i, top, tick, step) {
	in_columns = monitor / n * scale < 2 * narrowest
	text_from(0, y, 14, in_columns ? "The same in time: the height of a column is its share of that moment" : \
		"The same in time: a block is the answering of one exit, as wide as it took")
	y -= row
	top = y + row / 2
	step = nice_step()
	for (tick = 0; tick <= all; tick += step) {
		box(left + tick * scale, top - (kind_count + 1) * row / 2, 0.75, (kind_count + 1) * row, "#dddddd", "")
		text(left + tick * scale, top - (kind_count + 1.5) * row, 12, number(tick))
	}
	draw_lane("guest runs", y, guest_colour)
	for (i = 1; i <= kind_count; i++)
		draw_lane(kinds[i], y - i * row, colour_of[kinds[i]])
	y = top - (kind_count + 2.3) * row
	text_from(left, y, 12, "ticks of the TSC; on QEMU with -icount a tick is an instruction")
}

END {
	if (!n) {
		print "no trace on the console: is trace=N on the hypervisor's command line?" > "/dev/stderr"
		exit 1
	}
	order()
	begin = entered[1]
	all = done[n] - begin
	scale = width / all
	print "digraph trace {\ngraph [bgcolor=white, pad=0.3];\nnode [fontname=\"sans-serif\"];"
	y = 0
	text_from(0, y, 18, title)
	y -= row
	text_from(0, y, 13, number(n) " exits in " number(all) " ticks")
	y -= row * 1.4
	draw_shares()
	draw_histogram()
	draw_timeline()
	print "}"
}
