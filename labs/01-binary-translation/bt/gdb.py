# SPDX-License-Identifier: MIT
"""What the debugger's commands (common/gdb/hv.py, gdb.py of the lab) have to know of the `bt` engine, and one more command:

    hv-cache                     the translation cache: how full, which functions, which call-outs
    hv-cache FUNCTION [FILE]     its blocks of one function of the guest's, as text; FILE: as a picture (.svg or .dot)

While the CPU is in the cache RIP is an address there, IF and CR8 are in the state page, and a register may have been saved. bt.h says how
that leads back to the guest: each address in the cache belongs to a point, and so to an instruction of the guest's.

Both sides of a block are disassembled by objdump: the guest's bytes from the frames that the block was translated from, the translation
from the cache. Where a jump leads is taken from the block's exits, so it is the same whether the jump is patched or not.

How often a block ran is known where the hypervisor counts: with `count=1 trace=1` on its command line. Then no block is left without the
monitor (struct bt_counts in bt.h). It counts call-outs where it keeps a trace, so it needs both."""

import bisect
import collections
import tempfile

from picture import cell, escape, font, lines, table

# bt.h
BT_MISS_STUB = 0
BT_UD2, BT_EXIT_BYTES = b'\x0f\x0b', 6
BT_TABLE_COUNT = 1 << 16
BT_TABLE_OFFSET, BT_STATE_OFFSET, BT_STATE_BYTES = 8 << 20, 10 << 20, 4096
BT_SPILLS = ('RAX', 'RCX', 'RDX', 'RSI')
BT_SPILL_MISS = 1 << BT_SPILLS.index('RCX') | 1 << BT_SPILLS.index('RDX')
BT_FLAGS_SAVED = 0x80
BT_NO_FRAME = (1 << 64) - 1
RFLAGS_LAHF, RFLAGS_OF, RFLAGS_IF_BIT = 0xd5, 0x800, 0x200
BT_POINT = ('at', 'guest', 'spilled', 'boundary', 'committed')
BT_BLOCK = ('rip', 'code', 'checked', 'end', 'first_point', 'points', 'first_exit', 'exits', 'guest_bytes', 'guest_insns', 'frame', 'dead',
            'mapped')
BT_EXIT = ('rip', 'at', 'jump', 'resume', 'block', 'chained', 'kind', 'spilled', 'insn.op')


# ---- the structures of the cache ----

def field_reader(kind, name):
    """A function that takes a field out of the bytes of a structure."""
    offset = 0
    for part in name.split('.'):
        field = kind[part]
        offset += field.bitpos
        kind = field.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_ARRAY:
        size = kind.target().sizeof
        begin, end = offset // 8, offset // 8 + kind.sizeof
        return lambda data: tuple(int.from_bytes(data[i:i + size], 'little') for i in range(begin, end, size))
    begin, end, shift = offset // 8, offset // 8 + kind.sizeof, offset % 8
    mask = (1 << (field.bitsize or 8 * kind.sizeof)) - 1
    return lambda data: int.from_bytes(data[begin:end], 'little') >> shift & mask


def records(pointer, names, first, count):
    """Some elements of an array of structures, with these fields of them and their numbers."""
    kind = pointer.type.target().strip_typedefs()
    made = collections.namedtuple(kind.name, ['number'] + [name.replace('.', '_') for name in names])
    readers = [field_reader(kind, name) for name in names]
    data = read_hva(int(pointer) + first * kind.sizeof, count * kind.sizeof) if count else b''
    pieces = (data[i:i + kind.sizeof] for i in range(0, len(data), kind.sizeof))
    return [made(first + n, *(reader(piece) for reader in readers)) for n, piece in enumerate(pieces)]


