#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the pictures of `make trace` against the run that they show.

usage: check-trace.py NN LAB_DIRECTORY DIR      with MAKE and BUILD in the environment

NN-exits.svg is compared with the lines of the console, counted anew. NN-tables.svg is compared with what the guest's sources say of the
test that it shows by default: mem/alias_rights maps one frame at four addresses. (Whether each row is true is a question to a live
machine: common/gdb/check.py asks it.) Then two moments that never come."""
import collections
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"
GREEN = "#44aa66"
passed = failed = 0


def check(what, is_true, shown=""):
    global passed, failed
    if is_true:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what}\n{shown}")


class Picture:
    def __init__(self, path):
        self.root = ET.parse(path).getroot()  # raises where it is no XML
        self.texts = ["".join(text.itertext()).replace("\xa0", " ").strip() for text in self.root.iter(SVG + "text")]
        self.tips = collections.Counter(a.get(XLINK + "title") for a in self.root.iter(SVG + "a"))
        self.width, self.height = (float(n) for n in self.root.get("viewBox").split()[2:])

    def sizes(self):
        return {float(text.get("font-size")) for text in self.root.iter(SVG + "text")}

    def squares(self, colour):
        return sum(1 for shape in self.root.iter(SVG + "polygon") if shape.get("fill") == colour)


def number(text):
    return int(text.replace(",", ""))


def check_legible(name, picture):
    check(f"{name}: an SVG with text", picture.root.tag == SVG + "svg" and len(picture.texts) > 20, picture.texts)
    check(f"{name}: no tiny text", min(picture.sizes()) >= 11, picture.sizes())
    check(f"{name}: fits on a screen's width", picture.width < 1250, picture.width)


def kind_of(reason, what):
    if what == "-":
        return reason
    return what if reason in ("none", what) else f"{reason} ({what})"


def check_exits(base):
    picture = Picture(base + ".svg")
    check_legible("exits", picture)
    count, cost = collections.Counter(), collections.Counter()
    with open(base + ".log", encoding="ascii") as log:
        lines = [line.split("|") for line in log if line.startswith("[hv] trace|")]
    for _, _, reason, what, _, left, done, *_ in lines:
        count[kind_of(reason, what)] += 1
        cost[kind_of(reason, what)] += int(done) - int(left)
    ticks = int(lines[-1][6]) - int(lines[0][4])
    check("exits: how many, and in which time", f"{len(lines):,} exits in {ticks:,} ticks" in picture.texts, picture.texts)
    for kind in count:
        check(f"exits: {kind} has a bar and a lane", picture.texts.count(kind) == 2, picture.texts)
        wanted = f"{count[kind]:,} x {cost[kind] / count[kind]:,.0f} = {cost[kind]:,} "
        check(f"exits: {wanted}", any(text.startswith(wanted) for text in picture.texts), picture.texts)
        blocks = sum(n for tip, n in picture.tips.items() if tip.startswith(kind + ": "))
        check(f"exits: a block for each {kind}", blocks == count[kind], f"{blocks} for {count[kind]}")
    check("exits: the shares are 100 %", sum(int(n) for text in picture.texts for n in re.findall(r"^[a-z].*: (\d+) %$", text)) in
          (99, 100, 101), picture.texts)


def defined(name):
    with open("common/guest/layout.h", encoding="ascii") as header:
        return int(re.search(rf"^#define {name} +(\w+)", header.read(), re.M).group(1), 0)


def check_tables(base):
    picture = Picture(base + ".svg")
    check_legible("tables", picture)
    words = " ".join(picture.texts)
    pages, test = defined("USER_PAGES"), defined("TEST_BASE")
    user = {"USER_CODE": (defined("USER_CODE"), "user r-x"), "USER_DATA": (defined("USER_DATA"), "user rw-"),
            "USER_STACK": (defined("USER_STACK") - pages * 0x1000, "user rw-")}
    for name, (gva, rights) in user.items():
        check(f"tables: {name}", re.search(rf"{gva:#x} \+ {4 * pages} KiB to gpa 0x\w+ {rights}, {pages} x 4 KiB", words), words)
    frames = set()
    for i, rights in enumerate(("kernel r-x", "kernel rwx", "user r-x", "user rwx")):
        found = re.search(rf"{test + i * 0x1000:#x} \+ 4 KiB to gpa (0x\w+) {rights}, 1 x 4 KiB", words)
        check(f"tables: page {i} of the test, {rights}", found, words)
        frames.add(found and found.group(1))
    check("tables: one frame at four addresses", len(frames) == 1, frames)
    kernel = defined("KERNEL_BASE")
    check("tables: the kernel's large pages", re.search(rf"{kernel:#x} \+ 2 MiB to gpa 0x0 kernel rwx, 1 x 2 MiB", words), words)
    check("tables: the page with the guest's GDT is watched", re.search(r"\d with the guest's rights, 1 watched for writes", words), words)
    check("tables: the monitor's slot", "the monitor's slot" in words and str(defined("MONITOR_SLOT")) in picture.texts, words)
    check("tables: stopped where it should", "state_check" in words, words)
    filled = [number(n) for n in re.findall(r"hpa 0x\w+, ([\d,]+) pages? filled", words)]
    drawn = [number(n) for n in re.findall(r"([\d,]+) of [\d,]+ pages?", words)]
    check("tables: two roots, and their rows add up", len(filled) == 2 and sum(filled) == sum(drawn), f"{filled} {drawn}")
    # The test's user code has read and written: its own page, the two user pages of the frame.
    check("tables: three pages in the user root", filled[1:] == [3], filled)
    check("tables: filled pages are coloured", picture.squares(GREEN) >= 5 and picture.squares("#e4e4e4") > 0, picture.squares(GREEN))


def check_refused(directory, variables, wanted):
    with tempfile.TemporaryDirectory() as scratch:
        command = [os.environ["MAKE"], "--no-print-directory", "-s", "-C", directory, "tables", f"HV_TABLES={scratch}/none.svg",
                   "GUEST_ARGS=only=mem/alias_rights", *variables]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        check(f"{variables} is refused", done.returncode and wanted in done.stdout and not os.listdir(scratch), done.stdout)


def main():
    lab, directory, out = sys.argv[1:]
    check_exits(os.path.join(out, lab + "-exits"))
    check_tables(os.path.join(out, lab + "-tables"))
    check_refused(directory, ["AT=nosuch"], "AT=nosuch: the guest has no such function")
    check_refused(directory, ["HIT=2"], "the guest came there 1 times")
    check_refused(directory, ["AT=0x4g"], "AT=0x4g is no address")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


sys.exit(main())
