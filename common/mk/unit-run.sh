#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs unit test programs, one process each: unit-run.sh BUILD PROGRAM... They are judged by the result file that CUnit writes, which
# must be complete: a program that crashes half-way, or that tests nothing, has failed. One that failed runs a second time to
# show what happened. The last line counts cases.
build=$1
shift
passed=0
failed=0

# The counts of the cases in a result file of CUnit, "TOTAL SUCCEEDED"; nothing when the file is not complete.
read_counts() {
	awk '
		$1 == "<TYPE>" { cases = $2 == "Test" && $3 == "Cases" }
		cases && $1 == "<TOTAL>" { total = $2 }
		cases && $1 == "<SUCCEEDED>" { succeeded = $2 }
		/<\/CUNIT_TEST_RUN_REPORT>/ { complete = 1 }
		END { if (complete && total > 0) print total, succeeded }' "$1" 2>/dev/null
}

for program; do
	name=${program#"$build"/unit/}
	rm -f "$program-Results.xml"
	timeout -s KILL 60 "$program" "$program" >"$program.log" 2>&1 </dev/null
	code=$?
	set -- $(read_counts "$program-Results.xml")
	total=${1:-0}
	good=${2:-0}
	if [ $code -eq 0 ] && [ "$total" -gt 0 ] && [ "$good" -eq "$total" ]; then
		passed=$((passed + good))
		printf '  %-7s %s: %d cases\n' ok "$name" "$good"
		continue
	fi
	# Whatever went wrong, it counts at least once.
	passed=$((passed + good))
	failed=$((failed + (total > good ? total - good : 1)))
	cat "$program.log"
	timeout -s KILL 60 "$program" </dev/null 2>&1
	printf '  %-7s %s: %d of %d cases failed, exit code %d\n' FAILED "$name" $((total - good)) "$total" $code
done
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ] && [ $passed -gt 0 ]
