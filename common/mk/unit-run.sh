#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs unit test programs for a developer: unit-run.sh BUILD PROGRAM... A line for each, the whole output of one that fails.
# An interrupted or crashed program counts as failed.
build=$1
shift
failed=0
log=$build/unit/log
for program; do
	name=${program#"$build"/unit/}
	if timeout -s KILL 60 "$program" >"$log" 2>&1; then
		printf '  %-7s %s\n' ok "$name"
	else
		code=$?
		failed=$((failed + 1))
		cat "$log"
		printf '  %-7s %s (exit code %d)\n' FAILED "$name" "$code"
	fi
done
rm -f "$log"
printf '%d programs, %d failed\n' $# $failed
[ $failed -eq 0 ]
