#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches Debian's kernel and takes from the package, without installing it, what `make check-nested` needs:
#   fetch.sh LIST DIR
# LIST names the package that depends on the newest kernel (common/mk/packages-fetched). DIR gets vmlinuz, irqbypass.ko, kvm.ko, kvm-amd.ko
# and kvm-intel.ko, and a file `version` with the name of the package, written last.
set -eu

list=$1
dir=$2
lists=/var/lib/apt/lists

fail() {
	printf 'nested: %s\n' "$@" >&2
	exit 1
}

for program in apt-get apt-cache dpkg-deb tar; do
	command -v $program >/dev/null || fail "there is no $program here. The kernel comes as a Debian package."
done
newest=$(sed -e 's/#.*//' "$list" | awk 'NF { print $1; exit }')

# The package that the newest one stands for; nothing when the package lists do not say.
resolve() {
	apt-cache depends "$newest" 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }'
}

# Only root may bring the package lists up to date.
update() {
	[ "$(id -u)" -eq 0 ] || return 0
	printf 'nested: fetching the package lists\n' >&2
	apt-get -o DPkg::Lock::Timeout=300 update >&2 || true
}

package=$(resolve)
if [ -z "$package" ]; then
	update
	package=$(resolve)
fi
[ -n "$package" ] || fail "the package lists in $lists do not know $newest." \
	"On Debian 12: sudo apt-get update, then try again. Other distributions have no such kernel."

rm -rf "$dir"
mkdir -p "$dir/unpack"
download() {
	(cd "$dir/unpack" && apt-get download "$package" >download.log 2>&1)
}
printf 'nested: fetching %s\n' "$package" >&2
if ! download; then
	update
	package=$(resolve)
	download || {
		cat "$dir/unpack/download.log" >&2
		fail "$package cannot be fetched. This needs a network once; afterwards the kernel is kept in $dir."
	}
fi

dpkg-deb --fsys-tarfile "$dir"/unpack/*.deb | tar -x -C "$dir/unpack" --wildcards './boot/vmlinuz-*' '*/irqbypass.ko' '*/kvm.ko' \
	'*/kvm-amd.ko' '*/kvm-intel.ko' || fail "$package holds no kernel with KVM as uncompressed modules."
find "$dir/unpack/lib" -name '*.ko' -exec mv {} "$dir" \;
mv "$dir"/unpack/boot/vmlinuz-* "$dir/vmlinuz"
rm -rf "$dir/unpack"
printf '%s\n' "$package" >"$dir/version"
