#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the pictures of `make trace` against the run that they show.

usage: check-trace.py NN LAB_DIRECTORY DIR      with MAKE and BUILD in the environment

NN-exits.svg is compared with the lines of the console, counted anew. NN-tables.svg is compared with what the guest's sources say of the
test that it shows by default: mem/alias_rights maps one frame at four addresses. (Whether each row is true is a question to a live
machine: common/gdb/check.py asks it.) Then two moments that never come.

What a lab draws beside these its own tests/check_trace.py looks at: check_pictures()."""
import collections
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

sys.dont_write_bytecode = True
sys.path.insert(0, "common/gdb")
import picture  # noqa: E402

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
    check("tables: stopped where it should", "state_check" in words, words)
    filled = [number(n) for n in re.findall(r"hpa 0x\w+, ([\d,]+) pages? filled", words)]
    drawn = [number(n) for n in re.findall(r"([\d,]+) of [\d,]+ pages?", words)]
    check("tables: the rows of the roots add up", sum(filled) == sum(drawn) > 0, f"{filled} {drawn}")
    # Which roots an engine has, the picture says: a pair, for a guest whose kernel runs in ring 3, or one.
    if "for virtual ring 0" in words:
        check_pair(picture, words, filled)
    else:
        check_single(words, filled, test)
    check("tables: filled pages are coloured", picture.squares(GREEN) >= 5 and picture.squares("#e4e4e4") > 0, picture.squares(GREEN))


def check_pair(picture, words, filled):
    check("tables: the page with the guest's GDT is watched", re.search(r"\d with the guest's rights, 1 watched for writes", words), words)
    check("tables: the monitor's slot", "the monitor's slot" in words and str(defined("MONITOR_SLOT")) in picture.texts, words)
    # The test's user code has read and written: its own page, the two user pages of the frame.
    check("tables: two roots, and three pages in that of user mode", len(filled) == 2 and filled[1] == 3, filled)


def check_single(words, filled, test):
    check("tables: one root", len(filled) == 1 and "for all rings" in words, filled)
    check("tables: nobody's slot", "the monitor's slot" not in words, words)
    check("tables: a page of user code is in it", re.search(rf"{defined('USER_CODE'):#x} \+ .*? 1 of {defined('USER_PAGES')} pages", words), words)
    frames = {found.group(1) for found in (re.search(rf"{test + i * 0x1000:#x} \+ 4 KiB .*? 1 of 1 page to hpa (0x\w+)", words)
                                           for i in range(4)) if found}
    check("tables: the frame of the test, four times", len(frames) == 1 and words.count("to hpa " + "".join(frames)) == 4, frames)


def check_refused(directory, variables, wanted, target="tables", picture_variable="HV_TABLES"):
    with tempfile.TemporaryDirectory() as scratch:
        command = [os.environ["MAKE"], "--no-print-directory", "-s", "-C", directory, target, f"{picture_variable}={scratch}/none.svg",
                   "GUEST_ARGS=only=mem/alias_rights", *variables]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        check(f"{variables} is refused", done.returncode and wanted in done.stdout and not os.listdir(scratch), done.stdout)


# ---- made-up tables ----

PRESENT, USER_RW, NX = 0x1, 0x7, 1 << 63
RAM_HPA, RAM_BYTES = 0x10000000, 0x2000000


def tree(root_table):
    """(leaves, tables, whole) of {address: {index: entry}}."""
    return picture.read_tree(0x1000, lambda address: [root_table[address].get(i, 0) for i in range(512)] if address in root_table else None)


def page_tables(entries):
    """One page table with these entries, for gva 0 and up."""
    return {0x1000: {0: 0x2000 | USER_RW}, 0x2000: {0: 0x3000 | USER_RW}, 0x3000: {0: 0x4000 | USER_RW}, 0x4000: entries}


def guest_of(tables, traced=()):
    return picture.Guest(*tree(tables), RAM_HPA, RAM_BYTES, lambda gpa: gpa in traced, None)


def root_of(pages, users_only=False):
    return picture.Root("root", 0x9000, pages, 4, users_only, True, True)


def filled(gpa, w, x=True):
    return picture.Filled(RAM_HPA + gpa, w, True, x)


def check_states():
    """Each way in which a page of the shadow can stand to what the guest means."""
    read_only, writable, nx = PRESENT | 4, USER_RW, USER_RW | NX
    for name, entry, page, traced, wanted in (
            ("the same", 0x5000 | writable, filled(0x5000, True), (), picture.SAME),
            ("read-only in both", 0x5000 | read_only, filled(0x5000, False), (), picture.SAME),
            ("not written yet", 0x5000 | writable, filled(0x5000, False), (), picture.LATER),
            ("traced", 0x5000 | writable, filled(0x5000, False), (0x5000,), picture.WATCHED),
            ("writable without a right", 0x5000 | read_only, filled(0x5000, True), (), picture.MORE),
            ("executable without a right", 0x5000 | nx, filled(0x5000, True), (), picture.MORE),
            ("another frame", 0x5000 | writable, filled(0x6000, True), (), picture.STALE),
            ("no RAM", RAM_BYTES | writable, filled(RAM_BYTES, True), (), picture.STALE)):
        runs, lost = picture.rows_of(guest_of(page_tables({3: entry}), traced), [root_of({0x3000: page})])
        check(f"state: {name}", runs[0].filled == [{0x3000: wanted}] and lost == [[]], f"{runs[0].filled} {lost}")
    guest = guest_of(page_tables({3: 0x5000 | PRESENT}))
    for name, gva, users_only in (("not mapped", 0x8000, False), ("a kernel page in the user root", 0x3000, True)):
        _, lost = picture.rows_of(guest, [root_of({gva: filled(0x5000, False)}, users_only)])
        check(f"state: {name}", lost == [[gva]], lost)


def check_rows():
    """However many regions there are, the picture stays one, and loses no page. Tables that name themselves end."""
    scattered = page_tables({i: (i * 37 % 512) << 12 | (USER_RW if i % 3 else PRESENT) for i in range(0, 512, 2)})
    pages = {i << 12: filled((i * 37 % 512) << 12, i % 3 != 0) for i in range(0, 512, 4)}
    runs, _ = picture.rows_of(guest_of(scattered), [root_of(pages)])
    check("rows: few enough", len(runs) <= picture.MOST_ROWS, len(runs))
    check("rows: every page of the guest", sum(run.pages() for run in runs) == 256, [run.pages() for run in runs])
    check("rows: every filled page", sum(len(run.filled[0]) for run in runs) == len(pages), [run.filled for run in runs])
    one_each = {0x1000: {i: 0x2000 | USER_RW for i in range(256)}, 0x2000: {0: 0x3000 | USER_RW}, 0x3000: {0: 0x4000 | USER_RW},
                0x4000: {0: 0x5000 | USER_RW}}
    guest = guest_of(one_each)
    runs, _ = picture.rows_of(guest, [root_of({})])
    check("rows: few enough of 256 top-level entries", len(runs) <= picture.MOST_ROWS, len(runs))
    check("rows: all of them, or it is said", guest.whole == (sum(run.pages() for run in runs) == 256), guest.tables)
    endless = guest_of({0x1000: {i: 0x1000 | USER_RW for i in range(512)}})
    text, runs = picture.draw("title", [], endless, [root_of({})], 0x1000)
    check("rows: tables that name themselves", not endless.whole and "Only the first" in text and len(runs) <= picture.MOST_ROWS, len(runs))
    done = subprocess.run(["dot", "-Tsvg"], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check("rows: dot takes it without a word", done.returncode == 0 and not done.stderr, done.stderr)


def check_own(lab, directory, out):
    path = os.path.join(directory, "tests", "check_trace.py")
    if os.path.exists(path):
        spec = importlib.util.spec_from_file_location("check_own", path)
        own = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(own)
        own.check_pictures(sys.modules[__name__], lab, directory, out)


def main():
    lab, directory, out = sys.argv[1:]
    check_exits(os.path.join(out, lab + "-exits"))
    check_tables(os.path.join(out, lab + "-tables"))
    check_refused(directory, ["AT=nosuch"], "AT=nosuch: the guest has no such function")
    check_refused(directory, ["HIT=2"], "the guest came there 1 times")
    check_refused(directory, ["AT=0x4g"], "AT=0x4g is no address")
    check_states()
    check_rows()
    check_own(lab, directory, out)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


sys.exit(main())
