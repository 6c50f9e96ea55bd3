#!/bin/sh
# SPDX-License-Identifier: MIT
# `make trace`: two pictures of a run of a lab's hypervisor, in DIR: NN-exits.svg, the last exits and what each cost (trace.awk), and
# NN-tables.svg, the guest's page tables with the shadow beside them (common/gdb). A lab may have more (PICTURES of its Makefile):
# NN-NAME.svg.
#
#   trace.sh NN LAB_DIRECTORY DIR
#
# From the environment: MAKE and BUILD, and what may be empty: TEST, the tests of the guest, for all pictures; EXITS, how many exits; AT
# and HIT, the moment of the tables (common/mk/lab.mk); FUNCTION, of the guest's, for a picture of the lab's own.
set -eu

lab=$1
directory=$2
out=$3
exits=$out/$lab-exits
tables=$out/$lab-tables
exits_test=${TEST:-user/}
tables_test=${TEST:-mem/alias_rights} # a frame at four addresses, for the guest's kernel and for its users
make="$MAKE --no-print-directory -s -C $directory BUILD=$BUILD"

say() {
	printf 'trace: %s\n' "$1" >&2
}

draw_exits() {
	if ! $make run HV_ARGS="trace=${EXITS:-200}" GUEST_ARGS="only=$exits_test" >"$exits.log" 2>&1; then
		say "the run with TEST=$exits_test did not end well; the whole output is in $exits.log"
		grep ' ended: ' "$exits.log" >&2 || grep -v '^\[hv\] trace' "$exits.log" | tail -n 5 >&2
	fi
	if grep -q '^@0 plan tests=0 benches=0 ' "$exits.log"; then
		say "the guest has no test TEST=$exits_test: make run LAB=$lab shows all"
		return 1
	fi
	# What a run that broke off has left is drawn too.
	awk -v title="Lab $lab, $exits_test: the last exits" -f common/mk/trace.awk "$exits.log" >"$exits.dot" || return 1
	neato -n2 -Tsvg "$exits.dot" -o "$exits.svg"
}

draw_tables() {
	$make tables HV_TABLES="$tables.svg" GUEST_ARGS="only=$tables_test" >"$tables.log" 2>&1 && return
	grep '^debug: ' "$tables.log" >&2 || tail -n 5 "$tables.log" >&2
	say "no picture of the page tables; the whole output is in $tables.log"
	return 1
}

# Of the lab's own, by its target. Without TEST the lab chooses.
draw_own() {
	log=$out/$lab-$1.log
	$make "$1" HV_PICTURE="$out/$lab-$1.svg" ${TEST:+"GUEST_ARGS=only=$TEST"} >"$log" 2>&1 && return
	grep '^debug: ' "$log" >&2 || tail -n 5 "$log" >&2
	say "no picture of the $1; the whole output is in $log"
	return 1
}

mkdir -p "$out"
more=$($make pictures)
rm -f "$exits.svg" "$tables.svg"
code=0
draw_exits || code=1
draw_tables || code=1
for name in $more; do
	rm -f "$out/$lab-$name.svg"
	draw_own "$name" || code=1
done
for name in exits tables $more; do
	picture=$out/$lab-$name.svg
	[ -e "$picture" ] || continue
	# No wider than the window that shows it.
	sed -i 's/^<svg width="\([0-9]*\)pt" height="[0-9]*pt"/<svg style="width: 100%; max-width: \1pt; height: auto"/' "$picture"
	echo "$picture"
done
exit $code
