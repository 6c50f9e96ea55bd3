# SPDX-License-Identifier: MIT
# From the `[hv] trace|...` lines of a run (common/vmm/trace.c) to one Graphviz picture: a histogram of the exits with what each kind
# cost, and below it a timeline with a lane for each kind. `neato -n2 -Tsvg` draws it; every node has its place.
#
#   awk -v title=TEXT -f trace.awk CONSOLE > PICTURE.dot

BEGIN {
	FS = "|"
	split("#4477aa #cc6677 #228833 #ccbb44 #66ccee #aa3377 #bbbbbb #332288 #882255 #117733", colours, " ")
	width = 900 # of the longest bar and of the timeline, in points
	row = 24
	left = 210
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
}

END {
	if (!n) {
		print "no trace on the console: is trace=N on the hypervisor's command line?" > "/dev/stderr"
		exit 1
	}
	order()
	begin = entered[1]
	scale = width / (done[n] - begin)
	print "digraph trace {\ngraph [bgcolor=white, pad=0.3];\nnode [fontname=\"sans-serif\"];"
	y = 0
	text_from(0, y, 16, title)
	y -= row
	text_from(0, y, 12, sprintf("%d exits in %d ticks: guest %.1f %%, answering exits %.1f %%, between (events, timers, other guests) %.1f %%", \
		n, done[n] - begin, 100 * guest * scale / width, 100 * monitor * scale / width, \
		100 - 100 * (guest + monitor) * scale / width))
	y -= row * 1.5
	text_from(0, y, 13, "Ticks that answering took, by kind of exit")
	for (i = 1; i <= kind_count; i++) {
		k = kinds[i]
		y -= row
		w = cost[k] / cost[kinds[1]] * width * 0.6
		text_from(0, y, 12, k)
		box(left, y, w < 1 ? 1 : w, row * 0.7, colours[(i - 1) % 10 + 1], k)
		text_from(left + w + 8, y, 12, sprintf("%d x %.0f = %d (%.0f %%)", count[k], cost[k] / count[k], cost[k], 100 * cost[k] / monitor))
	}
	y -= row * 1.8
	text_from(0, y, 13, "The same in time: a block is the answering of one exit, as wide as it took")
	top = y
	y -= row
	text_from(0, y, 12, "guest runs")
	for (j = 1; j <= n; j++)
		box(left + (entered[j] - begin) * scale, y, (gone[j] - entered[j]) * scale, row * 0.7, "#444444", "guest")
	for (i = 1; i <= kind_count; i++) {
		y -= row
		text_from(0, y, 12, kinds[i])
		box(left, y - row / 2, width, 0.5, "#dddddd", "")
		for (j = 1; j <= n; j++)
			if (of[j] == kinds[i])
				box(left + (gone[j] - begin) * scale, y, (done[j] - gone[j]) * scale, row * 0.7, colours[(i - 1) % 10 + 1], \
					kinds[i] ": " done[j] - gone[j] " ticks")
	}
	y -= row
	for (i = 0; i <= 4; i++)
		text(left + width * i / 4, y, 11, sprintf("%d", (done[n] - begin) * i / 4))
	y -= row * 0.8
	text_from(left, y, 11, "ticks of the TSC; on QEMU with -icount a tick is an instruction")
	print "}"
}
