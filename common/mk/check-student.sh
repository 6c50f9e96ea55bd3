#!/bin/sh
# SPDX-License-Identifier: MIT
# `make check-student`: is a workspace what it promises? For each lab that has exercises:
#
#   - the tool refuses a directory that is not empty and markers that are wrong, and gives the same commit twice;
#   - the rubric has the exercises that the sources have;
#   - no line of a solution is in the workspace, nor in its history, nor in what was built there;
#   - with the exercises solved one after the other, the score and the first message are those that the lab's README publishes, and each
#     exercise has the points that it says;
#   - with only one exercise missing exactly the points that depend on it are lost: all of its own tests, none of an earlier exercise,
#     and as many points as the README says;
#   - every stub names its exercise, and the rubric the places of each;
#   - with all of them solved the workspace is the tree.
#
# Then the same tool on a second lab (check-base.sh).
#
# LAB=03 checks that lab alone, TRACK=svm that track of it, EX=3.5 of gradings the two of that exercise: solved up to it, and missing alone.
# Without either the second lab follows.
# UNGRADED=1 leaves out the gradings, of which a lab that runs on Bochs has some minutes.
#
# Of a lab with tracks each is graded by itself, with no exercise of the others solved.
#
# The README's tables are what is checked: rows `| E1.2 | ... | POINTS | POINTS LOST WITH IT ALONE MISSING |` and
# `| SOLVED LAST | SCORE | MESSAGE |`; with tracks each row begins with the exercise and the track, `| E3.2 svm |`. Where they differ,
# the rows as they should be are printed. BUILD comes from the Makefile, and so does MAKE. The last line is "N passed, N failed".
set -u
LC_ALL=C
export LC_ALL

top=$BUILD/student
passed=0
failed=0
track=
only_track=${TRACK:-}
only=${EX:-}
only=${only:+E${only#E}}
# What was said to `make check-student` is not meant for the calls of make below.
unset TRACK EX

# tell CODE WHAT: one result.
tell() {
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
		echo "  ok      $2"
	else
		failed=$((failed + 1))
		echo "  FAILED  $2"
	fi
}

# is EXPECTED GOT WHAT
is() {
	[ "$1" = "$2" ]
	tell $? "$3"
	[ "$1" = "$2" ] || printf '          expected: %s\n          got:      %s\n' "$1" "$2"
}

# ---- the markers ----

# refused LINE WHAT TEXT: a source with this text is refused, at that line.
refused() {
	printf "$3" >"$top/bad.c"
	message=$(awk -v name=bad.c -v lab=1 -v replace=1 -f common/mk/student.awk "$top/bad.c" 2>&1 >/dev/null)
	code=$?
	case $message in
	bad.c:"$1":*) [ $code -eq 1 ] ;;
	*) false ;;
	esac
	tell $? "refused: $2"
}

begin='\t/* SOLUTION E1.2 { stub: return; */\n'
end='\t/* } SOLUTION E1.2 */\n'
markers() {
	refused 1 'a region without an end' "$begin\twork();\n"
	refused 2 'an end without a region' "\twork();\n$end"
	refused 2 'a region inside a region' "$begin$begin\twork();\n$end$end"
	refused 3 'the end of another exercise' "$begin\twork();\n\t/* } SOLUTION E1.3 */\n"
	refused 2 'an empty region' "$begin$end"
	refused 1 'an exercise of another lab' '\t/* SOLUTION E2.1 { stub: return; */\n\twork();\n\t/* } SOLUTION E2.1 */\n'
	refused 1 'a marker without a stub' "\t/* SOLUTION E1.2 { */\n\twork();\n$end"
	refused 1 'a marker outside a function' '/* SOLUTION E1.2 { stub: return; */\n'
	refused 3 'an end with a word too many' "$begin\twork();\n\t/* } SOLUTION E1.2 too */\n"
	printf '\t/* SOLUTION E1.2 { stub: (void)n; return sentence; */\n\twork();\n\t/* } SOLUTION E1.2 */\n' >"$top/sentence.c"
	is '(void)n; return exercise_sentence("E1.2", "s.c", __func__);' \
		"$(awk -v name=s.c -v lab=1 -v replace=1 -f common/mk/student.awk "$top/sentence.c" | sed '1d;$d' | tr -s '\t\n' ' ' | sed 's/^ //;s/ $//')" \
		'a stub that gives a sentence'
}

# ---- one lab ----

# The lines of all regions, or with outside=1 of everything else, without indentation.
lines() {
	awk -v outside="$1" '
		/SOLUTION E.* [{] stub: / { inside = 1; next }
		/[}] SOLUTION E/ { inside = 0; next }
		inside != outside { sub(/^[\t ]+/, ""); if (length > 20) print }' $2 | sort -u
}

# Lines that a solution alone has; one that other code has too gives nothing away.
secrets() {
	git ls-files '*.[chS]' >"$top/code"
	lines 0 "$marked" >"$top/inside"
	lines 1 "$(cat "$top/code")" >"$top/outside"
	while read -r line; do
		grep -qF -e "$line" "$top/outside" || printf '%s\n' "$line"
	done <"$top/inside" >"$top/secrets"
}

