# SPDX-License-Identifier: MIT
"""What course.py and check-exercises.py know of a tree: the settings of a course, rubrics, and the marked regions of sources.

A region stands in a function, between two comments (student.awk):

    /* SOLUTION E1.2 { stub: return false; */ ... /* } SOLUTION E1.2 */    in the tree
    /* EXERCISE E1.2 { */ ... /* } EXERCISE E1.2 */                        in a workspace, to be written
    /* UNBLOCKED E1.2 { */ ... /* } UNBLOCKED E1.2 */                      in a workspace, the reference was taken

In a lab with tracks an exercise may be of one track only, and its fields may be mappings by tracks; the files that its `where` names are
those of the track.
"""
import fnmatch
import glob
import os
import re

import yaml

SUBMIT = ["*.c", "*.h", "*.S"]  # of a lab whose rubric does not say
COURSE_FIELDS = {"official": dict, "hints": bool, "unblock": bool}
BEGIN = re.compile(r"^\s*/\* (SOLUTION|EXERCISE|UNBLOCKED) (E\d+\.\d+) \{.*\*/\s*$")
END = re.compile(r"^\s*/\* \} (SOLUTION|EXERCISE|UNBLOCKED) (E\d+\.\d+) \*/\s*$")
DEFINITION = re.compile(r"^(?!return\b|_Static_assert\b)[A-Za-z_](?:[\w\s*]*[\s*])?([A-Za-z_]\w*)\([^;]*$")


class Mistake(Exception):
    """Something that the user has to put right."""


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


def read_yaml(path):
    try:
        return yaml.safe_load(read(path))
    except OSError as e:
        raise Mistake(f"{path}: {e.strerror}") from e
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        raise Mistake(f"{path}:{mark.line + 1 if mark else 1}: {getattr(e, 'problem', None) or 'no YAML'}") from e


def course_settings(path="course.yaml"):
    """What a course may set; every field is optional, and so is the file."""
    settings = {"official": {}, "hints": True, "unblock": True}
    if not os.path.exists(path):
        return settings
    given = read_yaml(path) or {}
    if not isinstance(given, dict):
        raise Mistake(f"{path}:1: must be a mapping of: {', '.join(COURSE_FIELDS)}")
    for key, _ in yaml.compose(read(path)).value if given else []:
        where = f"{path}:{key.start_mark.line + 1}: {key.value}"
        if key.value not in COURSE_FIELDS:
            raise Mistake(f"{where}: no such field; there are: {', '.join(COURSE_FIELDS)}")
        if not isinstance(given[key.value], COURSE_FIELDS[key.value]):
            raise Mistake(f"{where}: must be " + ("true or false" if COURSE_FIELDS[key.value] is bool else "a mapping of labs"))
    return settings | given


def workspace(path="workspace.yaml"):
    """What `make student` wrote; None in the tree itself."""
    if not os.path.exists(path):
        return None
    fields = read_yaml(path)
    for name in ("lab", "base", "tree", "commit"):
        if not isinstance(fields, dict) or not isinstance(fields.get(name), str):
            raise Mistake(f"{path}: field {name}: missing, or no text; `make student` writes this file")
    return fields


