#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the text against the tree: links and anchors, and what code names: make targets, paths, files, functions, tests, exercises.

usage: check-docs.py TOP [FILE...]      without files: all pages of the project

A word in capitals, such as NN or NAME, stands for something, and so does what holds one. What lies in build/ is not looked for.
"""
import glob
import os
import re
import sys

SOURCE = re.compile(r"\.(c|h|S|in|ld|mk|sh|awk|py|yaml|dot)$")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`([^`]+)`")
EXERCISE = re.compile(r"\bE(\d+\.\d+)\b")
STANDS_FOR = re.compile(r"\b(NN|N|NAME|DIR|FILE|GROUP|WHAT|PID|PATH)\b|NN-|_NAME|GROUP|[<>$…]|\.\.\.")
TOPS = ("common/", "labs/", "grader/", "docs/", ".ci/")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def pages(top):
    patterns = ("*.md", "docs/*.md", "labs/*/README.md", "grader/README.md")
    return sorted(p for pattern in patterns for p in glob.glob(os.path.join(top, pattern)))


def split(text):
    """The text without its code blocks, and the code: lists of (line number, line)."""
    prose, code = [], []
    fence = was_code = False
    was_blank = True
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fence = not fence
            continue
        indented = line.startswith("    ") and (was_blank or was_code)
        if fence or indented:
            code.append((number, line.strip()))
        else:
            prose.append((number, line))
        was_code = indented
        was_blank = not line.strip()
    return prose, code


def slug(heading):
    """As Python-Markdown and forges make it."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def anchors(path):
    return {slug(line.lstrip("#")) for _, line in split(read(path))[0] if line.startswith("#")}