class Cache:
    def __init__(self, v):
        self.v = v
        self.c = v['cpu_private'].cast('bt')['cache'].read()
        self.window, self.used, self.count = int(self.c['window']), int(self.c['used']), int(self.c['blocks'])
        self.counts = self.c['counts'] if int(self.c['counts']) else None

    def blocks(self):
        return records(self.c['block'], BT_BLOCK, 0, self.count)

    def points(self, b):
        return records(self.c['point'], BT_POINT, b.first_point, b.points)

    def exits(self, b=None):
        first, count = (b.first_exit, b.exits) if b else (0, int(self.c['exits']))
        return records(self.c['exit'], BT_EXIT, first, count)

    def code(self, begin, end):
        return read_hva(int(self.c['code']) + begin, end - begin)

    def counted(self, name, count):
        """The numbers of struct bt_counts, or None."""
        if not self.counts:
            return None
        return struct.unpack('<%dI' % count, read_hva(int(self.counts[name]), 4 * count)) if count else ()

    def table_entry(self, rip):
        return read_u64(int(self.c['table']) + 8 * (rip % BT_TABLE_COUNT))

    def spill(self, i):
        return int(self.c['state'].target()['spill'][i])

    def exit_at(self, at):
        """bt_find_exit() of bt.h."""
        code = self.code(at, at + BT_EXIT_BYTES)
        number = int.from_bytes(code[len(BT_UD2):], 'little')
        if code[:len(BT_UD2)] != BT_UD2 or number >= int(self.c['exits']):
            return None
        e = records(self.c['exit'], BT_EXIT, number, 1)[0]
        return e if e.at == at else None

    def point_at(self, at):
        """bt_find_point() of cache.c: (block, point) or None."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if at < records(self.c['block'], ('end',), middle, 1)[0].end:
                high = middle
            else:
                low = middle + 1
        if low == self.count:
            return None
        b = records(self.c['block'], BT_BLOCK, low, 1)[0]
        found = [p for p in self.points(b) if p.at <= at]
        return (b, found[-1]) if found else None


class Bt(Ring3):
    adds_places = ('bt_add_block', 'b->rip <= %(gva)s && %(gva)s < b->rip + b->guest_bytes')

    def places(self, gva):
        """User code runs where it is; the kernel's instructions wherever they were translated to."""
        cache = Cache(self.v)
        found = [gva]
        for b in cache.blocks():
            if not b.dead and b.rip <= gva < b.rip + b.guest_bytes:
                found += [cache.window + p.at for p in cache.points(b) if p.boundary and b.rip + p.guest == gva]
        return found

    def complete(self, state):
        super().complete(state)
        cache = Cache(self.v)
        at = state.rip - cache.window
        if state.loaded and 0 <= at < cache.used:
            self.complete_in_cache(state, cache, at)

    @staticmethod
    def complete_in_cache(state, cache, at):
        page = cache.c['state'].target()
        state.rflags = state.rflags & ~RFLAGS_IF_BIT | int(page['vif']) & RFLAGS_IF_BIT
        state.cr8 = int(page['cr8'])
        e, spilled = cache.exit_at(at), 0
        state.note = 'in the cache at +%#x' % at
        if e:
            state.rip, spilled = e.rip, e.spilled
            state.note += ', exit %d of block %d' % (e.number, e.block)
        elif at == BT_MISS_STUB:
            state.rip, spilled = state.gpr[GPRS.index('RCX')], BT_SPILL_MISS
            state.note += ', an indirect jump that found nothing'
        elif cache.point_at(at):
            b, p = cache.point_at(at)
            state.rip, spilled = b.rip + p.guest, p.spilled
            state.note += ', block %d%s' % (b.number, '' if p.boundary and p.at == at else ', inside the translation of this instruction')
            if p.committed:
                state.note += ', of which a part has happened'
        if spilled & BT_FLAGS_SAVED:
            rax = state.gpr[GPRS.index('RAX')]
            state.rflags = state.rflags & ~(RFLAGS_LAHF | RFLAGS_OF) | rax >> 8 & RFLAGS_LAHF | (RFLAGS_OF if rax & 1 else 0)
        for i, name in enumerate(BT_SPILLS):
            if spilled >> i & 1:
                state.gpr[GPRS.index(name)] = cache.spill(i)


ENGINES['bt'] = Bt


# ---- names ----

