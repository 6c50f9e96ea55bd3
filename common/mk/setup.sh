#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that are missing: setup.sh LIST
#
# As root or in CI (CI=true) at once; otherwise through sudo, after showing what and asking (YES=1 skips the question). Where
# neither works it prints the command to give to an administrator, and fails. SETUP=skip trusts that everything is there.
set -eu

list=$1
[ "${SETUP:-}" != skip ] || exit 0

say() {
	printf 'setup: %s\n' "$*" >&2
}

wanted=$(sed -e 's/#.*//' "$list" | awk 'NF { print $1 }')

if ! command -v dpkg-query >/dev/null; then
	say "this is not Debian or Ubuntu. Install these by your own means, then use SETUP=skip:"
	say $wanted
	exit 1
fi

# Prints the wanted packages that are not installed. One call of dpkg-query for all of them; it fails when it knows one of
# them not at all, which is nothing bad.
missing_packages() {
	{
		dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true
	} | awk -v wanted="$wanted" '
		$1 == "installed" { installed[$2] = 1 }
		END {
			n = split(wanted, names)
			for (i = 1; i <= n; i++)
				if (!(names[i] in installed))
					printf "%s ", names[i]
		}'
}

missing=$(missing_packages)
missing=${missing% }
[ -n "$missing" ] || exit 0

give_up() {
	say "$1 Run this, then try again:"
	printf '\n    sudo apt-get update && sudo apt-get install -y %s\n\n' "$missing" >&2
	exit 1
}

command -v apt-get >/dev/null || give_up "there is no apt-get here."

if [ "$(id -u)" -eq 0 ]; then
	sudo=
elif ! command -v sudo >/dev/null; then
	give_up "packages are missing, and there is no sudo here."
elif [ "${CI:-}" = true ]; then
	sudo='sudo -n'
elif [ "${YES:-}" = 1 ]; then
	sudo=sudo
elif [ -t 0 ] && [ -t 2 ]; then
	say "missing packages: $missing"
	printf 'setup: install them with sudo apt-get? [y/N] ' >&2
	read -r answer || answer=
	case $answer in
	[Yy]*) sudo=sudo ;;
	*) give_up "nothing was installed." ;;
	esac
else
	give_up "packages are missing, and there is no terminal to ask on."
fi

say "installing $missing"
as_root() {
	$sudo env DEBIAN_FRONTEND=noninteractive "$@"
}
install_missing() {
	as_root apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing
}

update_lists() {
	say "fetching the package lists"
	as_root apt-get -o DPkg::Lock::Timeout=300 update >&2 || give_up "apt-get update failed."
}

# The lists may be absent or out of date.
lists=/var/lib/apt/lists
ls "$lists" 2>/dev/null | grep -q _Packages || update_lists
if ! install_missing >&2; then
	update_lists
	install_missing >&2 || give_up "apt-get install failed."
fi
missing=$(missing_packages)
missing=${missing% }
[ -z "$missing" ] || give_up "some packages are still missing."
