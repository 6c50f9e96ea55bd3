#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make check-platforms LAB=03`: grades a lab strictly on each platform and model that the runs of its rubric name, each track where it can
be made, one after the other, and sums up. BUILD comes from the Makefile, and so do TRACK and SEED, which may be empty.

    check-platforms.py LAB

A platform that is not here is told, and is no failure. Points may be missing where a platform cannot judge a test: what is wrong with
the emulator itself is listed (platform_exceptions.yaml). The last line is "N passed, N failed", of gradings.
"""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from exercises import Lab, Mistake

KEPT = ("pass", "expected_fail")
NO_VERDICT = ("unavailable", "not_applicable")


def places(lab):
    """(track, platform), in the order of the rubric."""
    found = []
    for track in lab.tracks or [None]:
        for run in lab.rubric.get("runs") or []:
            if run.get("track") in (None, track):
                found += [(track, p) for p in run["platforms"] if (track, p) not in found]
    return sorted(found, key=lambda place: lab.tracks.index(place[0]) if place[0] else 0)  # stable


def grade(number, track, platform):
    """What came of it, or None; the log is left."""
    build = os.environ.get("BUILD", "build")
    name = f"{build}/check-platforms/{'-'.join(filter(None, (number, track, platform))).replace(':', '-')}"
    os.makedirs(os.path.dirname(name), exist_ok=True)
    call = [f"{build}/grader/grade", "--build", build, "--lab", number, "--platform", platform, "--strict", "--output", f"{name}.json"]
    call += ["--track", track] if track else []
    call += ["--seed", os.environ["SEED"]] if os.environ.get("SEED") else []
    if os.path.exists(f"{name}.json"):
        os.remove(f"{name}.json")
    with open(f"{name}.log", "w", encoding="utf-8") as log:
        code = subprocess.run(call, stdout=log, stderr=log, check=False).returncode
    try:
        with open(f"{name}.json", encoding="utf-8") as f:
            return code, json.load(f)["labs"][0], f"{name}.log"
    except (OSError, ValueError):
        return code or 1, None, f"{name}.log"


def judge(code, result, log):
    """A line for people, and whether it is good, bad, or (None) neither."""
    if not result:
        return f"no result: see {log}", False
    runs = [run for run in result["runs"] if run["cpu"]]
    tests = [t for run in runs for t in run["tests"]]
    count = {state: sum(t["state"] == state for t in tests) for state in {t["state"] for t in tests}}
    if runs and all(run["state"] == "unavailable" for run in runs):
        return f"not here: {runs[0]['message'].partition('; the points')[0]}", None
    good = sum(count.get(s, 0) for s in KEPT)
    left = sum(count.get(s, 0) for s in NO_VERDICT)
    seconds = sum(run["seconds"] for run in result["runs"])
    line = f"{result['score']:7.2f} of {result['max']}  {good} tests good, {len(tests) - good - left} not, {left} not judged  {seconds:.0f} s"
    return line + (f"  see {log}" if code else ""), not code


def main():
    lab = Lab(sys.argv[1])
    wanted = os.environ.get("TRACK")
    if wanted:
        Lab(sys.argv[1], track=wanted)
    passed = failed = 0
    for track, platform in places(lab):
        if wanted not in (None, "", track):
            continue
        line, good = judge(*grade(lab.number, track, platform))
        passed += good is True
        failed += good is False
        print(f"  {'ok' if good else '-' if good is None else 'FAILED':<7} lab {lab.number} {track or '':<6} {platform:<28} {line}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed > 0 or not passed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Mistake as e:
        sys.exit(f"check-platforms: {e}")