class Names:
    """The guest's symbols."""

    def __init__(self):
        try:
            path = gdb.lookup_objfile('guest.elf').filename.replace('.elf', '.sym')
        except ValueError:
            raise gdb.GdbError('the symbols of the guest (guest.elf) are not loaded') from None
        with open(path, encoding='ascii') as file:
            found = [line.split() for line in file]
        # Of several names for a place the begin of something is better than the end of what is before it; it stands last.
        self.all = sorted(((int(words[0], 16), words[-1]) for words in found if words[1] not in 'aA'),
                          key=lambda pair: (pair[0], not pair[1].endswith('_end'), pair[1]))
        self.starts = [gva for gva, _ in self.all]

    def index(self, gva):
        return bisect.bisect_right(self.starts, gva) - 1

    def function(self, gva):
        """The name that the address lies behind."""
        i = self.index(gva)
        return self.all[i][1] if i >= 0 else '%#x' % gva

    def text(self, gva):
        i = self.index(gva)
        if i < 0 or gva - self.starts[i] >= PAGE_SIZE:
            return '%#x' % gva
        return self.all[i][1] + ('+%#x' % (gva - self.starts[i]) if gva != self.starts[i] else '')

    def known(self, gva):
        return not self.text(gva).startswith('0x')

    def extent(self, gva):
        i = self.index(gva)
        later = [start for start in self.starts[i + 1:] if start > self.starts[i]]
        return self.starts[i], later[0] if later else gva + 1


def op_name(op):
    """OP_MOV_FROM_CR as `mov from cr`."""
    name = next((f.name for f in gdb.lookup_type('enum insn_op').fields() if f.enumval == op), 'OP_%d' % op)
    return name.replace('OP_', '').replace('_', ' ').lower()


def kinds():
    return {name: int(gdb.parse_and_eval('BT_EXIT_' + name.upper())) for name in ('callout', 'chain', 'invalid', 'stored')}


def state_name(offset):
    """What lies at an offset of the state page: vif, spill[RCX], sel[CS]."""
    for field in gdb.lookup_type('struct bt_state').fields():
        begin, kind = field.bitpos // 8, field.type.strip_typedefs()
        if begin <= offset < begin + kind.sizeof:
            is_array = kind.code == gdb.TYPE_CODE_ARRAY
            size = kind.target().sizeof if is_array else kind.sizeof
            inside = (offset - begin) % size
            index = (offset - begin) // size
            names = {'spill': BT_SPILLS, 'sel': SEGMENTS}.get(field.name, ())
            return field.name + ('[%s]' % (names[index] if index < len(names) else index) if is_array else '') + \
                ('+%d' % inside if inside else '')
    return '%#x' % offset


# ---- disassembly ----

Line = collections.namedtuple('Line', 'at end text')  # an instruction
INSTRUCTION = re.compile(r'^ *([0-9a-f]+):\t(.*)$', re.M)
RIP_RELATIVE = re.compile(r'-?0x[0-9a-f]+\(%rip\)(.*?) +# 0x([0-9a-f]+)')
TARGET = re.compile(r'^(j\w+|call|loop\w*)( +)0x([0-9a-f]+)$')
NUMBER = re.compile(r'(-?)0x([0-9a-f]{8,})')
JUMP_BY_TABLE = 'jmp *0x0(,%rdx,8)'


def disassemble(data, gva):
    if not data:
        return []
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = ['objdump', '-D', '-w', '-b', 'binary', '-m', 'i386:x86-64', '--no-show-raw-insn', '--adjust-vma=%#x' % gva, file.name]
        try:
            text = subprocess.run(command, stdout=subprocess.PIPE, check=True, encoding='ascii').stdout
        except (OSError, subprocess.CalledProcessError) as e:
            raise gdb.GdbError('no disassembly: %s' % e) from None
    found = [(int(at, 16), ' '.join(words.split())) for at, words in INSTRUCTION.findall(text)]
    ends = [at for at, _ in found[1:]] + [gva + len(data)]
    return [Line(at, end, words) for (at, words), end in zip(found, ends)]


