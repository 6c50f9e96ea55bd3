# SPDX-License-Identifier: MIT
"""Holds the picture of the translation cache (`make trace`, trace_cache.py) against what is known of line_send from elsewhere: the
disassembly of the guest's image, and the console, each character of which is one OUT of this function."""

import collections
import os
import re
import subprocess
import tempfile

FUNCTION = "line_send"
JUMPS = re.compile(r"(j\w+|call) (block (\d+)|its exit)$")
TIMES = re.compile(r"([\d,]+) times?$")


class Block:
    def __init__(self, texts):
        self.rows = []  # (offset, the guest's instruction, what stands for it and how often it leaves the block)
        self.number, self.name = re.match(r"block (\d+): (\S+)$", texts[0]).groups()
        self.runs = int(re.match(r"ran ([\d,]+) time", texts[2]).group(1).replace(",", ""))
        for text in texts[3:]:
            if re.match(r"\+0x", text):
                self.rows.append([])
            if self.rows:
                self.rows[-1].append(text)

    def offset(self):
        return int(self.name.partition("+")[2] or "0", 16)

    def ways(self):
        """(where to, how often) of each jump."""
        for row in self.rows:
            found = JUMPS.match(row[2])
            if found:
                yield found.group(3), times(row)


def times(row):
    return int(TIMES.match(row[3]).group(1).replace(",", ""))


def instructions():
    """The mnemonics of the function by their offsets, by the disassembly of the image."""
    with open(os.path.join(os.environ["BUILD"], "guest", "guest.asm"), encoding="utf-8") as file:
        body = file.read().split(f"<{FUNCTION}>:\n")[1].split("\n\n")[0]
    found = [(int(line.split(":")[0], 16), line.split(":")[1].split()[0]) for line in body.splitlines()]
    return {gva - found[0][0]: mnemonic for gva, mnemonic in found}


def blocks_of(texts):
    begins = [i for i, text in enumerate(texts) if re.match(r"block \d+: ", text)]
    return [Block(texts[begin:end]) for begin, end in zip(begins, begins[1:] + [len(texts)])]


def guest_characters(log):
    """The guest ends a line with \\n; the monitor's console adds a \\r."""
    with open(log, encoding="ascii", newline="") as file:
        lines = file.read().split("\r\n")
    return sum(len(line) + 1 for line in lines if re.match(r"guest test kernel|@\d", line))


def check_code(check, blocks):
    asm = instructions()
    for block in blocks:
        for row in block.rows:
            at = block.offset() + int(row[0], 16)
            check(f"cache: {FUNCTION}+{at:#x}", asm.get(at) == row[1].split()[0], f"{asm.get(at)} {row}")
    covered = {block.offset() + int(row[0], 16) for block in blocks for row in block.rows}
    check("cache: all of the function", {at for at, mnemonic in asm.items() if mnemonic not in ("nopl", "nopw", "nop")} <= covered,
          sorted(set(asm) - covered))


def check_counts(check, blocks, texts, log):
    came = collections.Counter()
    for block in blocks:
        for to, count in block.ways():
            check(f"cache: what never left block {block.number} is not chained", bool(to) == (count > 0), f"{to} {count}")
            came[to] += count
    came[blocks[0].number] += sum(int(count) for count in re.findall(r"^console_\w+\+0x\w+, (\d+) times?$", "\n".join(texts), re.M))
    for block in blocks:
        check(f"cache: block {block.number} ran as often as somebody came", block.runs == came[block.number], f"{block.runs} {came}")
    sent = sum(times(row) for block in blocks for row in block.rows if row[2] == "call-out: out")
    check("cache: an OUT for each character", sent == guest_characters(log) > 0, f"{sent} {guest_characters(log)}")
    check("cache: IN is called out", any(row[2] == "call-out: in" for block in blocks for row in block.rows))
    check("cache: RET goes through the table", any(row[1] == "ret" and "jmp *table(,%rdx,8)" in row for row in blocks[-1].rows),
          blocks[-1].rows)


def check_again(check, directory, picture):
    """The same run gives the same bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        again = os.path.join(scratch, "again.svg")
        subprocess.run([os.environ["MAKE"], "--no-print-directory", "-s", "-C", directory, "cache", f"HV_PICTURE={again}"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        sources = []
        for path in (picture, again):
            with open(path.replace(".svg", ".dot"), encoding="utf-8") as file:
                sources.append(file.read())
    check("cache: the same picture again", sources[0] == sources[1], "")


def check_places(check, directory):
    """The trace names the guest's function for an exit from the cache, where RIP is another."""
    command = [os.environ["MAKE"], "--no-print-directory", "-s", "-C", directory, "run", "HV_ARGS=cpu=bt trace=100",
               "GUEST_ARGS=only=cpu/popf_if"]
    console = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    lines = [line.split("|") for line in console.splitlines() if line.startswith("[hv] trace|")]
    check("exits from the cache: each has a function of the guest's", len(lines) == 100 and all(line[8] != "-" for line in lines), lines)
    check("exits from the cache: console output is in line_send", sum(line[8] == FUNCTION for line in lines) > 50, lines)


def check_pictures(trace, lab, directory, out):
    base = os.path.join(out, lab + "-cache")
    picture = trace.Picture(base + ".svg")
    trace.check_legible("cache", picture)
    blocks = blocks_of(picture.texts)
    trace.check("cache: blocks", len(blocks) > 2 and blocks[0].name == FUNCTION, picture.texts)
    check_code(trace.check, blocks)
    check_counts(trace.check, blocks, picture.texts, base + ".log")
    check_again(trace.check, directory, base + ".svg")
    check_places(trace.check, directory)
    for variables, wanted in ((["FUNCTION=nosuch"], "nosuch: the guest has no such function"),
                              (["FUNCTION=crash"], "crash: nothing of this function is in the cache now"),
                              (["AT=nosuch"], "AT=nosuch: the guest has no such function"),
                              (["AT=state_check", "HIT=2"], "the guest came there 1 times")):
        trace.check_refused(directory, variables, wanted, "cache", "HV_PICTURE")
