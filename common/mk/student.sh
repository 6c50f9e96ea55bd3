#!/bin/sh
# SPDX-License-Identifier: MIT
# `make student LAB=02 DIR=... [BASE=given|source|PATH] [TRACK=NAME]`: a student's workspace of one lab, from the files of this tree that
# git knows, as they are now.
#
# It holds everything but the other labs and what a CI machine runs. In the lab's sources a stub stands in place of each solution
# (student.awk), workspace.yaml says what it is, and a git repository has it all as one commit. Author and date are fixed, so that the
# same tree gives the same commit. Of the labs that this one stands on (ENGINES of its Makefile) there is, by BASE:
#
#   given     built objects (lab.mk: given.a, given-host.a), the public header lab.h with what it includes
#   source    everything, solutions too
#   PATH      the same as given, and beside it that lab's sources as the student has them, from the workspace in PATH: the files that
#             its rubric lets a student hand in are the student's, the rest is what every workspace of that lab has
#
# The assignment of every lab stays, being a page of the book. Objects are made by gcc in a copy of these files, so that nothing else
# that lies about gets into them. Nothing is written before all markers are known to be right.
#
# Of a lab with tracks all tracks are there, to be written; workspace.yaml names the one that is graded, which is the first or TRACK.
#
#   student.sh LAB DIRECTORY [BASE [TRACK]]       MAKE may come from the Makefile
set -eu
LC_ALL=C
export LC_ALL

lab=${1:-}
dir=${2:-}
base=${3:-given}
track=${4:-}
own=
# What was said to `make student` is not meant for the calls of make below.
unset BASE BUILD CC TRACK MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

fail() {
	echo "student: $*" >&2
	exit 1
}

# field FILE NAME: a field of workspace.yaml.
field() {
	sed -n "s/^$2: *\"\{0,1\}\([^\"]*\)\"\{0,1\} *$/\1/p" "$1"
}

[ ! -e workspace.yaml ] || fail "this is a workspace itself; use the tree that it came from: $(field workspace.yaml tree)"
[ -n "$lab" ] && [ -n "$dir" ] || fail 'which lab, and where to? make student LAB=01 DIR=../my-lab-01'
case $lab in *[!0-9]*) fail "LAB=$lab: not a number of two digits, such as 01" ;; esac
home=$(echo labs/"$lab"-*)
[ -d "$home" ] || fail "there is no lab $lab"
[ ! -e "$dir" ] || [ -d "$dir" ] || fail "$dir is no directory"
[ -z "$(ls -A "$dir" 2>/dev/null)" ] || fail "$dir is not empty"
git ls-files --error-unmatch Makefile >/dev/null 2>&1 || fail 'this tree is not a git repository'

tracks=$(python3 common/mk/course.py tracks "$lab") || exit 1
[ -n "$track" ] || track=$(printf '%s\n' "$tracks" | head -n 1)
[ -z "$track" ] || printf '%s\n' "$tracks" | grep -qxF -e "$track" ||
	fail "TRACK=$track: no track of lab $lab. There are: $(echo ${tracks:-none})"

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
list=$temporary/list
pick=$temporary/pick

layers=$(${MAKE:-make} --no-print-directory -s -C "$home" layers) || fail "$home/Makefile does not say what the lab stands on"

# ---- the base ----