class Reader:
    """Blocks as text on both sides."""

    def __init__(self, cache, names):
        self.cache, self.names, self.kinds = cache, names, kinds()
        self.runs = cache.counted('runs', cache.count)
        self.lookups = cache.counted('lookups', cache.count)
        self.taken = cache.counted('taken', int(cache.c['exits']))

    def guest_bytes(self, b):
        vm = self.cache.v['vm']
        data, size = b'', min(b.guest_bytes, PAGE_SIZE - b.rip % PAGE_SIZE)
        for frame, offset, count in ((b.frame[0], b.rip % PAGE_SIZE, size), (b.frame[1], 0, b.guest_bytes - size)):
            if count and frame != BT_NO_FRAME:
                data += read_hva(int(vm['ram']) + frame + offset, count)
        return data

    def address(self, gva):
        """A name for what an instruction of the translation addresses."""
        offset = gva - self.cache.window
        if 0 <= offset - BT_STATE_OFFSET < BT_STATE_BYTES:
            return 'state.' + state_name(offset - BT_STATE_OFFSET)
        if 0 <= offset - BT_STATE_OFFSET - BT_STATE_BYTES < BT_STATE_BYTES:
            return 'watched.' + state_name(offset - BT_STATE_OFFSET - BT_STATE_BYTES)
        if 0 <= offset < self.cache.used:
            literal = int.from_bytes(self.cache.code(offset, offset + 8), 'little')
            return 'literal %s' % (self.names.text(literal) if self.names.known(literal) else '%#x' % literal)
        return self.names.text(gva) + '(%rip)'

    def plain(self, text):
        """With names in place of addresses."""
        text = RIP_RELATIVE.sub(lambda m: self.address(int(m.group(2), 16)) + m.group(1), text)
        found = TARGET.match(text)
        if found and self.names.known(int(found.group(3), 16)):
            return found.group(1) + found.group(2) + self.names.text(int(found.group(3), 16))

        def named(m):
            value = int(m.group(2), 16)
            value = -value & (1 << 64) - 1 if m.group(1) else value
            if value * 8 & (1 << 64) - 1 == self.cache.window + BT_TABLE_OFFSET:
                return 'table/8'
            return self.names.text(value) if self.names.known(value) else m.group(0)
        return NUMBER.sub(named, text)


# ---- one block ----

COPIED, DONE, CALLED, JUMPS = range(4)
Part = collections.namedtuple('Part', 'guest kind cached exits')  # an instruction of the guest's and what became of it