found() {
	grep -raFf "$top/secrets" "$ws"
	git -C "$ws" cat-file --batch-all-objects --batch | grep -aFf "$top/secrets"
}

leaks() {
	secrets
	[ -s "$top/secrets" ]
	tell $? "lab $lab: $(wc -l <"$top/secrets") lines that only a solution has"
	is '' "$(found | head -n 3)" "lab $lab: none of them is in the workspace, its build or its history"
	head -n 1 "$top/secrets" >"$ws/build/planted"
	found | grep -q planted
	tell $? "lab $lab: one that is put there is found"
	rm -f "$ws/build/planted"
	is 1 "$(git -C "$ws" rev-list --all | wc -l)" "lab $lab: the history is one commit"
}

# solve LIST: the sources of the lab, or of its track, with those exercises solved.
solve() {
	for file in $places; do
		awk -v name="$file" -v lab="${lab#0}" -v replace=1 -v keep="$1" -f common/mk/student.awk "$file" >"$top/source"
		cmp -s "$top/source" "$ws/$file" || cp "$top/source" "$ws/$file"
	done
}

in_workspace() {
	env -u BUILD -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES $MAKE --no-print-directory -C "$ws" "$@"
}

# The first exercise that a run asked for, in the order of the rubric's runs.
first_message() {
	for run in $(sed -n 's/^  - name: //p' "$rubric"); do
		sed -n 's/^\[hv\] .*: \(exercise .* is yours to write .*\)$/\1/p' "$ws/build/grader/logs/$lab${track:+-$track}/$run"-*.log \
			2>/dev/null
	done | tr -d '\r' | head -n 1
}

