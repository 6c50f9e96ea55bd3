# SPDX-License-Identifier: MIT
# The solution regions of one source, replaced by stubs. A region stands inside a function:
#
#	/* SOLUTION E1.2 { stub: return false; */
#	...
#	/* } SOLUTION E1.2 */
#
# The stub ends the guest with a sentence that names exercise, file and function, and then does what stands behind `stub:`: leave the
# function, and name what would be unused. The function has its vcpu in `v`. One that has none says itself what becomes of the sentence,
# as in `return sentence` or `tell(c, sentence)`: the word stands for it, and no guest is ended.
#
#   -v name=FILE      what messages and stubs call the source, from the top of the tree
#   -v lab=1          the number in front of the dot that its exercises must have
#   -v replace=1      replace; otherwise the text stays as it is
#   -v keep=LIST      exercises that stay solved, with blanks between them, or `all`
#
# A marker of another form, one without its pair or inside another region ends with exit code 1 and FILE:LINE: WHAT.

function refuse(line, what) {
	printf "%s:%d: %s\n", name, line, what > "/dev/stderr"
	failed = 1
	exit 1
}

function exercise_of(line) {
	match(line, /E[0-9]+[.][0-9]+ /)
	return substr(line, RSTART, RLENGTH - 1)
}

function stub(marker, statements, indent, parts, n, i, given) {
	indent = marker
	sub(/[^\t].*/, "", indent)
	sub(/^.* stub: */, "", statements)
	sub(/;? *[*]\/$/, "", statements)
	printf "%s/* EXERCISE %s { */\n", indent, open
	n = split(statements, parts, /; */)
	for (i = 1; i <= n; i++)
		given += sub(/sentence/, sprintf("exercise_sentence(\"%s\", \"%s\", __func__)", open, name), parts[i])
	if (!given)
		printf "%sexercise_missing(v, \"%s\", \"%s\", __func__);\n", indent, open, name
	for (i = 1; i <= n; i++)
		printf "%s%s;\n", indent, parts[i]
	printf "%s/* } EXERCISE %s */\n", indent, open
}

/^\t+\/[*] SOLUTION E[0-9]+[.][0-9]+ [{] stub: .*; [*]\/$/ {
	if (open)
		refuse(FNR, "a region inside that of " open)
	open = exercise_of($0)
	opened = FNR
	if (index(open, "E" lab ".") != 1)
		refuse(FNR, open " is no exercise of lab " lab)
	hidden = replace && keep != "all" && !index(" " keep " ", " " open " ")
	if (hidden)
		stub($0, $0)
	else
		print
	next
}

/^\t+\/[*] [}] SOLUTION E[0-9]+[.][0-9]+ [*]\/$/ {
	if (!open)
		refuse(FNR, "no region begins before this end")
	if (exercise_of($0) != open)
		refuse(FNR, "the region is that of " open ", from line " opened)
	if (FNR == opened + 1)
		refuse(FNR, "the region is empty")
	if (!hidden)
		print
	open = hidden = ""
	next
}

/SOLUTION/ {
	refuse(FNR, "a marker is \"/* SOLUTION E1.2 { stub: ...; */\" or \"/* } SOLUTION E1.2 */\"")
}

!hidden {
	print
}

END {
	if (!failed && open)
		refuse(opened, "the region of " open " has no end")
}
