#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a student asks for in a workspace besides a grade, and what an instructor does with the answer. Run from the top of a tree.

    course.py hint EX [STEP]        one of three hints to an exercise (rubric.yaml)
    course.py unblock EX [FROM]     the reference in place of what stands in an exercise, which then scores 0
    course.py submit [LAB]          the files that are handed in, with a MANIFEST, as BUILD/submit/lab-NN.tar.gz
    course.py take FILE             the same into a fresh workspace, after all that is in it was checked
    course.py allowed HOME DIR      what is handed in of the lab in HOME, among the files below DIR (for student.sh)
    course.py tracks LAB            the names of its tracks (for student.sh, check-student.sh)
    course.py files LAB [TRACK]     the files with exercises in them (for student.sh, check-student.sh)

The reference is the tree that the workspace came from. The UNBLOCKED markers themselves are the record. BUILD comes from the Makefile, and so
does TRACK; without it the track is the workspace's, or the first.
"""
import gzip
import hashlib
import io
import json
import os
import posixpath
import shutil
import subprocess
import sys
import tarfile
import textwrap

import yaml

sys.dont_write_bytecode = True  # a workspace holds what was put there
from exercises import Lab, Mistake, allowed, course_settings, exercise_name, files_below, read, regions, workspace

HINTS = ("the concept", "the place", "nearly the answer")
SAVED = "unblocked"  # at the top: `make clean` takes BUILD away
MANIFEST = "MANIFEST"
MTIME = 0  # of everything that is packed, so that the same files give the same archive
MOST_BYTES = 4 << 20  # of one file that is taken
WIDTH = 100


def in_workspace():
    fields = workspace()
    if not fields:
        raise Mistake("this is no workspace (no workspace.yaml): make student LAB=NN DIR=... writes one, go there")
    return fields


def own_lab(number):
    """The lab of this workspace; `number` is what was asked for."""
    fields = in_workspace()
    if number and number != fields["lab"]:
        raise Mistake(f"this is a workspace of lab {fields['lab']}, not of lab {number}")
    return fields, Lab(fields["lab"])


def in_track(lab):
    """The same lab, of one track only."""
    fields = workspace() or {}
    track = os.environ.get("TRACK") or (fields.get("track") if fields.get("lab") == lab.number else None)
    track = track or (lab.tracks[0] if lab.tracks else None)
    return Lab(lab.number, lab.top, track=track)


# ---- hint ----


def hint(ex="", step="1"):
    if not course_settings()["hints"]:
        raise Mistake("this course has switched hints off (course.yaml)")
    name, number = exercise_name(ex)
    exercise = in_track(Lab(number)).exercise(name)
    hints = exercise.get("hints") or []
    if len(hints) != len(HINTS):
        raise Mistake(f"{name} has no hints")
    if step not in ("1", "2", "3"):
        raise Mistake(f"STEP={step}: a hint has the steps 1 (the concept), 2 (the place), 3 (nearly the answer)")
    n = int(step)
    print(f"{name} {exercise['name']}, hint {n} of {len(HINTS)}: {HINTS[n - 1]}\n")
    print(textwrap.fill(hints[n - 1], WIDTH, initial_indent="    ", subsequent_indent="    "))
    if n < len(HINTS):
        print(f"\nThe next one, {HINTS[n]}: make hint EX={name[1:]} STEP={n + 1}")
    elif course_settings()["unblock"] and os.path.exists("workspace.yaml"):
        print(f"\nThat was the last. To go on without this exercise's points: make unblock EX={name[1:]}")


# ---- unblock ----


def reference(number, name, tree):
    """(function, lines of its region) of an exercise, by file, from the solution."""
    if not os.path.isdir(tree):
        raise Mistake(f"the tree with the reference is not there: {tree}\nSay where it is: make unblock EX={name[1:]} FROM=PATH")
    try:
        solutions = [r for r in in_track(Lab(number, tree)).regions(name) if r.kind == "SOLUTION"]
    except Mistake as e:
        raise Mistake(f"{tree}: {e}") from e
    if not solutions:
        raise Mistake(f"{tree} has no reference for {name}: FROM= must be the tree of the project, not a workspace")
    found = {}
    for r in solutions:
        lines = read(os.path.join(tree, r.path)).splitlines(keepends=True)
        found.setdefault(r.path, []).append((r.function, lines[r.first + 1 : r.last]))
    return found


def first_commit():
    """The workspace as it was given; None without its history."""
    try:
        out = subprocess.run(["git", "rev-list", "--max-parents=0", "HEAD"], capture_output=True, text=True, check=True).stdout
        top = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return out.split()[-1] if os.path.samefile(top, ".") else None


def place(path, name, wanted):
    """The regions of one file, each with its reference, in the order of the reference."""
    text = read(path) if os.path.exists(path) else ""
    back = f"Bring the file back as it was given, and put your own work into it again:\n    git show {first_commit() or 'COMMIT'}:{path} > {path}"
    try:
        here = [r for r in regions(path, text) if r.exercise == name]
    except Mistake as e:
        raise Mistake(f"{e}. {back}") from e
    found = []
    for function, lines in wanted:
        match = next((r for r in here if r.function == function), None)
        if not match:
            raise Mistake(f"{path}: {function}(): the comments EXERCISE {name} {{ and }} EXERCISE {name} are gone. {back}")
        here.remove(match)
        found.append((match, lines))
    return found


def put(path, name, places):
    lines = read(path).splitlines(keepends=True)
    for region, new in sorted(places, key=lambda p: -p[0].first):
        if region.kind == "UNBLOCKED":
            continue
        mark = lines[region.first]
        indent = mark[: len(mark) - len(mark.lstrip())]
        begin, end = f"{indent}/* UNBLOCKED {name} {{ */\n", f"{indent}/* }} UNBLOCKED {name} */\n"
        lines[region.first : region.last + 1] = [begin, *new, end]
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
        f.writelines(lines)


def save(path, name, home):
    """Copies what stood there, and never over an older copy."""
    copy, n = os.path.join(SAVED, name, os.path.relpath(path, home)), 1
    while os.path.exists(copy):
        n += 1
        copy = os.path.join(SAVED, f"{name}-{n}", os.path.relpath(path, home))
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    shutil.copyfile(path, copy)
    return copy


def unblock(ex="", tree=""):
    fields = in_workspace()
    if not course_settings()["unblock"]:
        raise Mistake("this course has switched unblocking off (course.yaml)")
    name, number = exercise_name(ex)
    if number != fields["lab"]:
        raise Mistake(f"{name} is no exercise of this workspace. It has:\n{Lab(fields['lab']).listing()}")
    if not in_track(Lab(number)).exercise(name).get("tests"):
        raise Mistake(f"there is nothing to unblock in {name}: it is not graded")
    found = {path: place(path, name, wanted) for path, wanted in reference(number, name, tree or fields["tree"]).items()}
    if all(region.kind == "UNBLOCKED" for places in found.values() for region, _ in places):
        raise Mistake(f"{name} is unblocked already")
    print(f"{name}: the reference now stands in")
    for path, places in found.items():
        copy = save(path, name, Lab(number).home)
        put(path, name, places)
        print(f"    {path}: {', '.join(f'{r.function}()' for r, _ in places)}    (the file as it was: {copy})")
    print(f"This exercise scores 0 from now on. The comments UNBLOCKED {name} are the record: leave them where they are.")


# ---- submit ----


def git(*words):
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout


def as_given(first, path):
    """A file of the workspace as it was given; None when it was not."""
    done = subprocess.run(["git", "show", f"{first}:{path}"], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def changed_files(first):
    """What is not as it was given, new files too."""
    listed = git("diff", "--name-only", "-z", first) + git("ls-files", "-z", "--others", "--exclude-standard")
    return sorted({f for f in listed.split("\0") if f})


def score_of(lab, packed, track):
    """The score in BUILD/results.json, when it is that of these files."""
    path = os.path.join(os.environ.get("BUILD", "build"), "results.json")
    if not os.path.exists(path):
        return "none: not graded here"
    if os.path.getmtime(path) < max(os.path.getmtime(os.path.join(lab.home, f)) for f in packed):
        return "none: a file was changed after the last grading"
    try:
        with open(path, encoding="utf-8") as f:
            results = json.load(f)
        mine = next(entry for entry in results["labs"] if entry["id"] == lab.number)
        if track and mine["track"] != track:
            return f"none: the last grading was of track {mine['track']}"
        if mine["max"] != lab.rubric["max"]:
            return "none: the last grading was of a part of the lab"
        return {"points": mine["score"], "max": mine["max"], "seed": results["seed"]}
    except (ValueError, KeyError, TypeError, StopIteration):
        return "none: the last grading was not that of this lab"


def pack(path, files):
    """files: {name in the archive: bytes}. Sorted, and without anything of this computer or this hour."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(files[name]), MTIME, 0o644
            tar.addfile(member, io.BytesIO(files[name]))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(gzip.compress(packed.getvalue(), mtime=MTIME))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def read_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def submit(number=""):
    fields, lab = own_lab(number)
    first = first_commit()
    given = first and as_given(first, os.path.join(lab.home, "rubric.yaml"))
    lab = Lab(lab.number, text=given) if given else lab
    packed = [f for f in files_below(lab.home) if allowed(f, lab.submit)]
    if not packed:
        raise Mistake(f"{lab.home} has no file of: {' '.join(lab.submit)}")
    contents = {f"{lab.home}/{f}": read_bytes(os.path.join(lab.home, f)) for f in packed}
    manifest = {
        "lab": lab.number,
        "base": fields["base"],
        "commit": fields["commit"],
        "score": score_of(lab, packed, fields.get("track")),
        "unblocked": sorted({r.exercise for r in lab.regions() if r.kind == "UNBLOCKED"}),
        "files": {name: digest(data) for name, data in contents.items()},
    }
    if lab.tracks:
        manifest["track"] = fields.get("track")
    path = os.path.join(os.environ.get("BUILD", "build"), "submit", f"lab-{lab.number}.tar.gz")
    pack(path, contents | {MANIFEST: yaml.safe_dump(manifest, sort_keys=False).encode()})
    print(f"{os.path.relpath(path)}:")
    for name in sorted(contents):
        print(f"    {name}")
    score = manifest["score"]
    print("score: " + (f"{score['points']} of {score['max']}, seed {score['seed']}" if isinstance(score, dict) else score))
    if manifest["unblocked"]:
        print(f"unblocked: {' '.join(manifest['unblocked'])}")
    if not first:
        print("There is no history here (git), so it cannot be told which other files are changed.")
        return
    for name in changed_files(first):
        if name not in contents and not name.startswith(f"{SAVED}/"):
            print(f"changed, and not handed in: {name}")


