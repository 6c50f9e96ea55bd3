#!/bin/sh
# SPDX-License-Identifier: MIT
# `make student LAB=01 DIR=...`: a student's workspace of one lab, from the files of this tree that git knows, as they are now.
#
# It holds everything but the labs behind this one and what a CI machine runs. In the lab's sources a stub stands in place of each
# solution (student.awk), and a git repository has it all as one commit. Author and date are fixed, so that the same tree gives the same
# commit. Nothing is written before all markers are known to be right.
#
#   student.sh LAB DIRECTORY
set -eu
LC_ALL=C
export LC_ALL

lab=${1:-}
dir=${2:-}

fail() {
	echo "student: $*" >&2
	exit 1
}

[ -n "$lab" ] && [ -n "$dir" ] || fail 'which lab, and where to? make student LAB=01 DIR=../my-lab-01'
case $lab in *[!0-9]*) fail "LAB=$lab: not a number of two digits, such as 01" ;; esac
[ -d "$(echo labs/"$lab"-*)" ] || fail "there is no lab $lab"
[ ! -e "$dir" ] || [ -d "$dir" ] || fail "$dir is no directory"
[ -z "$(ls -A "$dir" 2>/dev/null)" ] || fail "$dir is not empty"
git ls-files --error-unmatch Makefile >/dev/null 2>&1 || fail 'this tree is not a git repository'

list=$(mktemp)
trap 'rm -f "$list"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
git ls-files | awk -F / -v lab="$lab" '$1 == ".ci" || ($1 == "labs" && substr($2, 1, 2) > lab) { next } { print }' |
	while read -r file; do [ ! -f "$file" ] || echo "$file"; done >"$list"

# replace FILE: its text for the workspace.
replace() {
	number=${1#labs/}
	number=${number%%-*}
	[ "$number" = "$lab" ] && replaced=1 || replaced=0
	awk -v name="$1" -v lab="${number#0}" -v replace=$replaced -f common/mk/student.awk "$1"
}

sources=$(grep '^labs/[0-9][0-9]-[^/]*/[^/]*\.[chS]$' "$list")
for file in $sources; do
	replace "$file" >/dev/null
done

mkdir -p "$dir"
tar -cf - -T "$list" | tar -xf - -C "$dir" --no-same-owner
for file in $sources; do
	! grep -q SOLUTION "$file" || replace "$file" >"$dir/$file"
done

GIT_CONFIG_GLOBAL=/dev/null
GIT_CONFIG_NOSYSTEM=1
GIT_AUTHOR_NAME='Hypervisor labs'
GIT_AUTHOR_EMAIL=labs@localhost
GIT_AUTHOR_DATE='2024-01-01T00:00:00+0000'
GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME
GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
export GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_AUTHOR_DATE GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL \
	GIT_COMMITTER_DATE
(
	cd "$dir"
	git init -q -b main --template= .
	git add -A
	git commit -q -m "Lab $lab, as given"
)

cat <<END
The workspace of lab $lab is in $dir. What is yours to write:

END
(cd "$dir" && grep -Hn 'EXERCISE E[0-9.]* {' labs/"$lab"-*/*.[chS] | sed 's|^\([^:]*:[0-9]*\):.*\(E[0-9]*\.[0-9]*\).*$|    \2  \1|' | sort)
cat <<END

Read $(echo labs/"$lab"-*)/README.md there, then:

    make -C $dir grade
END
