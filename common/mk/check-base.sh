# SPDX-License-Identifier: MIT
# The part of check-student.sh that needs a second lab: next-lab/ becomes labs/90-next of a copy of the tree, and stands on lab 01.
#
#   - on a given base nothing of lab 01's sources is in the workspace, and it builds and scores; on BASE=source they are all there; on
#     BASE=PATH the official score does not depend on what the student wrote below, and the own chain's does;
#   - hint, unblock, submit and take do what they promise, and refuse the rest with a sentence;
#   - what is handed in gives the same score in a fresh workspace.
#
# Sourced: tell, is, $top and lab 01's workspace $top/01 come from check-student.sh.

made=$top/tree
next=labs/90-next
below=labs/01-binary-translation

# refuses WHAT TEXT COMMAND...: it fails, and TEXT is part of what it says.
refuses() {
	what=$1
	text=$2
	shift 2
	! "$@" >"$top/said" 2>&1 && grep -qF -e "$text" "$top/said"
	tell $? "refused: $what"
}

# says WHAT TEXT COMMAND...
says() {
	what=$1
	text=$2
	shift 2
	"$@" >"$top/said" 2>&1 && grep -qF -e "$text" "$top/said"
	tell $? "$what"
}

# student DIRECTORY [BASE [TRACK]]
student() {
	(cd "$made" && sh common/mk/student.sh 90 "$@")
}

# in_next DIRECTORY WORDS...: make there, with a build directory of its own.
in_next() {
	where=$1
	shift
	env -u BUILD -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u LAB $MAKE --no-print-directory -C "$where" "$@"
}

# score WORKSPACE BUILD [OPTION]: what the grader gives.
score() {
	"$BUILD/grader/grade" --root "$1" --build "$2" --lab 90 --seed 1 ${3:-} >"$top/grade.log" 2>&1
	sed -n 's/^Total \([0-9.]*\) of .*/\1/p' "$top/grade.log"
}

make_tree() {
	mkdir "$made"
	git ls-files | while read -r file; do [ ! -f "$file" ] || echo "$file"; done | tar -cf - -T - | tar -xf - -C "$made" --no-same-owner
	cp -r common/mk/next-lab "$made/$next"
	commit "$made"
}

commit() {
	git -C "$1" init -q --template= 2>/dev/null
	git -C "$1" add -A
	git -C "$1" -c user.name=check -c user.email=check@localhost commit -q -m 'A state to go on from'
}

# The lines of lab 01's sources that no other file of the workspace has.
lines_below() {
	cat $(git ls-files "$below/*.[cS]") | sed 's/^[\t ]*//' | awk 'length > 20' | sort -u >"$top/inside"
	git -C "$1" ls-files | grep -v '[.]a$' | (cd "$1" && xargs cat) >"$top/outside"
	python3 - "$top/inside" "$top/outside" >"$top/secrets" <<-'END'
		import sys
		inside, outside = (open(path, encoding="utf-8", errors="replace").read() for path in sys.argv[1:])
		print("\n".join(line for line in inside.splitlines() if line not in outside))
	END
}

given_base() {
	ws=$top/given
	student "$ws" >/dev/null && student "$top/fresh" >/dev/null
	tell $? 'given base: two workspaces'
	is "$(git -C "$ws" rev-parse HEAD)" "$(git -C "$top/fresh" rev-parse HEAD)" 'given base: they are the same commit'
	is "README.md bt gdb.py given-host.a given.a lab.h" "$(echo $(ls "$ws/$below"))" 'given base: what there is of lab 01'
	! grep -aqF -e "$PWD" -e "${TMPDIR:-/tmp}/" "$ws/$below"/given*.a
	tell $? 'given base: no path of this computer is in the archives'
	in_next "$ws/$next" BUILD="$ws/build" image unit >"$top/build.log" 2>&1
	tell $? 'given base: it builds'
	is 2.00 "$(score "$ws" "$ws/build")" 'given base: untouched it has the points that need no exercise'
	lines_below "$ws"
	[ "$(wc -l <"$top/secrets")" -gt 100 ]
	tell $? "given base: $(wc -l <"$top/secrets") lines that only lab 01's sources have"
	is '' "$(found | head -n 3)" 'given base: none of them is in the workspace, its build or its history'
	refuses 'an own base that is none' 'no layer of your own here' in_next "$ws/$next" BASE=own BUILD="$ws/build/own" image
}

source_base() {
	ws=$top/whole
	student "$ws" source >/dev/null
	tell $? 'source base: a workspace'
	is "$(git ls-files $below)" "$(git -C "$ws" ls-files $below)" 'source base: all files of lab 01 are there'
	(cd "$ws" && git ls-files $below) | while read -r file; do cmp "$file" "$ws/$file"; done >"$top/differ" 2>&1
	is '' "$(cat "$top/differ")" 'source base: as in the tree'
	in_next "$ws/$next" BUILD="$ws/build" image >"$top/build.log" 2>&1
	tell $? 'source base: it builds'
}