# ---- take ----


def unpack(path):
    """{name: bytes} of an archive, none of it on the disk yet."""
    found = {}
    try:
        with tarfile.open(path, "r:gz") as tar:
            for member in tar:
                name = member.name
                if not member.isreg() or name in found or posixpath.normpath(name) != name or name[:1] in "/." or "\\" in name:
                    raise Mistake(f"{path}: {name}: not a plain file with a plain name")
                if member.size > MOST_BYTES:
                    raise Mistake(f"{path}: {name}: too large ({member.size} bytes)")
                found[name] = tar.extractfile(member).read()
    except (OSError, EOFError, tarfile.TarError) as e:
        raise Mistake(f"{path}: {e}") from e
    return found


def read_manifest(path, files):
    try:
        manifest = yaml.safe_load(files.pop(MANIFEST, b""))
    except yaml.YAMLError:
        manifest = None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise Mistake(f"{path}: no {MANIFEST}, or none that make submit wrote")
    for name in sorted(manifest["files"].keys() ^ files.keys(), key=str):
        raise Mistake(f"{path}: {name}: not both in the archive and in its {MANIFEST}")
    for name, data in files.items():
        if manifest["files"][name] != digest(data):
            raise Mistake(f"{path}: {name}: not the file that the {MANIFEST} names")
    return manifest