class Block:
    """A block to be shown. entry: what an indirect jump comes through, if one has led here. parts: one for each instruction of the guest's; late: the ways out that stand behind the code."""

    def __init__(self, reader, b):
        self.b, self.reader = b, reader
        self.exits = reader.cache.exits(b)
        points = reader.cache.points(b)
        inside = {p.at for p in points if not p.boundary}
        self.late = [e for e in self.exits if e.kind == reader.kinds['chain'] or e.kind == reader.kinds['callout'] and e.at in inside]
        self.end = min([e.at for e in self.late], default=b.end)
        starts = {}
        for p in points:
            if p.boundary and p.at < self.end:
                starts.setdefault(p.guest, p.at)
        self.starts = sorted(starts.items())
        self.looks_up = False
        data = reader.guest_bytes(b)
        ends = [at for _, at in self.starts[1:]] + [self.end]
        guest_ends = [guest for guest, _ in self.starts[1:]] + [b.guest_bytes]
        self.parts = [self.part(data[guest:guest_end], b.rip + guest, at, end)
                      for (guest, at), guest_end, end in zip(self.starts, guest_ends, ends)]

        self.entry = []
        if self.is_looked_up():
            entry = disassemble(reader.cache.code(b.checked, b.code), reader.cache.window + b.checked)
            self.entry = self.translated(entry)

    def is_looked_up(self):
        if self.reader.lookups:
            return self.reader.lookups[self.b.number] > 0
        return self.reader.cache.table_entry(self.b.rip) == self.reader.cache.window + self.b.checked

    def runs(self):
        return self.reader.runs[self.b.number] if self.reader.runs else None

    def part(self, data, rip, at, end):
        reader, window = self.reader, self.reader.cache.window
        guest = ' '.join(reader.plain(line.text) for line in disassemble(data, rip)) or 'goes on at ' + reader.names.text(rip)
        here = next((e for e in self.exits if e.at == at), None)
        if here:
            after = self.trim(disassemble(reader.cache.code(at + BT_EXIT_BYTES, end), window + at + BT_EXIT_BYTES)) if here.resume else []
            name = op_name(here.insn_op) if here.kind == reader.kinds['callout'] else 'no instruction'
            return Part((rip, guest), CALLED, ['call-out: %s' % name] + self.translated(after), [here])
        stored = next((e for e in self.exits if e.kind == reader.kinds['stored'] and at < e.at < end), None)
        code = reader.cache.code(at, stored.at if stored else end)
        cached = self.trim(disassemble(code, window + at))
        exits = [e for e in self.exits if e.jump and at <= e.jump < end]
        kind = CALLED if stored else COPIED if code == data else JUMPS if exits or self.ends_by_table(cached) else DONE
        if stored:
            return Part((rip, guest), kind, ['call-out behind it: mends what was stored'] + self.translated(cached), [stored])
        return Part((rip, guest), kind, self.translated(cached), exits)

    def ends_by_table(self, cached):
        ends = bool(cached) and cached[-1].text == JUMP_BY_TABLE
        self.looks_up |= ends
        return ends

    @staticmethod
    def trim(cached):
        """Behind the jump that ends a block there may be padding and constants."""
        last = next((i for i, line in enumerate(cached) if line.text == JUMP_BY_TABLE), len(cached))
        return cached[:last + 1]

    def translated(self, cached):
        """As text. Jumps to another of these lines have a number, which stands before that line, as in assembly."""
        marks = {}
        for line in cached:
            found = TARGET.match(line.text)
            at = int(found.group(3), 16) if found else None
            if any(other.at == at for other in cached):
                marks.setdefault(at, str(len(marks) + 1))
        return [(marks[line.at] + ': ' if line.at in marks else '') + self.translated_line(line, marks) for line in cached]

    def translated_line(self, line, marks):
        reader, window = self.reader, self.reader.cache.window
        leaves = next((e for e in self.exits if e.jump and window + e.jump + 4 == line.end), None)
        if leaves:
            return '%s %s' % (line.text.split()[0], self.way(leaves))
        found = TARGET.match(line.text)
        if found:
            gva = int(found.group(3), 16)
            is_out = any(e.at == gva - window for e in self.late)
            to = marks.get(gva, 'the slow way' if is_out else 'the miss stub' if gva - window == BT_MISS_STUB else 'begin of the code'
                           if gva - window == self.b.code else '%#x' % (gva - window))
            return '%s %s' % (found.group(1), to + ('f' if gva > line.at else 'b') if gva in marks else to)
        if line.text == JUMP_BY_TABLE:
            return 'jmp *table(,%rdx,8)'
        return reader.plain(line.text)

    def way(self, e):
        return 'block %d' % (e.chained - 1) if e.chained else 'its exit'

    def slow_ways(self):
        return [e for e in self.late if e.kind == self.reader.kinds['callout']]


# ---- as text ----

def times(count):
    return '' if count is None else ', %s time%s' % ('{:,}'.format(count), '' if count == 1 else 's')


def block_title(block):
    b, names = block.b, block.reader.names
    state = 'dead' if b.dead else 'mapped' if b.mapped else 'not mapped now'
    return 'block %d: %s, %d instructions in %d bytes, %d bytes of the cache, %s' % (
        b.number, names.text(b.rip), b.guest_insns, b.guest_bytes, b.end - b.checked, state)


def runs_text(block):
    if block.runs() is None:
        return ''
    lookups = block.reader.lookups[block.b.number]
    return 'ran {:,} time{}{}'.format(block.runs(), '' if block.runs() == 1 else 's',
                                      ', {:,} by indirect jumps'.format(lookups) if lookups else '')


def print_block(block):
    reader = block.reader
    print('  ' + block_title(block) + (', ' + runs_text(block) if block.runs() is not None else ''))
    for part in block.parts:
        first = part.cached[0] if part.kind != COPIED and part.cached else ''
        more = ' (and %d more)' % (len(part.cached) - 1) if part.kind != COPIED and len(part.cached) > 1 else ''
        taken = ''.join(times(reader.taken[e.number]) for e in part.exits) if reader.taken else ''
        print(('    %016x  %-40s %s' % (*part.guest, first + more + taken)).rstrip())


