#!/bin/sh
# SPDX-License-Identifier: MIT
# The hypervisor on Bochs, run to one of its functions, and then GDB on what the machine's memory held there: Debian's Bochs has no stub
# for GDB, but its own debugger stops at an address and writes memory into files. There is no CPU and nothing runs: the commands of
# hv.py show what the monitor keeps.
#
#   saved.sh run|check IMAGE GUEST DIR MKDISK BOCHSRC MODEL FUNCTION HIT "GUEST'S WORDS" "HYPERVISOR'S WORDS"
#
# IMAGE and GUEST are file names without .elf, BOCHSRC is common/boot/bochsrc.in. FUNCTION is one of the hypervisor's, and its HITth call
# is meant. `check` is the session of HV_SAVED_CHECK, for `make test`.
set -eu

mode=$1
image=$2
guest=$3
dir=$4
mkdisk=$5
bochsrc=$6
model=$7
function=$8
hit=$9
shift 9
here=$(cd "$(dirname "$0")" && pwd)
limit=120 # seconds
ram_end=0x0ff00000 # what the BIOS leaves of 256 MiB
page=0x1000

fail() {
	printf 'debug: %s\n' "$*" >&2
	exit 1
}

command -v bochs >/dev/null || fail 'there is no bochs here: run make setup'
case $hit in '' | *[!0-9]* | 0*) fail "HIT=$hit: it has to be a number: 1, 2, ..." ;; esac

# symbol NAME: its physical address, in decimal. The shell's numbers have a sign, so the upper half is cut off before.
symbol() {
	address=$(awk -v name="$1" '$3 == name { print substr($1, 9) }' "$image.sym" | head -n 1)
	[ -n "$address" ] || fail "AT=$1: the hypervisor has no such function (build/labs/*/hv.sym lists them)"
	echo $((0x$address))
}

mkdir -p "$dir"
dir=$(cd "$dir" && mktemp -d "$PWD/saved.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$dir/memory"
stop=$(symbol "$function")
end=$(symbol image_end)

"$mkdisk" "$dir/disk.img" "$image.bin" "$2" "$guest.elf" "guest -- $1"
sed -e "s|@IMAGE@|$dir/disk.img|" -e "s|@SERIAL@|$dir/console.txt|" -e "s|@LOG@|$dir/bochs.log|" -e "s|@CPU@|$model|" \
	-e 's|@IPS@|60000000|' \
	-e 's|@MEGS@|256|' -e 's|@UNKNOWN_MSRS@|0|' -e 's|@PRINTER@|enabled=0|' "$bochsrc" >"$dir/bochsrc"

# Not every page of the image is mapped: it has guard pages. So it is written page by page, and what stands above in one piece.
save() {
	printf 'writemem "%s/memory/%x" 0xffff8000%08x %#x\n' "$dir" "$1" "$1" "$2"
}
{
	printf 'pb %#x\n' "$stop"
	done=0
	while [ $done -lt "$hit" ]; do
		echo c
		done=$((done + 1))
	done
	at=$((0x100000))
	while [ $at -lt "$end" ]; do
		save $at $((page))
		at=$((at + page))
	done
	save "$end" $((ram_end - end))
	echo quit
} >"$dir/rc"
TERM=xterm timeout -s KILL $limit bochs -q -f "$dir/bochsrc" -rc "$dir/rc" </dev/null >"$dir/screen.txt" 2>&1 || :
[ ! -s "$dir/console.txt" ] || { tr -d '\r' <"$dir/console.txt"; echo; }
! grep -q "wrong value for parameter 'model'" "$dir/screen.txt" || fail "MODEL=$model: Bochs has no such model (bochs -help cpu lists them)"
[ -n "$(ls "$dir/memory")" ] || fail "the hypervisor did not come to $function ${hit} times on Bochs's $model"

export HV_MEMORY="$dir/memory" HV_TABLES="${HV_TABLES:-${dir%/*}/tables.svg}"
HV_CHECKS=${HV_SAVED_CHECK:-} sh "$here/debug.sh" "$mode-saved" "$image" "$guest" "$dir"