class Tree:
    """What there is to be named."""

    def __init__(self, top):
        self.top = top
        self.names, text = set(), []
        for directory in ("common", "labs", "grader", "docs", ".ci"):
            for where, _, files in os.walk(os.path.join(top, directory)):
                self.names.update(files)
                text += [read(os.path.join(where, f)) for f in files if re.search(r"\.[chS]$", f)]
        self.names.update(os.listdir(top))
        source = "\n".join(text)
        self.words = set(re.findall(r"\w+", source))
        self.tests = set(re.findall(r'["=]([a-z]+/\w+)"', source))
        self.groups = set(re.findall(r'\{"([a-z]+)/\w+",', source))  # where the guest's tables name them
        self.exercises = set(EXERCISE.findall(source))
        for rubric in glob.glob(os.path.join(top, "labs/*/rubric.yaml")):
            self.exercises.update(re.findall(r"\bid: *\"?E?(\d+\.\d+)\b", read(rubric)))
        for readme in glob.glob(os.path.join(top, "labs/*/README.md")):
            self.exercises.update(re.findall(r"^#+ .*?\bE(\d+\.\d+)\b", read(readme), re.M))
        self.known_targets = {}

    def targets(self, directory):
        if directory not in self.known_targets:
            files = [os.path.join(self.top, directory, "Makefile")]
            if directory != ".":
                files += glob.glob(os.path.join(self.top, "common/mk/*.mk"))
            text = "\n".join(read(f) for f in files if os.path.exists(f))
            rules = re.findall(r"^([\w.%/ -]+?):(?!=)", text, re.M)
            rules += re.findall(r"^\.PHONY: (.+)$", text, re.M)
            self.known_targets[directory] = {t for rule in rules for t in rule.split()}
        return self.known_targets[directory]

    def make(self, words):
        """What is wrong with `make ...`."""
        directory, wanted, skip = ".", [], None
        for w in words:
            if skip:
                directory = w if skip == "-C" else directory
                skip = None
            elif w in ("-C", "-f"):
                skip = w
            elif "=" in w:
                yield from self.variable(*w.split("=", 1))
            elif re.fullmatch(r"[\w.][\w./-]*", w):
                wanted.append(w)
        if STANDS_FOR.search(directory) or directory.startswith("build/"):
            return
        if not os.path.exists(os.path.join(self.top, directory, "Makefile")):
            yield f"no Makefile in {directory}"
            return
        for w in wanted:
            if not STANDS_FOR.search(w) and w not in self.targets(directory):
                yield f"make has no target {w} in {directory}"

    def variable(self, name, value):
        value = value.strip("\"'")
        if name == "TEST" and "*" not in value:
            yield from self.test(value)
        for selected in re.findall(r"\b(?:only|from|skip)=(\S+)", value):
            for item in selected.split(","):
                yield from self.test(item)
        if name == "EX" and re.fullmatch(r"\d+\.\d+", value) and value not in self.exercises:
            yield f"no exercise {value}"
        if name == "LAB" and re.fullmatch(r"\d\d", value):
            if not glob.glob(os.path.join(self.top, f"labs/{value}-*/Makefile")):
                yield f"no lab {value}"

    def test(self, name):
        if "/" in name and not name.endswith("/") and not STANDS_FOR.search(name) and name not in self.tests:
            yield f"the guest kernel has no test {name}"

    def command(self, line):
        """A line of code: what its commands name."""
        for part in re.split(r"&&|\|\||[|;]", re.split(r"\s{2,}|\s#\s", line)[0]):
            words = re.findall(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+", part)
            while words and (words[0] in ("sudo", "time", "env", "$") or re.fullmatch(r"[A-Z_]+=.*", words[0])):
                words.pop(0)
            if words and words[0] == "make":
                yield from self.make(words[1:])
            for w in words:
                yield from self.path(w)

    def path(self, word):
        word = word.strip("\"'(),:")
        if not word.startswith(TOPS) or STANDS_FOR.search(word) or not re.fullmatch(r"[\w./*?{},-]+", word):
            return
        choices = re.match(r"(.*)\{([^}]*)\}(.*)", word)
        words = [choices[1] + c + choices[3] for c in choices[2].split(",")] if choices else [word]
        for w in words:
            if not glob.glob(os.path.join(self.top, w.rstrip("/"))) and w not in self.tests:
                yield f"no such path: {w}"

    def inline(self, code):
        if re.match(r"make\b", code):
            yield from self.command(code)
            return
        if STANDS_FOR.search(code):
            return
        yield from self.path(code)
        if re.fullmatch(r"[a-z]+/\w+", code) and code.split("/")[0] in self.groups:
            yield from self.test(code)
        if SOURCE.search(code) and re.fullmatch(r"\w[\w.-]*", code) and code not in self.names:
            yield f"no file has the name {code}"
        call = re.fullmatch(r"([a-z]\w*_\w+)\(\)", code)
        if call and call[1] not in self.words and call[1] != "subsystem_verb":
            yield f"no function {call[1]}()"

    def link(self, page, target):
        if re.match(r"(https?|mailto):", target):
            return
        path, _, anchor = target.partition("#")
        where = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if where.endswith(".svg"):
            kinds = (".dot", ".dat", ".run")
            where = next((where[:-4] + kind for kind in kinds if os.path.exists(where[:-4] + kind)), where)
        if not os.path.exists(where):
            yield f"dead link: {target}"
        elif anchor and where.endswith(".md") and anchor not in anchors(where):
            yield f"no such heading: {target}"

    def page(self, page):
        prose, code = split(read(page))
        for number, line in prose:
            for target in LINK.findall(line):
                yield from ((number, e) for e in self.link(page, target))
            for inline in INLINE.findall(line):
                yield from ((number, e) for e in self.inline(inline))
            for exercise in EXERCISE.findall(line):
                if exercise not in self.exercises:
                    yield number, f"no exercise E{exercise}"
        for number, line in code:
            yield from ((number, e) for e in self.command(line))

    def rubric(self, path):
        """Where an exercise sends its reader: `read: 'PAGE, "HEADING"'`, `where: ["FILE: FUNCTIONS"]`. Either may be by tracks."""
        for number, line in enumerate(read(path).splitlines(), 1):
            for page, heading in re.findall(r": '(\S+\.md), \"(.*?)\"'", line):
                yield from ((number, e) for e in self.link(os.path.join(self.top, "."), f"{page}#{slug(heading)}"))
            for functions in re.findall(r"\"[\w/-]+\.[chS]: ([^\"]*)\"", line):
                for call in re.findall(r"(\w+)\(\)", functions):
                    if call not in self.words:
                        yield number, f"no function {call}()"


def main():
    top = sys.argv[1]
    tree = Tree(top)
    bad = 0
    looked_at = sys.argv[2:] or pages(top) + sorted(glob.glob(os.path.join(top, "labs/*/rubric.yaml")))
    for page in looked_at:
        for number, what in (tree.rubric if page.endswith(".yaml") else tree.page)(page):
            print(f"{os.path.relpath(page, top)}:{number}: {what}")
            bad += 1
    print(f"{len(looked_at)} pages, {bad} problems")
    return 1 if bad or not looked_at else 0


if __name__ == "__main__":
    sys.exit(main())
