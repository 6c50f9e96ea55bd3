#!/bin/sh
# SPDX-License-Identifier: MIT
# The hypervisor on QEMU, stopped before its first instruction, and GDB on it with the symbols of hypervisor and guest:
#
#   debug.sh run IMAGE GUEST DIR QEMU ARGUMENTS...     for a person
#   debug.sh check IMAGE GUEST DIR QEMU ARGUMENTS...   the session of check.py, for `make test`
#   debug.sh run-saved|check-saved IMAGE GUEST DIR     without a machine, on the memory in the directory HV_MEMORY: saved.sh
#   debug.sh picture IMAGE GUEST DIR QEMU ARGUMENTS... the session HV_SESSION, with moment.py before it, for `make trace`
#   debug.sh session IMAGE GUEST DIR QEMU ARGUMENTS... the session HV_SESSION, with check_tools.py before it, for `make test`
#
# IMAGE and GUEST are file names without .elf. GDB finds QEMU by a socket in a directory of the session's own below DIR, so that two
# sessions never meet. HV_COMMANDS names more files of commands, of the engines that the hypervisor is linked from, and HV_CHECKS files of
# Python that check.py has to know of. QEMU has no terminal but prints the console on this one, and dies with this script, however that ends.
set -eu

mode=$1
image=$2
guest=$3
dir=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
: "${HV_COMMANDS=}" "${HV_CHECKS=}"
limit=60 # seconds, of a session by script

say() {
	printf 'debug: %s\n' "$*" >&2
}

[ $# -gt 0 ] || set -- gdb
for tool in gdb "$1" setpriv setsid; do
	command -v "$tool" >/dev/null || { say "there is no $tool here: run make setup"; exit 1; }
done
# GDB can be built without it.
gdb -nx -batch -ex 'python print(1)' >/dev/null 2>&1 || { say 'this gdb has no Python; the one of the package gdb has'; exit 1; }
for file in "$image.elf" "$image.bin" "$guest.elf"; do
	[ -e "$file" ] || { say "$file is not built: run make labs"; exit 1; }
done

# Names of sockets are short (108 bytes), so the socket is named from its directory.
mkdir -p "$dir"
dir=$(cd "$dir" && mktemp -d "$PWD/session.XXXXXX")
qemu=
end() {
	if [ -n "$qemu" ]; then
		kill -KILL "$qemu" 2>/dev/null || :
		wait "$qemu" 2>/dev/null || :
		# A warning at each stop of a machine whose clock counts instructions; it means nothing here.
		grep -v 'icount sleep disabled' qemu.log >&2 || :
	fi
	rm -rf "$dir"
}
trap end EXIT
trap 'exit 130' TERM HUP
trap : INT # Ctrl-C stops the machine: it is GDB's
cd "$dir"

start() {
	setsid setpriv --pdeathsig KILL "$@" -S -gdb unix:gdb.sock,server=on,wait=off \
		-chardev stdio,id=console,logfile=console.log -serial chardev:console </dev/null 2>qemu.log &
	qemu=$!
	tries=0
	while [ ! -S gdb.sock ]; do
		kill -0 "$qemu" 2>/dev/null || { say 'QEMU did not start'; exit 1; }
		tries=$((tries + 1))
		[ $tries -lt 200 ] || { say 'QEMU does not open its socket'; exit 1; }
		sleep 0.05
	done
}
[ -n "${HV_MEMORY-}" ] || start "$@"

# Code can be read before it is mapped: from the files. The hypervisor never changes its own.
set -- -q -nx -ex 'set confirm off' -ex 'set pagination off' -ex 'set trust-readonly-sections on' -ex 'set history save off' \
	-ex "directory $top" -ex "add-symbol-file $guest.elf" -ex 'set architecture i386:x86-64'
[ -n "${HV_MEMORY-}" ] || set -- "$@" -ex 'target remote gdb.sock'
set -- "$@" -ex "cd $top" -x "$here/hv.py"
for file in $HV_COMMANDS; do
	set -- "$@" -x "$file"
done
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 # hv.py has a module beside it
export HV_TABLES="${HV_TABLES:-${dir%/*}/tables.svg}"
case $mode in
check | check-saved | session | picture)
	code=0
	case $mode in
	check) set -- "$@" -x "$here/check_tools.py" $(printf ' -x %s' $HV_CHECKS) -x "$here/check.py" ;;
	check-saved) set -- "$@" -x "$here/check_tools.py" $(printf ' -x %s' $HV_CHECKS) ;;
	session) set -- "$@" -x "$here/check_tools.py" -x "$HV_SESSION" ;;
	picture) set -- "$@" -x "$here/moment.py" -x "$HV_SESSION" ;;
	esac
	timeout -k 1 $limit gdb -batch "$@" "$image.elf" </dev/null || code=$?
	[ $code -ne 124 ] || say "the session did not end within $limit seconds"
	exit $code
	;;
run-saved)
	say 'this is what the memory held: nothing runs. Try: hv-vcpu, hv-walk guest_main, hv-tables, hv-exits'
	gdb "$@" "$image.elf"
	;;
*)
	say 'stopped before the first instruction. Try: hv-until guest_main, hv-vcpu, hv-walk guest_main, hv-tables, hv-exits'
	gdb "$@" "$image.elf"
	;;
esac
