#!/bin/sh
# SPDX-License-Identifier: MIT
# Each header stands alone, may be included twice, and goes with the others in any order: headers.sh TOP COMPILER... The flags of
# the three kinds of program come in the environment: HV_CFLAGS, GUEST_CFLAGS, HOST_CFLAGS.
set -eu
top=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
failed=0
count=0

# try NAME HEADER...: a translation unit of nothing but these headers. The prototype warnings are about definitions; a header
# that only declares things may leave them unused.
try() {
	name=$1
	shift
	for header; do
		printf '#include "%s"\n' "$header"
	done >"$work/try.c"
	for compiler in $compilers; do
		count=$((count + 1))
		if ! $compiler $flags -fsyntax-only "$work/try.c" >"$work/out" 2>&1; then
			failed=$((failed + 1))
			printf '%s: not clean with %s\n' "$name" "$compiler"
			cat "$work/out"
		fi
	done
}

# group NAME FLAGS HEADERS
group() {
	flags=$2
	[ -n "$3" ] || return 0
	for header in $3; do
		try "$header" "$header" "$header"
	done
	try "$1 headers in order" $(printf '%s\n' $3 | sort)
	try "$1 headers in reverse order" $(printf '%s\n' $3 | sort -r)
}

compilers=$*
cd "$top"
all=$(find common labs grader -name '*.h' | sort)
is_host='^grader/|/tests/|^common/boot/host/'
group guest "$GUEST_CFLAGS" "$(printf '%s\n' $all | grep '^common/guest/' | grep -Ev "$is_host")"
group host "$HOST_CFLAGS" "$(printf '%s\n' $all | grep -E '^(grader|common/boot/host)/' | grep -v '/tests/')"
for header in $(printf '%s\n' $all | grep '/tests/'); do
	flags=$HOST_CFLAGS
	try "$header" "$header" "$header"
done
group hypervisor "$HV_CFLAGS" "$(printf '%s\n' $all | grep -v '^common/guest/' | grep -Ev "$is_host")"
printf '%d passed, %d failed\n' $((count - failed)) $failed
[ $failed -eq 0 ]
