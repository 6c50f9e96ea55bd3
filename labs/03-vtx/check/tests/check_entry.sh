#!/bin/sh
# SPDX-License-Identifier: MIT
# The VM-entry checker against Bochs's own verdict: check_entry.sh ROOT BUILD MODEL...
#
# On each model of Bochs the hypervisor is started with vmx-check=1 (check/try.c), which prints what checker and processor say of every
# case. Bochs writes into its log why it refuses an entry; bochs-says.txt has what it should say for a rule. Where Bochs differs from the
# manual, bochs-differs.txt has the reason, and the checker keeps to the manual.
#
# What each model said is kept in BUILD/check-entry/MODEL.txt.

set -eu
root=$1
build=$2
shift 2
data=$root/labs/03-vtx/check/tests
out=$build/check-entry
budget=2000000000 # instructions; a run takes a seventh
limit=120         # seconds
mkdir -p "$out"

run() {
	model=$1
	dir=$out/$model
	rm -rf "$dir"
	mkdir -p "$dir"
	"$build/tools/mkdisk" "$dir/disk.img" "$build/labs/03-vtx/hv.bin" vmx-check=1
	sed -e "s|@IMAGE@|$dir/disk.img|" -e "s|@SERIAL@|$dir/serial.txt|" -e "s|@LOG@|$dir/bochs.log|" \
		-e "s|@CPU@|$model|" -e 's|@IPS@|60000000|' \
		-e 's|@MEGS@|256|' -e 's|@UNKNOWN_MSRS@|0|' -e 's|@PRINTER@|enabled=0|' "$root/common/boot/bochsrc.in" >"$dir/bochsrc"
	printf 'sb %s\nc\nquit\n' $budget >"$dir/rc"
	# Its exit status is 1 when the machine has ended itself.
	TERM=xterm timeout -s KILL $limit bochs -q -f "$dir/bochsrc" -rc "$dir/rc" </dev/null >"$dir/screen.txt" 2>&1 || true
	rm -f "$dir/disk.img" "$dir/disk.img.lock"
	[ -f "$dir/serial.txt" ] || : >"$dir/serial.txt"
}

files=
for model; do
	run "$model"
	# One reason in the log for each entry that was refused, in the same order.
	sed -n 's/^[0-9]*e\[CPU0 *\] \(VMFAIL: .*\|VMENTER: .*\|VMENTER FAIL: .*\|FAIL: .*\|VMX LoadMSRs .*\)/\1/p' \
		"$out/$model/bochs.log" >"$out/$model/reasons.txt"
	tr -d '\r' <"$out/$model/serial.txt" | awk -v model="$model" -v reasons="$out/$model/reasons.txt" '
		/^check / {
			says = ""
			if ($NF ~ /^cpu=/ && $NF != "cpu=enters" && (getline says < reasons) <= 0)
				says = "(nothing)"
			print $0 (says == "" ? "" : "\t" says)
		}
		END {
			while ((getline says < reasons) > 0)
				print "check - more reasons than refusals\t" says
		}' >"$out/$model.txt"
	files="$files $out/$model.txt"
done
# shellcheck disable=SC2086 # a list of files
awk -f "$data/check_entry.awk" "$data/bochs-differs.txt" "$data/bochs-says.txt" $files
