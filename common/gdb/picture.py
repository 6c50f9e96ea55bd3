# SPDX-License-Identifier: MIT
"""The guest's page tables with the shadow beside them, as one Graphviz picture. hv-tables of hv.py reads the tables and calls it.

A reader wants to see at once: what the guest maps, how little of it the shadow holds, that a page comes into the root of the mode that
touched it, and that a right can be held back. So each row is a run of the guest's entries that mean the same. On the left stand the
entries on the way to it, a table being a column's cells below each other, as high as all that they lead to; on the right each root shows
the run's pages as squares, coloured when they are filled.

Too many rows are no picture: runs are merged by coarser and coarser rules until MOST_ROWS suffice (RULES).

This file knows nothing of GDB."""

import bisect
import html
import itertools
from collections import Counter, namedtuple

PAGE_SIZE = 0x1000
PT_ENTRIES = 512
TOP_LEVEL = 4
PTE_P, PTE_W, PTE_U, PTE_A, PTE_D, PTE_PS, PTE_NX = 0x1, 0x2, 0x4, 0x20, 0x40, 0x80, 1 << 63
PTE_ADDR = 0x000ffffffffff000
LEVELS = {4: 'PML4', 3: 'PDPT', 2: 'PD', 1: 'PT'}
MOST_ROWS = 32
MOST_TABLES = 600  # of one tree: tables that name themselves would never end

# How a page of the shadow compares with what the guest means, the most striking last: colour, words of the legend, words of a row.
SAME, LATER, WATCHED, MORE, STALE = range(5)
LOOKS = {SAME: ('#44aa66', 'filled, with the rights of the guest\'s tables', 'with the guest\'s rights'),
         LATER: ('#eebb33', 'filled, read-only until the first write (dirty bit)', 'read-only until written'),
         WATCHED: ('#aa3377', 'filled, read-only: the monitor wants to hear of a write', 'watched for writes'),
         MORE: ('#4477aa', 'filled, more rights (the guest\'s CR0.WP is off)', 'more rights'),
         STALE: ('#cc3311', 'stale: the guest changed its tables and has not said so', 'stale')}
EMPTY = '#e4e4e4'
QUIET = '#777777'  # words where there is nothing to see
ROOT_WIDTH, LEVEL_WIDTH = 275, 86
SCATTERED = 'scattered frames'
GAP = 2            # points between large squares
HEAD, HEAD_NOW, TABLE_CELL, PAGE_CELL, MONITOR = '#f0f0f0', '#cfe2f3', '#eef4fb', '#dce9f7', '#d9ead3'

Leaf = namedtuple('Leaf', 'gva gpa level w u x accessed dirty path')
Step = namedtuple('Step', 'level first last entry')  # on the way to a run: entries first to last of a table
Filled = namedtuple('Filled', 'hpa w u x')


class Guest:
    """What the picture has to know of the guest: the leaves of its tables, its memory and what is traced in it."""

    def __init__(self, leaves, tables, whole, ram_hpa, ram_bytes, is_traced, monitor_slot):
        self.leaves, self.tables, self.whole = leaves, tables, whole
        self.ram_hpa, self.ram_bytes, self.is_traced, self.monitor_slot = ram_hpa, ram_bytes, is_traced, monitor_slot


class Root:
    """A root of the shadow: its pages by their gva. users_only: it holds nothing but the guest's user pages."""

    def __init__(self, title, hpa, pages, tables, users_only, is_pair, now):
        self.title, self.hpa, self.pages, self.tables = title, hpa, pages, tables
        self.users_only, self.is_pair, self.now = users_only, is_pair, now


def span(level):
    return PAGE_SIZE << 9 * (level - 1)


def canonical(gva):
    return gva | 0xffff << 48 if gva >> 47 & 1 else gva