def function_blocks(cache, names, function):
    """The live blocks that begin in a function, by address, and how many dead ones there are."""
    begin, end = names.extent(guest_address(function))
    found = [b for b in cache.blocks() if begin <= b.rip < end]
    if not found:
        raise gdb.GdbError('%s: nothing of this function is in the cache now. It did not run since the cache was emptied for the last '
                           'time (%d times up to now)' % (function, int(cache.c['flushes'])))
    live = sorted((b for b in found if not b.dead), key=lambda b: b.rip)
    return live, len(found) - len(live)


def print_cache(number, v, cache, names):
    c = cache.c
    blocks, exits = cache.blocks(), cache.exits()
    runs, taken = cache.counted('runs', len(blocks)), cache.counted('taken', len(exits))
    code, guest = sum(b.end - b.checked for b in blocks), sum(b.guest_bytes for b in blocks)
    kind = kinds()
    print(title(number, v))
    print('  %s, emptied %d times, %d of %d bytes in use' % (str(c['flavour']).replace('BT_', '').lower(), int(c['flushes']), cache.used,
                                                           int(c['size'])))
    print('  %d blocks, %d mapped, %d dead: %d instructions in %d bytes, %d bytes of the cache' % (
        len(blocks), sum(b.mapped for b in blocks), sum(b.dead for b in blocks), sum(b.guest_insns for b in blocks), guest, code))
    chains = [e for e in exits if e.kind == kind['chain']]
    print('  %d direct jumps, %d of them chained' % (len(chains), sum(e.chained > 0 for e in chains)))
    called = collections.Counter(op_name(e.insn_op) for e in exits if e.kind == kind['callout'])
    print('  places of call-outs: ' + ', '.join('%s %d' % pair for pair in sorted(called.items(), key=lambda pair: (-pair[1], pair[0]))))
    by_function = collections.defaultdict(list)
    for b in blocks:
        by_function[names.function(b.rip)].append(b)
    weight = {name: sum(runs[b.number] for b in found) if runs else len(found) for name, found in by_function.items()}
    print('  functions, those that ran most first:' if runs else '  functions, those with most blocks first (runs are counted with '
          'HV_ARGS="cpu=bt trace=1 count=1"):')
    for name in sorted(by_function, key=lambda name: (-weight[name], name))[:MOST_FUNCTIONS]:
        print('    %-28s %3d blocks%s' % (name, len(by_function[name]), ' %10d runs' % weight[name] if runs else ''))
    if taken:
        total = collections.Counter()
        for e in exits:
            if e.kind == kind['callout']:
                total[op_name(e.insn_op)] += taken[e.number]
        print('  call-outs taken: ' + ', '.join('%s %d' % pair for pair in sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))
                                               if pair[1]))


MOST_FUNCTIONS = 20


# ---- as a picture ----

COLOURS = {COPIED: 'white', DONE: '#e2f0d9', CALLED: '#f8d7d3', JUMPS: '#dce9f7'}
MEANINGS = ((COPIED, 'copied as it is'), (DONE, 'done in the cache by other instructions'), (JUMPS, 'a jump from block to block'),
            (CALLED, 'call-out: the monitor does it'))
HEAD, QUIET, OTHER, CHAINED, UNCHAINED = '#f0f0f0', '#777777', '#555555', '#225588', '#aaaaaa'
OFFSET_WIDTH, GUEST_WIDTH, CACHED_WIDTH = 46, 210, 270
MOST_CALLERS = 4


