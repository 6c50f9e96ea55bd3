#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""For check-student.sh: do a lab's rubric, its markers and what the grader measured agree? Says what does not; exit code 1.

    check-exercises.py where LAB                `where` of each exercise names the files and functions of its regions
    check-exercises.py stubs LAB WORKSPACE      what stands in the regions of a workspace names exercise, file and function
    check-exercises.py alone LAB EX RESULTS     results with EX missing alone: its own tests are lost, and no test of an earlier
                                                exercise. Prints the points that are lost.

With every exercise solved all points are there: `make test` demands that elsewhere. So what is lost can be told from one grading.
"""
import fnmatch
import json
import os
import re
import sys

sys.dont_write_bytecode = True
from exercises import Lab, Mistake, read

KEPT = ("pass", "expected_fail")
NO_VERDICT = ("unavailable", "not_applicable")  # of this computer, and of this engine


def named(lab, name):
    """{file: functions} of an exercise, in all tracks."""
    found = {}
    for track in lab.tracks or [None]:
        for place in Lab(lab.number, track=track).exercises.get(name, {}).get("where") or []:
            path, _, functions = place.partition(": ")
            known = found.setdefault(path, [])
            known += [f for f in functions.split(", ") if f not in known]
    return found


def where(number):
    lab = Lab(number)
    for name in lab.exercises:
        marked = {}
        for r in lab.regions(name):
            functions = marked.setdefault(os.path.relpath(r.path, lab.home), [])
            if f"{r.function}()" not in functions:
                functions.append(f"{r.function}()")
        if named(lab, name) != marked:
            yield f"{lab.path}: {name}: where: [{', '.join(json.dumps(f'{p}: ' + ', '.join(f)) for p, f in marked.items())}]"


def stubs(number, top):
    tree, lab = Lab(number), Lab(number, top)
    for path in lab.sources():
        lines = read(os.path.join(top, path)).splitlines()
        for r in [r for r in lab.regions() if r.path == path]:
            call = f'exercise_missing(v, "{r.exercise}", "{path}", __func__);'
            sentence = f'exercise_sentence("{r.exercise}", "{path}", __func__)'
            stub = [line.strip() for line in lines[r.first + 1 : r.last]]
            if r.kind != "EXERCISE" or (stub[0] != call and not any(sentence in line for line in stub)):
                yield f"{path}:{r.first + 2}: neither {call} nor {sentence}"
    places = [(r.path, r.exercise, r.function) for r in tree.regions()]
    if places != [(r.path, r.exercise, r.function) for r in lab.regions()]:
        yield f"{top}: the regions are not those of the tree"


def has_part(exercise, part):
    return exercise.get("part", part) == part


def owner(test, part, lab):
    """As rubric_exercise_of() of the grader: a full name goes before a pattern, and of patterns the last counts."""
    found = None
    for name, exercise in lab.exercises.items():
        if not has_part(exercise, part):
            continue
        if test in exercise["tests"]:
            return name
        if any(fnmatch.fnmatchcase(test, p) for p in exercise["tests"]):  # `*` takes a slash too
            found = name
    return found


def alone(number, name, path):
    graded = next(entry for entry in json.loads(read(path))["labs"] if entry["id"] == number)
    lab = Lab(number, track=graded["track"])
    tests = [(t, run.get("part")) for run in graded["runs"] for t in run["tests"] if t["state"] not in NO_VERDICT]
    names = list(lab.exercises)
    print(f"{graded['max'] - graded['score']:.2f}")
    for test, part in tests:
        whose = owner(test["name"], part, lab)
        if whose == name and test["state"] == "pass":
            yield f"{test['name']} is a test of {name}, and passes without it"
        if whose in names[: names.index(name)] and test["state"] not in KEPT:
            yield f"{test['name']} is a test of {whose}, and is lost without {name}: {test['state']}"
    exercise = lab.exercise(name)
    for pattern in exercise["tests"]:
        if not any(fnmatch.fnmatchcase(t["name"], pattern) and has_part(exercise, part) for t, part in tests):
            yield f"{name} names tests {pattern}, and there is no such test in {path}"


def main():
    try:
        problems = list({"where": where, "stubs": stubs, "alone": alone}[sys.argv[1]](*sys.argv[2:]))
    except Mistake as e:
        problems = [str(e)]
    for p in problems:
        print(p, file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
