#!/bin/sh
# SPDX-License-Identifier: MIT
# `make test`: every test and every check of the tree, each as one step with a line of its own. MAKE and BUILD come from the Makefile.
#
# A step of tests counts itself: somewhere it prints "N passed, N failed", and the last such line counts. A check counts as one.
# What a step printed is kept in BUILD/test/; of a step that fails the end is shown. The very last line is the sum of all steps.

logs=$BUILD/test
passed=0
failed=0
steps=0
child=
limit=900 # seconds a step
make="$MAKE --no-print-directory"

trap 'stop 130' INT
trap 'stop 143' TERM HUP
stop() {
	trap - INT TERM HUP
	[ -z "$child" ] || kill -TERM "$child" 2>/dev/null
	exit "$1"
}

# The sums of the last line that counts in a log; nothing when there is none.
read_counts() {
	sed -n 's/^.*\<\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed.*$/\1 \2/p' "$1" | tail -n 1
}

# step KIND NAME COMMAND...: KIND is `tests` or `check`.
step() {
	kind=$1
	name=$2
	shift 2
	steps=$((steps + 1))
	log=$logs/$steps.log
	begin=$(date +%s)
	# In the background, so that a signal is seen at once; `timeout` passes it on to all that the step has started.
	timeout -k 10 $limit "$@" >"$log" 2>&1 </dev/null &
	child=$!
	wait $child
	code=$?
	child=
	seconds=$(($(date +%s) - begin))

	counts=$(read_counts "$log")
	if [ "$kind" = check ]; then
		good=$((code == 0))
		bad=$((code != 0))
		counted=
	else
		good=${counts% *}
		bad=${counts#* }
		good=${good:-0}
		bad=${bad:-0}
		counted="$good passed, $bad failed"
		# Nothing counted, or an exit code that the counts do not explain, is a failure too.
		[ $((good + bad)) -gt 0 ] || { bad=1; counted='ran no test'; }
		[ $code -eq 0 ] || [ $bad -gt 0 ] || { bad=1; counted="$counted, exit code $code"; }
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	if [ "$bad" -eq 0 ]; then
		printf '%-7s %-50s %4d s  %s\n' ok "$name" $seconds "$counted"
	else
		printf '%-7s %-50s %4d s  %s\n' FAILED "$name" $seconds "${counted:-exit code $code}"
		tail -n 30 "$log" | sed 's/^/        | /'
		printf '        | (the whole output: %s)\n' "$log"
	fi
}

rm -rf "$logs"
mkdir -p "$logs"

step check 'build with gcc' $make all unit
step check 'build with clang' $make check-clang
step check 'an unchanged tree rebuilds nothing' $make check-rebuild
step check 'headers stand alone' $make check-headers
step check 'formatting' $make check-format
step check 'the book: links and commands' $make check-docs
step check 'the book builds' $make docs
step check 'compile_commands.json' $make compile_commands.json
step tests 'unit tests' $make unit-run
step tests 'the decoder against two others, a part' $make check-decoder QUICK=1
step check 'the fuzzers over their corpora' $make fuzz-corpora
step check 'guest harness: every sensitive instruction traps' $make -C common/guest check-sensitive
step tests 'micro-guests on the bare machine' $make -C common/guest check-steps
step tests 'guest kernel on the bare machine' sh common/mk/count.sh native
for rubric in labs/*/rubric.yaml; do
	number=${rubric#labs/}
	number=${number%%-*}
	step tests "lab $number as foretold" sh common/mk/count.sh lab "$number"
done
[ ! -d labs/03-vtx/check ] || step tests 'the VM-entry checker against Bochs' $make -C labs/03-vtx check-entry
# The debugger attaches to QEMU, so a lab that runs there has a run on TCG.
for rubric in $(grep -lw 'platforms:.*tcg' labs/*/rubric.yaml); do
	number=${rubric#labs/}
	number=${number%%-*}
	step tests "lab $number in the debugger" $make debug-check LAB="$number"
	[ ! -e "${rubric%/*}/tests/debug_saved.py" ] || step tests "lab $number in the debugger, from Bochs" $make -C "${rubric%/*}" debug-check-saved
	step tests "lab $number in pictures" $make check-trace LAB="$number"
done
# A workspace has no solutions to put into one. To grade with each exercise missing takes minutes a lab: `make check-student LAB=01`.
for rubric in $(grep -l '^exercises:' labs/*/rubric.yaml); do
	number=${rubric#labs/}
	number=${number%%-*}
	[ -e workspace.yaml ] || step tests "a student's workspace of lab $number" $make check-student LAB="$number" UNGRADED=1
done
step check 'the doctor' $make doctor
step check 'the table of costs' $make bench
step tests 'the grader against broken hypervisors' $make check-grader
# Debian's kernel has to be here, or a network.
if $make nested >"$logs/nested.log" 2>&1; then
	step tests 'lab 01 as a guest of KVM, AMD' $make check-nested LAB=01 VENDOR=amd
	step tests 'lab 03 as a guest of KVM, AMD' $make check-nested LAB=03 VENDOR=amd
else
	printf '%-7s %-50s %s\n' - 'labs as guests of KVM' "$(grep '^nested: ' "$logs/nested.log" | tail -n 1)"
fi

echo
printf '%d passed, %d failed\n' $passed $failed | tee "$logs/sum"
[ $failed -eq 0 ]