class Picture:
    """The text for dot: the blocks in one column, by address, and beside them what is outside of the function."""

    def __init__(self, blocks, reader):
        self.blocks, self.reader = blocks, reader
        self.shown = {block.b.number for block in blocks}
        self.text, self.outside = [], 0

    def times(self, e):
        return times(self.reader.taken[e.number] if self.reader.taken else None)

    @staticmethod
    def sides(begin, guest, cached, colour=COLOURS[COPIED], **more):
        left = [cell(font(begin, 11, QUIET, 'monospace'), align='RIGHT', width=OFFSET_WIDTH),
                cell(lines(*guest), align='LEFT', balign='LEFT', width=GUEST_WIDTH)]
        return ''.join(left) + cell(lines(*cached) if cached else ' ', colour, align='LEFT', balign='LEFT', width=CACHED_WIDTH, **more)

    def row(self, block, n, part):
        rip, guest = part.guest
        cached = [font(escape(text), colour=QUIET if part.kind == COPIED else None, face='monospace') for text in part.cached]
        if part.kind == CALLED:
            cached[0] = font(escape(part.cached[0]), bold=True)
        for e in part.exits: # the call, or the last of the jumps
            i = 0 if part.kind == CALLED else max(i for i, text in enumerate(part.cached) if self.is_way(text))
            cached[i] += font(self.times(e).replace(', ', '&#160;&#160;'), 11)
        return self.sides('+%#x' % (rip - block.b.rip), [font(escape(guest), face='monospace')], cached, COLOURS[part.kind],
                          port='p%d' % n)

    @staticmethod
    def is_way(text):
        return ' block ' in text or text.endswith(' its exit')

    def block(self, block):
        b, names = block.b, self.reader.names
        head = [font(escape('block %d: %s' % (b.number, names.text(b.rip))), 14, bold=True),
                font(escape('%d instructions in %d bytes, %d bytes of the cache at +%#x' % (
                    b.guest_insns, b.guest_bytes, b.end - b.checked, b.code)), 11)]
        if block.runs() is not None:
            head.append(font(escape(runs_text(block)), 13, bold=True))
        rows = [cell(lines(*head), HEAD, columns=3, align='LEFT', balign='LEFT', port='head')]
        if block.entry:
            words = [font(text, 11, QUIET) for text in ('entry for indirect jumps:', 'is RCX the address of this block?')]
            rows.append(self.sides('&#160;', words, [font(escape(text), face='monospace') for text in block.entry], COLOURS[JUMPS]))
        rows += [self.row(block, n, part) for n, part in enumerate(block.parts)]
        slow = block.slow_ways()
        if slow:
            texts = ['the slow way of %s: call-out%s' % (names.text(e.rip), self.times(e)) for e in slow]
            rows.append(cell(lines(*(font(escape(text), 11) for text in texts)), COLOURS[CALLED], columns=3, align='LEFT', balign='LEFT'))
        self.text.append('b%d [label=<%s>];' % (b.number, table(rows, '\n', border=1, cellborder=1, cellpadding=3, color='#999999')))

    def node(self, beside, texts, left=False):
        """Something that is no block of the function, on the height of the block `beside`."""
        self.outside += 1
        name = 'o%d' % self.outside
        self.text.append('%s [shape=box, style="rounded,filled", fillcolor="#fafafa", color="%s", margin="0.08,0.03", label="%s"];'
                         % (name, QUIET, '\\n'.join(texts)))
        order = (name, 'b%d' % beside) if left else ('b%d' % beside, name)
        self.text.append('{ rank=same; %s -> %s [style=invis]; }' % order)
        return name

    def edge(self, begin, end, style, colour=OTHER):
        self.text.append('%s -> %s [style=%s, color="%s", constraint=false];' % (begin, end, style, colour))

    def edges_out(self, block):
        names, by_rip = self.reader.names, {other.b.rip: other.b.number for other in self.blocks}
        ways = [(n, e, e.chained - 1 if e.chained else by_rip.get(e.rip)) for n, part in enumerate(block.parts) for e in part.exits
                if e.kind == self.reader.kinds['chain']]
        others = [e for _, e, to in ways if to not in self.shown]
        if others:
            beside = self.node(block.b.number, list(dict.fromkeys(names.text(e.rip) for e in others)))
        for n, e, to in ways:
            self.edge('b%d:p%d:e' % (block.b.number, n), 'b%d:head:e' % to if to in self.shown else beside,
                      'solid' if e.chained else 'dashed', CHAINED if e.chained else UNCHAINED)
        for n, part in enumerate(block.parts):
            if part.cached and part.cached[-1].startswith('jmp *table'):
                self.edge('b%d:p%d:e' % (block.b.number, n), self.node(block.b.number, ['lookup']), 'dotted')

    def edges_in(self, block, callers):
        """From outside: chains of other functions, and indirect jumps."""
        head = 'b%d:head:w' % block.b.number
        if block.is_looked_up():
            count = self.reader.lookups[block.b.number] if self.reader.lookups else None
            self.edge(self.node(block.b.number, ['indirect jumps' + times(count)], True), head, 'dotted')
        texts = ['%s%s' % (self.reader.names.text(self.rip_of(e)), self.times(e)) for e in callers[:MOST_CALLERS]]
        if len(callers) > MOST_CALLERS:
            texts.append('and %d more' % (len(callers) - MOST_CALLERS))
        if texts:
            self.edge(self.node(block.b.number, texts, True), head, 'solid', CHAINED)

    def rip_of(self, e):
        """Of the instruction that an exit belongs to: it jumps to e.rip."""
        cache = self.reader.cache
        b, p = cache.point_at(e.jump)
        return b.rip + p.guest

    def draw(self, heading, notes, every_exit):
        legend = '&#160; '.join(font('&#9632;' if kind != COPIED else '&#9633;', 16, COLOURS[kind] if kind != COPIED else '#999999') +
                                font('&#160;' + words, 12) for kind, words in MEANINGS)
        top = [font(escape(heading), 20, bold=True)] + [font(escape(note), 13) for note in notes] + [
            legend, font('Left the guest\'s instructions, right what stands for them in the cache. Edges: solid chained, dashed not yet, '
                         'dotted by the lookup table.', 12)]
        self.text.append('top [label=<%s>];' % table(['<TD ALIGN="LEFT">%s</TD>' % text for text in top], '\n', cellspacing=3))
        for block in self.blocks:
            self.block(block)
        column = ['top'] + ['b%d' % block.b.number for block in self.blocks]
        self.text.append(' -> '.join(column) + ' [style=invis, weight=100];')
        for block in self.blocks:
            self.edges_in(block, [e for e in every_exit if e.chained - 1 == block.b.number and e.block not in self.shown])
            self.edges_out(block)
        return '\n'.join(['digraph cache {', 'graph [bgcolor=white, pad=0.2, ranksep=0.35, nodesep=0.3];',
                          'node [shape=plain, fontname="sans-serif", fontsize=12];', 'edge [fontname="sans-serif", fontsize=12];',
                          *self.text, '}', ''])