def size_text(size):
    unit, name = next((u, n) for u, n in ((1 << 40, 'TiB'), (1 << 30, 'GiB'), (1 << 20, 'MiB'), (1 << 10, 'KiB')) if size >= u)
    return '%d %s' % (size // unit, name) if size % unit == 0 else '%.1f %s' % (size / unit, name)


# ---- reading a tree ----

def read_tree(root, read_table, skip=()):
    """All leaves below a root, in the order of gva: (leaves, tables read, True when that was all). read_table(address) gives the entries
    of a table, or None where there is no memory. skip: entries of the root that are not followed."""
    leaves = []
    tables = [0]

    def visit(address, level, gva, path, w, u, x):
        if tables[0] == MOST_TABLES:
            return False
        entries = read_table(address)
        if entries is None:
            return True
        tables[0] += 1
        whole = True
        for i, entry in enumerate(entries):
            if not entry & PTE_P or level == TOP_LEVEL and i in skip:
                continue
            here = gva | i * span(level)
            way = path + (Step(level, i, i, entry),)
            rights = w and bool(entry & PTE_W), u and bool(entry & PTE_U), x and not entry & PTE_NX
            if level == 1 or level < TOP_LEVEL and entry & PTE_PS:
                leaves.append(Leaf(canonical(here), entry & PTE_ADDR & ~(span(level) - 1), level, *rights, bool(entry & PTE_A),
                                   bool(entry & PTE_D), way))
            else:
                whole = visit(entry & PTE_ADDR, level - 1, here, way, *rights) and whole
        return whole

    whole = visit(root, TOP_LEVEL, 0, (), True, True, True)
    return leaves, tables[0], whole


def shadow_pages(leaves):
    """The shadow's pages in pieces of 4 KiB: gva -> Filled."""
    return {leaf.gva + offset: Filled(leaf.gpa + offset, leaf.w, leaf.u, leaf.x)
            for leaf in leaves for offset in range(0, span(leaf.level), PAGE_SIZE)}


# ---- runs: the rows ----

class Run:
    """Leaves that stand in one row, and by root the state of each of their pages that is filled: gva -> state."""

    def __init__(self, leaf, filled):
        self.leaves, self.filled = [leaf], filled
        self.path = leaf.path

    def last(self):
        return self.leaves[-1]

    def pages(self):
        return sum(span(leaf.level) for leaf in self.leaves) // PAGE_SIZE

    def join(self, other):
        """Takes in the run behind this one. The way to both is the way to this, up to where they part."""
        common = 0
        while self.path[common] == other.path[common]:
            common += 1
        mine, its = self.path[common], other.path[common]
        self.path = self.path[:common] + (Step(mine.level, mine.first, its.last, None),)
        self.leaves += other.leaves
        for mine, its in zip(self.filled, other.filled):
            mine.update(its)


def rights(leaf):
    return leaf.w, leaf.u, leaf.x, leaf.level


def same_table(a, b):
    return len(a.path) == len(b.path) and a.path[:-1] == b.path[:-1]


def follows(a, b):
    return b.leaves[0].gva == a.last().gva + span(a.last().level)


def plain(a, b, guest):
    """Neighbours that say the same: rights, frames in a row, RAM or not; large pages, whether anything of them is filled."""
    x, y = a.last(), b.leaves[0]
    return same_table(a, b) and follows(a, b) and rights(x) == rights(y) and y.gpa == x.gpa + span(x.level) and \
        (x.gpa < guest.ram_bytes) == (y.gpa < guest.ram_bytes) and \
        (x.level == 1 or not any(a.filled) and not any(b.filled))


# What is tried after that, the finest first; from the third on a row may have more than one kind of rights, or holes.
RULES = [lambda a, b, guest: same_table(a, b) and follows(a, b) and rights(a.last()) == rights(b.leaves[0]),
         lambda a, b, guest: follows(a, b) and rights(a.last()) == rights(b.leaves[0])] + \
        [lambda a, b, guest, keep=keep: a.path[:keep] == b.path[:keep] for keep in (3, 2, 1)]


def state_of(leaf, gva, page, guest, is_pair):
    gpa = leaf.gpa + gva - leaf.gva
    if gpa >= guest.ram_bytes or page.hpa != guest.ram_hpa + gpa:
        return STALE
    # The roots of a pair map everything as user pages: the guest's kernel runs in ring 3.
    if page.w > leaf.w or page.x > leaf.x or not is_pair and page.u > leaf.u:
        return MORE
    if page.w < leaf.w or page.x < leaf.x or not is_pair and page.u < leaf.u:
        return WATCHED if guest.is_traced(gpa) else LATER
    return SAME


def compare(guest, roots):
    """One run for each leaf, with what the roots hold of it; and by root the pages that no leaf maps."""
    runs = [Run(leaf, [{} for _ in roots]) for leaf in guest.leaves]
    starts = [leaf.gva for leaf in guest.leaves]
    lost = []
    for number, root in enumerate(roots):
        orphans = []
        for gva, page in root.pages.items():
            i = bisect.bisect_right(starts, gva) - 1
            if i < 0 or gva >= starts[i] + span(guest.leaves[i].level) or root.users_only and not guest.leaves[i].u:
                orphans.append(gva)
            else:
                runs[i].filled[number][gva] = state_of(guest.leaves[i], gva, page, guest, root.is_pair)
        lost.append(sorted(orphans))
    return runs, lost


def merge(runs, rule, guest):
    merged = []
    for run in runs:
        if merged and rule(merged[-1], run, guest):
            merged[-1].join(run)
        else:
            merged.append(run)
    return merged


def rows_of(guest, roots, most=MOST_ROWS):
    """Neighbours that say the same are one row. Where those are too many, the slot of the top-level table that has the most of them is
    merged by the next rule first."""
    runs, lost = compare(guest, roots)
    slots = [merge(list(group), plain, guest) for _, group in itertools.groupby(runs, lambda run: run.path[0].first)]
    rules_left = [RULES] * len(slots)
    while sum(map(len, slots)) > most and any(rules_left):
        i = max((i for i in range(len(slots)) if rules_left[i]), key=lambda i: len(slots[i]))
        slots[i] = merge(slots[i], rules_left[i][0], guest)
        rules_left[i] = rules_left[i][1:]
    runs = sum(slots, [])
    if len(runs) > most:
        runs = runs[:most // 2] + merge(runs[most // 2:-most // 2 + 1], lambda a, b, guest: True, guest) + runs[-most // 2 + 1:]
    return runs, lost


# ---- drawing ----

def font(text, size=None, colour=None, face=None, bold=False):
    """text is HTML already. Where it follows other text it begins with &#160;: a browser drops a plain space there."""
    attributes = ''.join(' %s="%s"' % pair for pair in (('POINT-SIZE', size), ('COLOR', colour), ('FACE', face)) if pair[1])
    text = '<B>%s</B>' % text if bold else text
    return '<FONT%s>%s</FONT>' % (attributes, text) if attributes and text else text  # dot takes no empty FONT


def escape(text):
    return html.escape(text, quote=True)


def cell(content, colour='white', rows=1, columns=1, **more):
    attributes = ''.join(' %s="%s"' % (key.upper(), value) for key, value in more.items())
    if rows > 1:
        attributes += ' ROWSPAN="%d"' % rows
    if columns > 1:
        attributes += ' COLSPAN="%d"' % columns
    return '<TD BGCOLOR="%s"%s>%s</TD>' % (colour, attributes, content)


def lines(*texts):
    """Text lines of a cell, from the left."""
    return ''.join(text + '<BR ALIGN="LEFT"/>' for text in texts)


def table(rows, between='', **attributes):
    settings = {'BORDER': 0, 'CELLBORDER': 0, 'CELLSPACING': 0, 'CELLPADDING': 0, **{k.upper(): v for k, v in attributes.items()}}
    return '<TABLE%s>%s</TABLE>' % (''.join(' %s="%s"' % pair for pair in settings.items()),
                                    between.join('<TR>%s</TR>' % row for row in rows))


def squares(run, states):
    """The pages of a run as squares: (HTML, pages a square)."""
    count = run.pages()
    per_line, side = next((p, s) for most, p, s in ((16, 16, 15), (64, 32, 8), (1 << 60, 64, 4)) if count <= most)
    gap = GAP if per_line == 16 else 0
    scale = 1
    while count > scale * 512:
        scale *= 2
    worst = [None] * -(-count // scale)
    position = 0
    for leaf in run.leaves:
        for gva in range(leaf.gva, leaf.gva + span(leaf.level), PAGE_SIZE) if states else ():
            if gva in states:
                i = (position + (gva - leaf.gva) // PAGE_SIZE) // scale
                worst[i] = max(states[gva], worst[i] or SAME)
        position += span(leaf.level) // PAGE_SIZE
    drawn = []
    for begin in range(0, len(worst), per_line):
        line = worst[begin:begin + per_line]
        cells, i = [], 0
        while i < len(line):
            end = i + 1
            # Small squares that are alike and stand side by side are one cell; large ones have a gap.
            while per_line > 16 and end < len(line) and line[end] == line[i]:
                end += 1
            colour = EMPTY if line[i] is None else LOOKS[line[i]][0]
            cells.append('<TD FIXEDSIZE="TRUE" WIDTH="%d" HEIGHT="%d" BGCOLOR="%s"></TD>' % ((end - i) * side, side, colour))
            i = end
        # Without a size of its own it would be stretched to the width of the column.
        size = {'fixedsize': 'TRUE', 'align': 'LEFT', 'width': len(line) * (side + gap) + gap, 'height': side + 2 * gap}
        drawn.append(table([''.join(cells)], cellspacing=gap, **size))
    return table(['<TD ALIGN="LEFT">%s</TD>' % line for line in drawn]), scale


def quiet(text):
    return cell(font(text, colour=QUIET), align='LEFT')


def root_cell(run, states, root, guest):
    if run.leaves[0].gpa >= guest.ram_bytes and not states:
        return quiet('never: no RAM, devices answer')
    if root.users_only and not any(leaf.u for leaf in run.leaves):
        return quiet('never: kernel pages')
    # Of large pages nothing is drawn as long as nothing is filled.
    if not states and run.leaves[0].level > 1:
        return quiet('nothing yet')
    drawn, scale = squares(run, states)
    head = font('nothing yet', colour=QUIET)
    if states:
        head = font('{:,} of {}'.format(len(states), count_text(run.pages(), 'page')), bold=True)
    here = [gva for gva in states if states[gva] != STALE]
    if here and gpa_text(run) != SCATTERED:
        head += font('&#160;to hpa %#x' % (root.pages[here[0]].hpa - here[0] + run.leaves[0].gva), face='monospace')
    if scale > 1:
        head += font(', %d to a square' % scale, 11)
    counts = Counter(states.values())
    kinds = [('{:,} '.format(counts[state]) if len(counts) > 1 else '') + LOOKS[state][2] for state in LOOKS if counts[state]]
    parts = [head, drawn] + ([font(escape(', '.join(kinds)), 11)] if kinds else [])
    return cell(table(['<TD ALIGN="LEFT">%s</TD>' % part for part in parts], cellspacing=1), align='LEFT')


def count_text(number, what):
    return '{:,} {}{}'.format(number, what, '' if number == 1 else 's')


def rights_text(leaf):
    return '%s r%s%s' % ('user' if leaf.u else 'kernel', 'w' if leaf.w else '-', 'x' if leaf.x else '-')


def marks_text(run):
    """The accessed and dirty bits that the monitor has set in the guest's entries."""
    total = len(run.leaves)
    marks = []
    for name, number in (('accessed', sum(leaf.accessed for leaf in run.leaves)), ('dirty', sum(leaf.dirty for leaf in run.leaves))):
        if number:
            marks.append(name if total == 1 else '%d %s' % (number, name))
    return ', '.join(marks) or 'not accessed'


def gpa_text(run):
    x = run.leaves[0]
    expected = x.gpa
    for leaf in run.leaves:
        if leaf.gpa != expected:
            return SCATTERED
        expected += span(leaf.level)
    return 'gpa %#x' % x.gpa


def map_cell(run):
    first, last = run.leaves[0], run.last()
    extent = last.gva + span(last.level) - first.gva
    mono = 'monospace'
    kinds = sorted({rights_text(leaf) for leaf in run.leaves})
    sizes = Counter(leaf.level for leaf in run.leaves)
    pages = ', '.join('%d x %s' % (sizes[level], size_text(span(level))) for level in sorted(sizes))
    holes = extent != run.pages() * PAGE_SIZE
    texts = [font('%#x' % first.gva, face=mono, bold=True) + font('&#160;+ %s%s' % (size_text(extent), ', with holes' if holes else ''), 11),
             font('to ' + gpa_text(run), face=mono),
             font(escape('%s, %s' % (' and '.join(kinds), pages)), 11), font(marks_text(run), 11)]
    return cell(lines(*texts), align='LEFT', balign='LEFT')


def step_cell(step, is_last, run, rows):
    """An entry of the guest's table, or several alike."""
    number = '%d' % step.first if step.first == step.last else '%d-%d' % (step.first, step.last)
    texts = [font(number, 14, bold=True)]
    if is_last:
        if step.level > 1 and run.leaves[0].level == step.level:
            texts.append(font('large page' + ('s' if len(run.leaves) > 1 else ''), 11))
        return cell('<BR/>'.join(texts), PAGE_CELL, rows, step.level)
    bits = [name for name, bit in (('W', PTE_W), ('U', PTE_U), ('NX', PTE_NX), ('A', PTE_A)) if step.entry & bit]
    texts += [font('to %#x' % (step.entry & PTE_ADDR), 11, face='monospace'), font(' '.join(bits) or 'no rights', 11)]
    return cell('<BR/>'.join(texts), TABLE_CELL, rows)


def step_cells(runs, i, monitor_at):
    """The cells of row i on the left: steps that the row above does not have already."""
    cells = []
    path = runs[i].path
    for depth, step in enumerate(path):
        prefix = path[:depth + 1]
        is_last = depth == len(path) - 1
        if i != monitor_at and i > 0 and runs[i - 1].path[:depth + 1] == prefix and not is_last:
            continue
        below = 1
        while not is_last and i + below < len(runs) and i + below != monitor_at and runs[i + below].path[:depth + 1] == prefix:
            below += 1
        cells.append(step_cell(step, is_last, runs[i], below))
    return ''.join(cells)


def heading(title, *texts, **more):
    return cell('<BR/>'.join([font(escape(title), 14, bold=True)] + [font(escape(text)) for text in texts]), **more)


def head_rows(guest, roots, cr3):
    top = heading('The guest\'s page tables', 'CR3 %#x, %s' % (cr3, count_text(guest.tables, 'table')), 'what the guest believes',
                  colour=HEAD, columns=TOP_LEVEL + 1)
    for root in roots:
        use = 'virtual ring 3: user pages alone' if root.users_only else 'virtual ring 0: every page' if root.is_pair else 'all rings'
        top += heading(root.title.capitalize() + (', on the CPU now' if root.now else ''),
                       'hpa %#x, %s filled' % (root.hpa, count_text(len(root.pages), 'page')), 'for ' + use,
                       colour=HEAD_NOW if root.now else HEAD, rows=2, width=ROOT_WIDTH)
    names = ''.join(cell(font(LEVELS[level], bold=True), HEAD, width=LEVEL_WIDTH) for level in range(TOP_LEVEL, 0, -1))
    return [top, names + cell(font('maps', bold=True), HEAD)]


def monitor_row(guest, roots):
    return cell(font('%d' % guest.monitor_slot, 14, bold=True), MONITOR) + \
        cell('the monitor\'s slot: the guest may map nothing here', MONITOR, columns=4) + \
        cell('the monitor itself, the same in every root, not for ring 3', MONITOR, columns=len(roots))


def lost_rows(lost, roots):
    if not any(lost):
        return []
    row = cell('not mapped by the guest\'s tables (any more)', columns=5)
    for pages in lost:
        row += cell(font(count_text(len(pages), 'page') + (', first at %#x' % pages[0] if pages else ''), colour=LOOKS[STALE][0]
                         if pages else QUIET), align='LEFT')
    return [row]


def legend(runs):
    seen = {state for run in runs for states in run.filled for state in states.values()}
    parts = []
    for state, (colour, text, _) in LOOKS.items():
        if state in (SAME, LATER, WATCHED) or state in seen:
            parts.append((colour, text))
    parts.append((EMPTY, 'not filled yet: the first access will be a hidden fault'))
    rows = ['&#160; &#160; '.join(font('&#9632;', 18, colour) + font('&#160;' + escape(text)) for colour, text in parts[i:i + 2])
            for i in range(0, len(parts), 2)]
    words = 'A square is a page of 4 KiB. Of the guest\'s entries: W writable, U user, NX not executable, A accessed; ' \
        'rwx is what all levels together allow.'
    return table([cell(lines(*rows, font(escape(words))), align='LEFT', balign='LEFT')])


def draw(title, notes, guest, roots, cr3):
    """The picture as text for dot, and the rows it has."""
    runs, lost = rows_of(guest, roots)
    slot = guest.monitor_slot
    monitor_at = None
    if slot is not None:
        monitor_at = next((i for i, run in enumerate(runs) if run.path[0].first >= slot), len(runs))
    body = head_rows(guest, roots, cr3)
    for i, run in enumerate(runs):
        if i == monitor_at:
            body.append(monitor_row(guest, roots))
        body.append(step_cells(runs, i, monitor_at) + map_cell(run) +
                    ''.join(root_cell(run, states, root, guest) for states, root in zip(run.filled, roots)))
    if monitor_at == len(runs):
        body.append(monitor_row(guest, roots))
    body += lost_rows(lost, roots)
    if not guest.whole:
        notes = notes + ['Only the first %d tables are shown: there are more, or some lead back to themselves.' % MOST_TABLES]
    outer = ['<TD ALIGN="LEFT">%s</TD>' % font(escape(title), 20, bold=True)]
    outer += ['<TD ALIGN="LEFT">%s</TD>' % font(escape(note), 13) for note in notes]
    outer.append('<TD ALIGN="LEFT">%s</TD>' % table(body, '\n', border=1, cellborder=1, cellpadding=5, color='#999999'))
    outer.append('<TD ALIGN="LEFT">%s</TD>' % legend(runs))
    # A line of the text is a row of the picture.
    text = '\n'.join(['digraph tables {', 'graph [bgcolor=white, pad=0.2];', 'node [shape=plain, fontname="sans-serif", fontsize=12];',
                      'tables [label=<' + table(outer, '\n', cellspacing=4) + '>];', '}', ''])
    return text, runs