# own_base PATH: is it a workspace whose work can be taken over?
own_base() {
	[ -d "$1" ] || fail "BASE=$1: give BASE=given, BASE=source, or your own workspace of an earlier lab (no such directory)"
	[ -f "$1/workspace.yaml" ] || fail "BASE=$1 is no workspace: there is no workspace.yaml in it"
	below=$(field "$1/workspace.yaml" lab)
	case $below in
	'' | *[!0-9]*) fail "$1/workspace.yaml: field lab: not the number of a lab" ;;
	esac
	[ "${below#0}" -lt "${lab#0}" ] || fail "BASE=$1 is a workspace of lab $below: lab $lab can only stand on an earlier one"
	for layer in $layers; do
		if ls "$1/$layer"/*.c >/dev/null 2>&1; then
			own="$own $layer"
		elif [ ! -f "$1/$layer/given.a" ]; then
			fail "BASE=$1 is a workspace of lab $below and has nothing of $layer, on which lab $lab stands"
		fi
	done
	[ -n "$own" ] || fail "BASE=$1 has no sources of yours that lab $lab stands on ($(echo "${layers:-it stands on nothing}"))"
}

case $base in
given | source) kind=$base ;;
*)
	kind=own
	own_base "$base"
	;;
esac

# ---- which files ----

git ls-files >"$temporary/all"
[ ! -f course.yaml ] || echo course.yaml >>"$temporary/all"
sort -u "$temporary/all" | while read -r file; do [ ! -f "$file" ] || echo "$file"; done >"$list"

# The public header of a layer, and what it includes of any lab.
headers=
for layer in $layers; do
	[ "$kind" != source ] || continue
	[ -f "$layer/lab.h" ] || fail "$layer/lab.h: lab $lab stands on this directory, and there is no public header in it"
	headers="$headers $(gcc -MM -I common -I . -include common/mk/hidden.h "$layer/lab.h" | tr -s ' \\' '\n' | grep '^labs/')"
done
awk -F / -v lab="${home#labs/}" -v kind="$kind" -v layers="$layers" -v headers="$headers" '
	BEGIN {
		n = split(layers, l, " ")
		for (i = 1; i <= n; i++)
			layer[l[i]]
		n = split(headers, h, " ")
		for (i = 1; i <= n; i++)
			header[h[i]]
	}
	$1 == ".ci" || $0 ~ "^common/mk/next-lab/" { next } # what checks the tree
	$1 != "labs" || $2 == lab || NF == 2 || ($3 == "README.md" && NF == 3) || $0 in header { print; next }
	(kind == "source" || $NF == "gdb.py") && ("labs/" $2) in layer { print } # gdb.py: for the debugger' "$list" >"$pick"

# replace FILE: its text for the workspace. In the layers of an own base there are stubs too, until the student's files come.
replace() {
	number=${1#labs/}
	number=${number%%-*}
	layer=$(echo "$1" | cut -d / -f 1-2)
	case " $home $own " in
	*" $layer "*) replaced=1 ;;
	*) replaced=0 ;;
	esac
	awk -v name="$1" -v lab="${number#0}" -v replace=$replaced -f common/mk/student.awk "$1"
}

for layer in $own; do
	grep "^$layer/.*[.][chS]$" "$list" | grep -v -e '/main[.]c$' -e '/tests/'
done >"$temporary/own-sources"
sort -u "$temporary/own-sources" "$pick" -o "$pick"
sources=$(grep '^labs/[0-9][0-9]-.*\.[chS]$' "$pick" | grep -v '/tests/' || true)
for file in $sources; do
	replace "$file" >/dev/null
done

if [ "$kind" != source ] && [ -n "$layers" ]; then
	mkdir "$temporary/tree"
	tar -cf - -T "$list" | tar -xf - -C "$temporary/tree" --no-same-owner
	for layer in $layers; do
		${MAKE:-make} --no-print-directory -s -j"$(nproc)" -C "$temporary/tree/$layer" CC=gcc BUILD="$temporary/build" given \
			>"$temporary/log" 2>&1 || fail "$layer does not build: $(tail -n 5 "$temporary/log")"
	done
fi

# ---- into the directory ----

mkdir -p "$dir"
tar -cf - -T "$pick" | tar -xf - -C "$dir" --no-same-owner
for file in $sources; do
	! grep -q SOLUTION "$file" || replace "$file" >"$dir/$file"
done
for layer in $layers; do
	[ "$kind" != source ] || break
	mkdir -p "$dir/$layer"
	cp "$temporary/build/$layer/given.a" "$temporary/build/$layer/given-host.a" "$dir/$layer/"
done
# The lab itself is built against the public headers, on both bases: they stay as given.
for layer in $own; do
	python3 common/mk/course.py allowed "$layer" "$base/$layer" >"$temporary/own" || exit 1
	while read -r file; do
		case " $(echo $headers) main.c " in
		*" $layer/$file "* | *" $file "*) continue ;;
		esac
		mkdir -p "$(dirname "$dir/$layer/$file")"
		cp "$base/$layer/$file" "$dir/$layer/$file"
	done <"$temporary/own"
done

commit=$(git rev-parse -q --verify HEAD || echo none)
[ -z "$(git status --porcelain --untracked-files=no)" ] || commit=none
cat >"$dir/workspace.yaml" <<END
# Written by \`make student\`: what this workspace is, what the lab stands on, and where \`make unblock\` finds the reference.
lab: "$lab"
base: $kind
tree: "$(pwd | sed 's/[\\"]/\\&/g')"
commit: "$commit"
END
[ -z "$track" ] || echo "track: \"$track\"" >>"$dir/workspace.yaml"

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

# ---- what it is ----

echo "The workspace of lab $lab is in $dir."
for layer in $layers; do
	case "$kind: $own " in
	source:*) echo "$layer: with its sources." ;;
	*" $layer "*) echo "$layer: as given, in built objects, and beside it yours (make BASE=own BUILD=build/own)." ;;
	*) echo "$layer: as given, in built objects." ;;
	esac
done
cat <<END
What is yours to write${track:+ in track $track}:

END
(cd "$dir" && python3 common/mk/course.py files "$lab" "$track" | xargs grep -Hn 'EXERCISE E[0-9.]* {' | sed 's|^\([^:]*:[0-9]*\):.*\(E[0-9]*\.[0-9]*\).*$|    \2  \1|' | sort -V)
cat <<END

Read $home/README.md there, then:

    make -C $dir grade
END