def draw_cache(path, number, v, cache, names, function):
    live, dead = function_blocks(cache, names, function)
    reader = Reader(cache, names)
    blocks = [Block(reader, b) for b in live]
    notes = ['%s. %d block%s of this function%s.' % (title(number, v), len(blocks), '' if len(blocks) == 1 else 's',
                                                   ', and %d dead' % dead if dead else '')]
    if reader.runs:
        notes.append('Counted since the cache was last emptied; beside a jump or a call-out stands how often it left the block there.')
    text = Picture(blocks, reader).draw('Translation of ' + function, notes, cache.exits())
    write_picture(path, text)
    print('%s: %d blocks of %s' % (path, len(blocks), function))


class HvCache(gdb.Command):
    """hv-cache [FUNCTION [FILE]]: the translation cache of the vcpu that has the CPU, or of the first.
FUNCTION: the blocks of this function of the guest's. FILE ends in .svg or .dot: as a picture, guest's code and translation side by side."""

    def __init__(self):
        super().__init__('hv-cache', gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if len(words) > 2:
            raise gdb.GdbError('usage: hv-cache [FUNCTION [FILE]]')
        number, v = chosen_one('')
        if v['cpu']['name'].string() != 'bt':
            raise gdb.GdbError('vcpu %d runs on %s, which has no translation cache (HV_ARGS=cpu=bt)' % (number, v['cpu']['name'].string()))
        cache, names = Cache(v), Names()
        if len(words) == 2:
            draw_cache(words[1], number, v, cache, names, words[0])
        elif words:
            live, dead = function_blocks(cache, names, words[0])
            print('%s, %d blocks of %s%s' % (title(number, v), len(live), words[0], ', and %d dead' % dead if dead else ''))
            reader = Reader(cache, names)
            for b in live:
                print_block(Block(reader, b))
        else:
            print_cache(number, v, cache, names)


HvCache()