class Lab:
    """A lab of the tree at `top`, by its number: "01". With a track it has what that track has, otherwise all."""

    def __init__(self, number, top=".", text=None, track=None):
        found = glob.glob(os.path.join(glob.escape(top), f"labs/{number}-*/rubric.yaml"))
        if not found:
            raise Mistake(f"there is no lab {number} with a rubric here. {every_exercise()}")
        self.number, self.top, self.path = number, top, found[0]
        self.home = os.path.relpath(os.path.dirname(found[0]), top)
        self.rubric = read_yaml(found[0]) if text is None else yaml.safe_load(text)
        if not isinstance(self.rubric, dict):
            raise Mistake(f"{found[0]}:1: must be a mapping")
        self.tracks, self.track = list(self.rubric.get("tracks") or {}), track or None
        if track and track not in self.tracks:
            raise Mistake(f"lab {number} has no track {track}. There are: {', '.join(self.tracks) or 'none'}")
        exercises = [e for e in self.rubric.get("exercises") or [] if not track or e.get("track", track) == track]
        self.exercises = {e["id"]: {field: self.of_track(value) for field, value in e.items()} for e in exercises}
        self.submit = self.rubric.get("submit") or SUBMIT

    def of_track(self, value):
        return value.get(self.track) if self.track and isinstance(value, dict) else value

    def exercise(self, name):
        if name not in self.exercises:
            raise Mistake(f"there is no exercise {name}. Lab {self.number} has:\n{self.listing()}")
        return self.exercises[name]

    def listing(self):
        return "\n".join(f"    EX={name[1:]}  {e['name']}" for name, e in self.exercises.items()) or "    none"

    def sources(self):
        """The C files of the lab and of the directories in it, but for tests, from the top."""
        home = os.path.join(glob.escape(self.top), self.home)
        found = glob.glob(os.path.join(home, "*.[ch]")) + glob.glob(os.path.join(home, "*/*.[ch]"))
        return sorted(os.path.relpath(p, self.top) for p in found if os.path.basename(os.path.dirname(p)) != "tests")

    def has_place(self, region):
        """Is it one of the track's? By the file."""
        places = self.exercises.get(region.exercise, {}).get("where") or []
        return not self.track or any(region.path == os.path.join(self.home, p.partition(": ")[0]) for p in places)

    def regions(self, exercise=None):
        """All regions, or those of one exercise, in the order of files and lines."""
        found = [r for path in self.sources() for r in regions(path, read(os.path.join(self.top, path)))]
        return [r for r in found if exercise in (None, r.exercise) and self.has_place(r)]


def exercise_name(text):
    """EX=1.2 as the exercise E1.2 and its lab 01."""
    match = re.fullmatch(r"E?0*(\d+)\.(\d+)", text or "")
    if not match:
        raise Mistake(f"EX={text or ''}: which exercise? Such as EX=1.2. " + every_exercise())
    return f"E{match[1]}.{match[2]}", match[1].zfill(2)


def every_exercise():
    # Of the tree where this runs, not of another one that was asked for.
    labs = [Lab(os.path.basename(os.path.dirname(p))[:2]) for p in sorted(glob.glob("labs/*/rubric.yaml"))]
    return "There are:\n" + "\n".join(lab.listing() for lab in labs if lab.exercises)


class Region:
    """The lines between two markers; `first` and `last` are those of the markers themselves, counted from 0."""

    def __init__(self, path, kind, exercise, function, first):
        self.path, self.kind, self.exercise, self.function = path, kind, exercise, function
        self.first, self.last = first, None


def regions(path, text):
    found, function, region = [], None, None
    for number, line in enumerate(text.splitlines()):
        begin, end, definition = BEGIN.match(line), END.match(line), DEFINITION.match(line)
        if definition:
            function = definition[1]
        if begin:
            if region:
                raise Mistake(f"{path}:{number + 1}: a region begins inside that of {region.exercise}")
            region = Region(path, begin[1], begin[2], function, number)
        elif end:
            if not region or end.groups() != (region.kind, region.exercise):
                raise Mistake(f"{path}:{number + 1}: the end of a region that did not begin")
            region.last = number
            found.append(region)
            region = None
    if region:
        raise Mistake(f"{path}:{region.first + 1}: the end of the region of {region.exercise} is gone")
    return found


def allowed(path, patterns):
    """Does a shell pattern take the path? Neither `*` nor `?` takes a slash or a leading dot."""
    parts = path.split("/")
    return any(
        len(parts) == len(wanted)
        and all(fnmatch.fnmatchcase(a, b) and (a[:1] != "." or b[:1] == ".") for a, b in zip(parts, wanted))
        for wanted in (p.split("/") for p in patterns)
    )


def files_below(top):
    """All regular files below a directory, relative to it."""
    found = []
    for where, _, names in os.walk(top):
        found += [os.path.relpath(os.path.join(where, n), top) for n in names]
    return sorted(f for f in found if os.path.isfile(os.path.join(top, f)) and not os.path.islink(os.path.join(top, f)))
