#!/bin/sh
# SPDX-License-Identifier: MIT
# `make check-nested`: grades labs as guests of KVM on emulated machines, at the same time for both vendors. All is built already.
#   check.sh BUILD LABS VENDORS
# LABS is "01 03" or empty (all), VENDORS "amd intel" or one of them. The tables come one after the other; the last line counts tests.
build=$1
labs=${2:-$(ls -d labs/*/rubric.yaml | sed 's,^labs/\([0-9]*\)-.*,\1,')}
vendors=$3
pids=
here=$build/nested

trap 'stop' INT TERM HUP
stop() {
	trap - INT TERM HUP
	kill -TERM $pids 2>/dev/null
	wait
	exit 130
}

# One vendor, lab by lab. The exit code is that of the last grader that was not content.
vendor() {
	code=0
	child=
	trap 'kill -TERM $child 2>/dev/null; wait; exit 130' TERM
	for lab in $labs; do
		"$build/grader/grade" --build "$build" --no-build --strict --lab "$lab" --platform "nested:$1" \
			--output "$here/results-$lab-$1.json" 2>&1 &
		child=$!
		wait $child || code=$?
	done
	return $code
}

for v in $vendors; do
	case $v in
	amd | intel) ;;
	*)
		echo "check-nested: VENDOR=$v is neither amd nor intel" >&2
		exit 1
		;;
	esac
	for lab in $labs; do
		rm -f "$here/results-$lab-$v.json"
	done
done
for v in $vendors; do
	vendor "$v" >"$here/$v.txt" &
	pids="$pids $!"
done
failed=0
for pid in $pids; do
	wait "$pid" || failed=1
done
for v in $vendors; do
	cat "$here/$v.txt"
	for lab in $labs; do
		if [ -s "$here/results-$lab-$v.json" ]; then
			awk -f common/mk/count_results.awk "$here/results-$lab-$v.json"
		else
			echo '0 passed, 1 failed' # nothing was graded
		fi
	done
done | tee "$here/check.txt"
awk '/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; bad += $3 } END { printf "\n%d passed, %d failed\n", passed, bad }' "$here/check.txt"
[ $failed -eq 0 ]