# The README has two tables with a row for each exercise: that of the exercises, whose last two columns are measured, and that of the
# checkpoints, with three columns.
#
# published KEY points|loss|score|message: what the README says.
published() {
	awk -F ' *[|] *' -v key="$1${track:+ $track}" -v what="$2" '
		$2 == key && NF > 5 && what == "points" { print $(NF - 2) }
		$2 == key && NF > 5 && what == "loss" { print $(NF - 1) }
		$2 == key && NF == 5 && what == "score" { print $3 }
		$2 == key && NF == 5 && what == "message" { gsub(/`/, "", $4); print $4 }' "$readme"
}

# measured KEY WHAT VALUE: is it what the README says?
measured() {
	printf '%s\t%s\t%s\n' "$1${track:+ $track}" "$2" "$3" >>"$top/measured"
	[ "$(published "$1" "$2")" = "$3" ] || differs=1
	is "$(published "$1" "$2")" "$3" "$of, $1: its $2 in the README: ${3:-missing}"
}

# The rows of the README as they should be.
rows() {
	echo "  In $readme this is to be:"
	awk -F '\t' 'NR == FNR { value[$1, $2] = $3; known[$1]; next }
		{ n = split($0, cell, / *[|] */) }
		!(cell[2] in known) { next }
		n == 5 { printf "| %s | %s | `%s` |\n", cell[2], value[cell[2], "score"], value[cell[2], "message"] }
		n > 5 {
			cell[n - 2] = value[cell[2], "points"]
			cell[n - 1] = value[cell[2], "loss"]
			for (i = 2; i < n; i++)
				printf "| %s ", cell[i]
			print "|"
		}' "$top/measured" "$readme"
}

# graded WHAT: grades the workspace as it is now.
graded() {
	in_workspace grade LAB="$lab" ${track:+TRACK="$track"} SEED=1 >"$top/grade.log" 2>&1
	tell $? "$of, $1: it builds, and is graded"
	score=$(sed -n 's/^Total \([0-9.]*\) of .*/\1/p' "$top/grade.log")
}

checkpoint() {
	solve "$1"
	latest=${1##* }
	graded "solved ${1:-nothing}"
	measured "${latest:-none}" score "$score"
	measured "${latest:-none}" message "$(first_message)"
	awk "BEGIN { exit !(${score:-0} > ${before:-0}) }"
	tell $? "$of, solved ${1:-nothing}: more points than before"
	before=$score
}

points() {
	for exercise in $exercises; do
		max=$(awk -v id="\"$exercise\"," '
			$1 == "\"id\":" { this = $2 == id }
			this && $1 == "\"max\":" { printf "%.2f", $2; exit }' "$ws/build/results.json")
		measured "$exercise" points "$max"
	done
}

# only_missing EXERCISE: after a grading with this one missing alone.
only_missing() {
	lost=$(python3 common/mk/check-exercises.py alone "$lab" "$1" "$ws/build/results.json" 2>"$top/problems")
	tell $? "$of, only $1 missing: all of its tests are lost, and none of an earlier exercise"
	sed 's/^/          /' "$top/problems"
	measured "$1" loss "$lost"
}

# quiet WHAT COMMAND...: a command that says nothing when all is well.
quiet() {
	what=$1
	shift
	"$@" >"$top/problems" 2>&1
	tell $? "$what"
	sed 's/^/          /' "$top/problems"
}

# wanted EXERCISE: is it what was asked for?
wanted() {
	[ -z "$only" ] || [ "$only" = "$1" ]
}

# check_track: each exercise of the lab, or of one track of it. Every other track stays as it was given. A track may have none.
check_track() {
	of="lab $lab${track:+ $track}"
	places=$(python3 common/mk/course.py files "$lab" $track)
	exercises=$(sed -n 's/^.* SOLUTION \(E[0-9.]*\) {.*$/\1/p' $places | sort -u -V)
	[ -n "$exercises" ] || return 0
	before=0
	solved=
	if [ -n "${UNGRADED:-}" ]; then
		in_workspace -C "$directory" image unit >"$top/build.log" 2>&1
		tell $? "$of: it builds"
		[ -n "$leaked" ] || leaks
		leaked=1
		return
	fi
	if [ -z "$only" ]; then
		checkpoint ''
		points # what an exercise is worth does not depend on what runs
		[ -n "$leaked" ] || leaks
		leaked=1
	fi
	but_last=$(printf '%s\n' "$exercises" | sed '$d')
	last=${exercises##*
}
	for exercise in $but_last; do # all of them: that is the tree, which is graded elsewhere
		solved=${solved:+$solved }$exercise
		! wanted "$exercise" || checkpoint "$solved"
	done
	if [ "$only" = "$last" ]; then
		solve "$solved"
		graded "only $last missing"
	fi
	points
	# The last checkpoint lacks the last exercise alone.
	! wanted "$last" || only_missing "$last"
	for exercise in $but_last; do
		wanted "$exercise" || continue
		solve "$(echo $exercises | sed "s/$exercise//")"
		graded "only $exercise missing"
		only_missing "$exercise"
	done
	solve ''
}

# check_lab RUBRIC
check_lab() {
	rubric=$1
	directory=${rubric%/*}
	lab=${directory#labs/}
	lab=${lab%%-*}
	readme=$directory/README.md
	ws=$top/$lab
	differs=0
	leaked=
	: >"$top/measured"
	marked=$(git ls-files "$directory/*.[chS]" | xargs grep -l 'SOLUTION E')
	if [ -z "$marked" ]; then
		grep -q 'EXERCISE E' $(git ls-files "$directory/*.[chS]")
		tell $? "lab $lab: no solution is marked, since this is a workspace itself"
		return
	fi
	exercises=$(sed -n 's/^.* SOLUTION \(E[0-9.]*\) {.*$/\1/p' $marked | sort -u -V)
	sh common/mk/student.sh "$lab" "$ws" >"$top/said" && sh common/mk/student.sh "$lab" "$top/again" >/dev/null
	tell $? "lab $lab: two workspaces"
	is "$(git -C "$ws" rev-parse HEAD)" "$(git -C "$top/again" rev-parse HEAD)" "lab $lab: they are the same commit"
	rm -rf "$top/again"
	! sh common/mk/student.sh "$lab" "$ws" >/dev/null 2>&1
	tell $? "lab $lab: a directory that is not empty is refused"
	is "$(echo $exercises)" "$(echo $(sed -n 's/^  - id: \(E[0-9.]*\)$/\1/p' "$rubric"))" "lab $lab: the rubric has these exercises"
	quiet "lab $lab: the rubric has their places" python3 common/mk/check-exercises.py where "$lab"
	quiet "lab $lab: every stub names its exercise" python3 common/mk/check-exercises.py stubs "$lab" "$ws"
	in_workspace -C "$directory" CC=clang BUILD="$(realpath "$ws")/build/clang" image unit >"$top/clang.log" 2>&1
	tell $? "lab $lab: clang builds it too"
	in_workspace check-format >"$top/format.log" 2>&1
	tell $? "lab $lab: the workspace is formatted"
	tracks=$(python3 common/mk/course.py tracks "$lab")
	[ -n "$tracks" ] || check_track
	for track in $tracks; do
		[ -n "$only_track" ] && [ "$only_track" != "$track" ] || check_track
	done
	track=
	[ $differs -eq 0 ] || [ -n "$only" ] || rows
	places=$marked
	solve all
	different=$(cd "$ws" && git ls-files | grep -vx workspace.yaml | while read -r file; do cmp -s "$file" "$OLDPWD/$file" || echo "$file"; done)
	is '' "$different" "lab $lab: with all solved it is the tree"
}

for name in $only $only_track; do
	grep -q -e "^  - id: $name$" -e "^tracks: .*[{ ]$name:" labs/${LAB:-[0-9][0-9]}-*/rubric.yaml || {
		echo "check-student: $name is no exercise and no track of ${LAB:+lab }${LAB:-any lab}: labs/${LAB:-*}-*/rubric.yaml" >&2
		exit 1
	}
done
rm -rf "$top"
mkdir -p "$top"
. common/mk/check-base.sh
markers
for rubric in labs/${LAB:-[0-9][0-9]}-*/rubric.yaml; do
	! grep -q '^exercises:' "$rubric" || check_lab "$rubric"
done
[ -n "${UNGRADED:-}$only$only_track" ] || check_bases
echo
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