def take_track(path, lab, manifest):
    """The workspace becomes one of the track that was handed in: each can earn all points."""
    track = manifest.get("track")
    if not lab.tracks or track == workspace().get("track"):
        return
    if track not in lab.tracks:
        raise Mistake(f"{path}: field track of its {MANIFEST}: none of {', '.join(lab.tracks)}")
    lines = [line for line in read("workspace.yaml").splitlines(keepends=True) if not line.startswith("track:")]
    with open("workspace.yaml", "w", encoding="utf-8", errors="surrogateescape") as f:
        f.writelines([*lines, f'track: "{track}"\n'])
    print(f"It is of track {track}, and so is this workspace now.")


def take(path=""):
    fields, lab = own_lab("")
    if not path:
        raise Mistake("which archive? make take FILE=lab-01.tar.gz")
    first = first_commit()
    if not first or git("rev-parse", "HEAD").strip() != first or git("status", "--porcelain"):
        raise Mistake("this workspace is not fresh: take a new one (make student) for each archive")
    files = unpack(path)
    manifest = read_manifest(path, files)
    if manifest.get("lab") != lab.number:
        raise Mistake(f"{path}: this is lab {manifest.get('lab')}, and the workspace is of lab {lab.number}")
    for name in files:
        if not (name.startswith(f"{lab.home}/") and allowed(name[len(lab.home) + 1 :], lab.submit)):
            raise Mistake(f"{path}: {name}: not a file that is handed in")
    take_track(path, lab, manifest)
    for name in [f"{lab.home}/{f}" for f in files_below(lab.home) if allowed(f, lab.submit)]:
        if name not in files:
            os.remove(name)  # the student has it no more
    for name, data in files.items():
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "wb") as f:
            f.write(data)
    if manifest.get("commit") != fields["commit"]:
        print(f"It was made from another state of the tree: commit {manifest.get('commit')}, here {fields['commit']}.")
    print(f"{len(files)} files of {path} are in place. What the student's own grading said: {manifest.get('score')}")


def print_allowed(home, directory):
    lab = Lab(os.path.basename(home)[:2])
    for name in files_below(directory):
        if allowed(name, lab.submit):
            print(name)


def print_tracks(number):
    for name in Lab(number).tracks:
        print(name)


def print_files(number, track=""):
    for path in sorted({r.path for r in Lab(number, track=track).regions()}):
        print(path)


COMMANDS = {"tracks": print_tracks, "files": print_files, "hint": hint, "unblock": unblock, "submit": submit, "take": take, "allowed": print_allowed}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__.strip())
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except Mistake as e:
        sys.exit(f"{sys.argv[1]}: {e}")


if __name__ == "__main__":
    main()