# The student's lab 01 lacks E1.2.
own_base() {
	ws=$top/own
	others=$(echo $(sed -n 's/^.* SOLUTION \(E[0-9.]*\) {.*$/\1/p' "$below"/*.c | sort -u | grep -vx 'E1[.]2'))
	for file in $(git ls-files "$below/*.c"); do
		awk -v name="$file" -v lab=1 -v replace=1 -v keep="$others" -f common/mk/student.awk "$file" >"$top/01/$file"
	done
	refuses 'a base that is not there' 'no such directory' student "$ws" "$top/nowhere"
	refuses 'a base that is no workspace' 'no workspace.yaml' student "$ws" "$made"
	refuses 'a base of the same lab' 'can only stand on an earlier one' student "$ws" "$top/given"
	cp -r "$top/01/workspace.yaml" "$top/empty/"
	refuses 'a base without the layer' "has nothing of $below" student "$ws" "$top/empty"
	refuses 'a workspace of a workspace' 'this is a workspace itself' sh -c "cd '$top/given' && sh common/mk/student.sh 90 '$ws'"
	student "$ws" "$top/01" >/dev/null
	tell $? 'own base: a workspace'
	is own "$(sed -n 's/^base: //p' "$ws/workspace.yaml")" 'own base: workspace.yaml says so'
	cmp -s "$ws/$below/transfer.c" "$top/01/$below/transfer.c"
	tell $? "own base: the student's lab 01 is there"
	cp "$made/$next/main.c" "$ws/$next/main.c"
	is 10.00 "$(score "$ws" "$ws/build")" 'own base: the official score does not depend on it'
	refuses 'an own base in the build directory of the given one' 'directory of its own' in_next "$ws/$next" BASE=own image
	is 2.00 "$(sed -n 's/^On your own layers: \([0-9.]*\) of .*/\1/p' "$top/grade.log")" 'own base: the own chain stops where the student did'
	grep -rqF 'exercise E1.2 is yours to write' "$ws/build"
	tell $? 'own base: and says so'
}

hints() {
	ws=$top/given
	says 'hint: the first is the default' 'The concept of it.' in_next "$ws" hint EX=90.1
	says 'hint: it names the next' 'make hint EX=90.1 STEP=2' in_next "$ws" hint EX=90.1
	says 'hint: the second' 'The place of it.' in_next "$ws" hint EX=90.1 STEP=2
	says 'hint: the third' 'Nearly the answer.' in_next "$ws" hint EX=90.1 STEP=3
	refuses 'a fourth hint' 'STEP=4: a hint has the steps' in_next "$ws" hint EX=90.1 STEP=4
	refuses 'a hint to nothing, with a list' 'EX=90.1  A function around another' in_next "$ws" hint
	refuses 'a hint to no exercise, with a list' 'EX=90.1  A function around another' in_next "$ws" hint EX=90.7
	refuses 'a hint in a lab that is not here, with a list' 'EX=90.1  A function around another' in_next "$ws" hint EX=3.1
	printf 'hints: false\nunblock: false\n' >"$ws/course.yaml"
	refuses 'hints, by the course' 'switched hints off' in_next "$ws" hint EX=90.1
	refuses 'unblocking, by the course' 'switched unblocking off' in_next "$ws" unblock EX=90.1
	printf 'hints: true\nhint: false\n' >"$ws/course.yaml"
	refuses 'an unknown field of course.yaml' 'course.yaml:2: hint: no such field' in_next "$ws" hint EX=90.1
	printf 'hints: 1\n' >"$ws/course.yaml"
	refuses 'a field of another kind' 'course.yaml:1: hints: must be true or false' in_next "$ws" hint EX=90.1
	rm "$ws/course.yaml"
}

unblocking() {
	ws=$top/given
	refuses 'unblocking in the tree' 'this is no workspace' in_next "$made" unblock EX=90.1
	refuses 'unblocking no exercise' 'EX=90.1  A function around another' in_next "$ws" unblock EX=90.7
	refuses 'unblocking an exercise of another lab' 'no exercise of this workspace' in_next "$ws" unblock EX=1.2
	refuses 'a reference that is not there' "is not there: $top/nowhere" in_next "$ws" unblock EX=90.1 FROM="$top/nowhere"
	refuses 'a reference without the solution' 'not a workspace' in_next "$ws" unblock EX=90.1 FROM="$top/fresh"
	cp "$ws/$next/main.c" "$top/main.c"
	sed -i '/EXERCISE/d' "$ws/$next/main.c"
	refuses 'markers that are gone' "git show $(git -C "$ws" rev-parse HEAD):$next/main.c > $next/main.c" in_next "$ws" unblock EX=90.1
	sed '/ EXERCISE E90.1 [*]/d' "$top/main.c" >"$ws/$next/main.c"
	refuses 'half a marker' "$next/main.c:13: the end of the region of E90.1 is gone" in_next "$ws" unblock EX=90.1
	sed 's/exercise_missing(.*/my_own_text();/' "$top/main.c" >"$ws/$next/main.c"
	says 'unblock: it names the function' "$next/main.c: next_run()" in_next "$ws" unblock EX=90.1
	grep -q my_own_text "$ws/unblocked/E90.1/main.c"
	tell $? 'unblock: what stood there is kept'
	is "$(sed 's/SOLUTION E90.1 {.*/UNBLOCKED E90.1 { *\//; s/SOLUTION/UNBLOCKED/' "$made/$next/main.c")" "$(cat "$ws/$next/main.c")" \
		'unblock: the reference stands there, marked'
	refuses 'unblocking twice' 'unblocked already' in_next "$ws" unblock EX=90.1
	is 2.00 "$(score "$ws" "$ws/build")" 'unblock: the exercise scores 0'
	says 'unblock: it is in the manifest' 'unblocked: E90.1' in_next "$ws" submit
	rm -rf "$ws/unblocked"
}

# archive FILE NAME [TEXT]: with one file of that name, which the manifest names too.
archive() {
	python3 - "$@" <<-'END'
		import hashlib, io, sys, tarfile
		path, name, text = sys.argv[1], sys.argv[2], (sys.argv + ["text"])[3].encode()
		claimed = hashlib.sha256(b"text").hexdigest()
		files = [(name, text), ("MANIFEST", f'lab: "90"\nfiles: {{"{name}": {claimed}}}\n'.encode())]
		with tarfile.open(path, "w:gz") as tar:
		    for name, data in files:
		        member = tarfile.TarInfo(name)
		        member.size = len(data)
		        tar.addfile(member, io.BytesIO(data))
	END
}

handing_in() {
	ws=$top/given
	packed=$ws/build/submit/lab-90.tar.gz
	sed 's|/\* SOLUTION.*|/* mine */|; /} SOLUTION/d' "$made/$next/main.c" >"$ws/$next/main.c"
	echo 'static inline int extra(void) { return 0; }' >"$ws/$next/extra.c"
	sed -i '1i #include "labs/90-next/extra.c"' "$ws/$next/main.c"
	mkdir -p "$ws/$next/notes"
	echo text >"$ws/$next/notes/a.md"
	echo text >"$ws/$next/.hidden.c"
	sed -i 's/^submit:.*/submit: ["*"]/' "$ws/$next/rubric.yaml"
	echo '/* faster */' >>"$ws/common/vmm/sched.c"
	says 'submit: a changed file of common/ is named' 'not handed in: common/vmm/sched.c' in_next "$ws" submit LAB=90
	grep -qF "not handed in: $next/rubric.yaml" "$top/said"
	tell $? 'submit: a changed rubric is named'
	git -C "$ws" checkout -q common "$next/rubric.yaml"
	is "MANIFEST $next/extra.c $next/main.c $next/notes/a.md $next/two/main.c" "$(echo $(tar -tzf "$packed"))" 'submit: what the rubric allows, as it was given'
	before=$(sha256sum <"$packed")
	touch "$ws/$next/main.c"
	in_next "$ws" submit >"$top/said"
	is "$before" "$(sha256sum <"$packed")" 'submit: the same files give the same archive'
	is 10.00 "$(score "$ws" "$ws/build")" 'submit: the score here'
	says 'submit: the score is in the manifest' 'score: 10 of 10' in_next "$ws" submit
	touch -d '+1 hour' "$ws/$next/main.c"
	says 'submit: an old score is not' 'changed after the last grading' in_next "$ws" submit
	refuses 'handing in another lab' 'a workspace of lab 90, not of lab 01' in_next "$ws" submit LAB=01
	refuses 'handing in from the tree' 'this is no workspace' in_next "$made" submit LAB=90
}

# The workspace is made fresh again; its build directory, which git does not know, saves building all of it once more.
taking() {
	ws=$top/given
	git -C "$ws" checkout -q . && git -C "$ws" clean -fdq
	is "$(git -C "$top/fresh" write-tree)" "$(git -C "$ws" add -A && git -C "$ws" write-tree)" 'take: the workspace is fresh again'
	for name in ../main.c /main.c "$next/../main.c" "./$next/main.c"; do
		archive "$top/bad.tar.gz" "$name"
		refuses "an archive with $name" 'not a plain file with a plain name' in_next "$ws" take FILE="$top/bad.tar.gz"
	done
	for name in main.c Makefile common/vmm/sched.c "$next/rubric.yaml" "$next/tests/test_next.c"; do
		archive "$top/bad.tar.gz" "$name"
		refuses "an archive with $name" 'not a file that is handed in' in_next "$ws" take FILE="$top/bad.tar.gz"
	done
	archive "$top/bad.tar.gz" "$next/main.c" other
	refuses 'a file with another checksum' "not the file that the MANIFEST names" in_next "$ws" take FILE="$top/bad.tar.gz"
	echo text >"$top/bad.tar.gz"
	refuses 'what is no archive' "$top/bad.tar.gz: " in_next "$ws" take FILE="$top/bad.tar.gz"
	is '' "$(git -C "$ws" status --porcelain)" 'take: nothing of that was unpacked'
	says 'take: into a fresh workspace' '4 files' in_next "$ws" take FILE="$packed"
	is 10.00 "$(score "$ws" "$ws/build")" 'take: it has the same score'
	refuses 'a workspace that is not fresh' 'not fresh' in_next "$ws" take FILE="$packed"
}

# A workspace of the second track: what is done there is done to that one, and the first stays as it was given.
two_tracks() {
	ws=$top/two
	refuses 'a track that is not there' 'TRACK=three: no track of lab 90. There are: one two' student "$ws" given three
	student "$ws" given two >"$top/said"
	tell $? 'tracks: a workspace'
	grep -q "E90.1  $next/two/main.c:" "$top/said"
	tell $? 'tracks: the places of this one are named'
	is 'one two' "$(sed -n 's/^track: "\(.*\)"/\1/p' "$top/fresh/workspace.yaml" "$ws/workspace.yaml" | xargs)" 'tracks: workspace.yaml names it'
	is 2 "$(grep -l 'EXERCISE E90.1 {' "$ws/$next/main.c" "$ws/$next/two/main.c" | wc -l)" 'tracks: both are to be written'
	is 2.00 "$(score "$ws" "$ws/build")" 'tracks: untouched it has the points that need no exercise'
	grep -qF "exercise E90.1 is yours to write ($next/two/main.c: two_run)" "$top/grade.log"
	tell $? 'tracks: the stub names its file'
	says 'tracks: a hint of this one' 'The second concept.' in_next "$ws" hint EX=90.1
	says 'tracks: a hint of the other one' 'The place of it.' in_next "$ws" hint EX=90.1 STEP=2 TRACK=one
	refuses 'a hint of a track that is not there' 'lab 90 has no track three. There are: one, two' in_next "$ws" hint EX=90.1 TRACK=three
	says 'tracks: unblocking names the function' "$next/two/main.c: two_run()" in_next "$ws" unblock EX=90.1
	cmp -s "$ws/$next/main.c" "$top/fresh/$next/main.c"
	tell $? 'tracks: the other one is not unblocked'
	is 2.00 "$(score "$ws" "$ws/build")" 'tracks: the exercise scores 0'
	is unblocked "$(sed -n 's/^E90.1 .* //p' "$top/grade.log")" 'tracks: and is unblocked'
	"$BUILD/grader/grade" --root "$ws" --build "$ws/build" --lab 90 --seed 1 --track one >"$top/grade.log" 2>&1
	is open "$(sed -n 's/^E90.1 .* //p' "$top/grade.log")" 'tracks: in the other one it is open'
	says 'tracks: a score of another track is not handed in' 'the last grading was of track one' in_next "$ws" submit
	sed 's|/\* SOLUTION.*|/* mine */|; /} SOLUTION/d' "$made/$next/two/main.c" >"$ws/$next/two/main.c"
	is 10.00 "$(score "$ws" "$ws/build")" 'tracks: solved it has all points, with the other one open'
	touch "$ws/build/results.json"
	says 'tracks: submit' 'score: 10 of 10' in_next "$ws" submit
	rm -rf "$top/one"
	student "$top/one" >/dev/null
	says 'tracks: take makes a workspace one of the track' 'It is of track two, and so is this workspace now.' \
		in_next "$top/one" take FILE="$ws/build/submit/lab-90.tar.gz"
	is two "$(sed -n 's/^track: "\(.*\)"/\1/p' "$top/one/workspace.yaml")" 'tracks: and it says so'
}

check_bases() {
	echo 'a second lab:'
	mkdir -p "$top/empty"
	make_tree
	in_next . BUILD="$BUILD" grader >"$top/build.log" 2>&1
	given_base
	source_base
	own_base
	hints
	unblocking
	handing_in
	taking
	two_tracks
}
