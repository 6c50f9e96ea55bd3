#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the grader for `make test`: count.sh native | count.sh lab NN. The exit code says whether all is as it should be; the numbers
# come from what the grader wrote. The last line is "N passed, N failed". MAKE and BUILD come from the Makefile.
log=$BUILD/test/count

native() {
	"$BUILD/grader/grade" --native --build "$BUILD" >"$log" 2>&1
	code=$?
	cat "$log"
	awk '
		$2 == "tests," { tests += $1 }
		$2 == "problems" { problems = $1 }
		END { printf "%d passed, %d failed\n", (tests > problems ? tests - problems : 0), problems }' "$log"
	rm -f "$log"
	return $code
}

lab() {
	rm -f "$BUILD/results.json"
	$MAKE --no-print-directory grade "LAB=$1" STRICT=1
	code=$?
	awk -f common/mk/count_results.awk "$BUILD/results.json"
	return $code
}

"$@"
