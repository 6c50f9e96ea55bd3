# SPDX-License-Identifier: MIT
"""Commands for GDB that know what a hypervisor is made of (`make debug` loads them):

    hv-vcpu [N]       the virtual CPUs as their guests see them
    hv-walk GVA [N]   the guest's page tables and the memory engine's shadow of them, side by side
    hv-tables [FILE [N]]  a picture of the guest's page tables with the shadow beside them (picture.py)
    hv-exits [N]      how often each vcpu came back to the monitor, and why
    hv-until GVA [HIT]  runs on until a guest comes to an address of its own
    hv-backtrace [N]  the guest's calls, wherever its engine runs it

N is the number that hv-vcpu prints. Without it hv-walk and hv-tables take the vcpu that has the CPU, the others take all.

Everything is read from the monitor's own structures (vmm/vcpu.h, vmm/vtlb.c) by their debug information, and from physical memory: the
monitor maps all of it at HV_BASE, but a guest that the hardware runs in its own rings has page tables without the monitor. So the
commands work wherever the machine stops after the monitor has made its first vcpu.

A part of a vcpu's state may be in the CPU and nowhere else, or in a structure of the hardware's. Which, only its CPU engine knows. The
directory of an engine may have a gdb.py, which is loaded behind this file (debug.sh), adds the engine to ENGINES, and may bring commands
of its own.

Left out: 32-bit and PAE paging, which the monitor's own walk leaves out too; memory engines without an entry in SHADOWS; what a CPU
engine without an entry in ENGINES keeps to itself."""

import os
import re
import struct
import subprocess

import gdb
import picture

# A directory with the memory of a machine that has ended (memory.sh); without it there is a machine.
MEMORY = os.environ.get('HV_MEMORY')
SAVED = {}

PAGE_SIZE = 0x1000
PT_ENTRIES = 512
TOP_LEVEL = 4
LEVELS = {4: 'PML4', 3: 'PDPT', 2: 'PD', 1: 'PT'}
PTE_P, PTE_PS = 0x001, 0x080
PTE_W, PTE_U, PTE_NX = 0x002, 0x004, 1 << 63
PTE_ADDR = 0x000ffffffffff000
HV_BASE = 0xffff800000000000
HV_PML4_SLOT = 256
ROOT_PAIR = 0x1
PACKET_BYTES = 1024  # of memory in one packet: QEMU takes 2048
SEL_RPL, SEL_TI, SEL_INDEX = 0x3, 0x4, 0xfff8
SEG_ATTR_P, SEG_ATTR_L, SEG_ATTR_DB, SEG_ATTR_G, SEG_ATTR_UNUSABLE = 0x80, 0x2000, 0x4000, 0x8000, 0x10000
CR0_PG, CR4_PAE, EFER_LMA = 1 << 31, 1 << 5, 1 << 10
RFLAGS_IOPL_SHIFT = 12
SEG_DPL_SHIFT = 5
# vmm/vcpu.h: groups of state
VCPU_SEGS, VCPU_TABLES, VCPU_CS_SS = 0x01, 0x02, 0x40

# Bits by their names, as in x86/regs.h and x86/paging.h, lowest first.
RFLAGS = {0: 'CF', 2: 'PF', 4: 'AF', 6: 'ZF', 7: 'SF', 8: 'TF', 9: 'IF', 10: 'DF', 11: 'OF', 14: 'NT', 16: 'RF', 17: 'VM', 18: 'AC',
          19: 'VIF', 20: 'VIP', 21: 'ID'}
CR0 = {0: 'PE', 1: 'MP', 2: 'EM', 3: 'TS', 4: 'ET', 5: 'NE', 16: 'WP', 18: 'AM', 29: 'NW', 30: 'CD', 31: 'PG'}
CR4 = {0: 'VME', 1: 'PVI', 2: 'TSD', 3: 'DE', 4: 'PSE', 5: 'PAE', 6: 'MCE', 7: 'PGE', 8: 'PCE', 9: 'OSFXSR', 10: 'OSXMMEXCPT', 11: 'UMIP',
       12: 'LA57', 13: 'VMXE', 14: 'SMXE', 16: 'FSGSBASE', 17: 'PCIDE', 18: 'OSXSAVE', 20: 'SMEP', 21: 'SMAP', 22: 'PKE'}
EFER = {0: 'SCE', 8: 'LME', 10: 'LMA', 11: 'NXE', 12: 'SVME'}
XCR0 = {0: 'X87', 1: 'SSE', 2: 'AVX'}
TABLE_ENTRY = {0: 'P', 1: 'W', 2: 'U', 3: 'PWT', 4: 'PCD', 5: 'A', 63: 'NX'}
PAGE_ENTRY = {0: 'P', 1: 'W', 2: 'U', 3: 'PWT', 4: 'PCD', 5: 'A', 6: 'D', 8: 'G', 63: 'NX'}

GPRS = ['RAX', 'RCX', 'RDX', 'RBX', 'RSP', 'RBP', 'RSI', 'RDI', 'R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15']
SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDTR', 'TR']
SEG_SS = SEGMENTS.index('SS')
EXCEPTIONS = {0: '#DE', 1: '#DB', 2: 'NMI', 3: '#BP', 4: '#OF', 5: '#BR', 6: '#UD', 7: '#NM', 8: '#DF', 10: '#TS', 11: '#NP', 12: '#SS',
              13: '#GP', 14: '#PF', 16: '#MF', 17: '#AC', 18: '#MC', 19: '#XM', 20: '#VE', 21: '#CP'}


def bits(value, names):
    return ' '.join(name for bit, name in names.items() if value >> bit & 1)


def register(name):
    return int(gdb.selected_frame().read_register(name)) & (1 << 64) - 1


def read_saved(hva, size):
    """From memory that was saved: files in a directory, named by their physical address."""
    if not SAVED:
        SAVED.update((int(name, 16), os.path.join(MEMORY, name)) for name in os.listdir(MEMORY))
    data = b''
    while len(data) < size:
        hpa = hva - HV_BASE + len(data)
        begin = max((start for start in SAVED if start <= hpa), default=None)
        piece = b''
        if begin is not None:
            with open(SAVED[begin], 'rb') as file:
                file.seek(hpa - begin)
                piece = file.read(size - len(data))
        if not piece:
            raise gdb.MemoryError('Cannot access memory at address %#x: it was not saved' % hva)
        data += piece
    return data


def read_hva(hva, size):
    """The machine's memory, by its address in the monitor. It is read by its physical address, since a guest's page tables need not map
    the monitor; and by QEMU's own packets, since GDB would take what lies in a file of symbols from there."""
    if MEMORY:
        return read_saved(hva, size)
    connection = gdb.selected_inferior().connection
    data = b''
    connection.send_packet('Qqemu.PhyMemMode:1')
    try:
        while len(data) < size:
            piece = min(size - len(data), PACKET_BYTES)
            answer = connection.send_packet('m%x,%x' % (hva - HV_BASE + len(data), piece))
            if len(answer) != 2 * piece:
                raise gdb.MemoryError('Cannot access memory at address %#x' % hva)
            data += bytes.fromhex(answer.decode())
    finally:
        connection.send_packet('Qqemu.PhyMemMode:0')
    return data


def write_hva(hva, data):
    """A few bytes, in the same way."""
    if MEMORY:
        raise gdb.GdbError('the machine has ended: this is what its memory held')
    connection = gdb.selected_inferior().connection
    connection.send_packet('Qqemu.PhyMemMode:1')
    try:
        if connection.send_packet('M%x,%x:%s' % (hva - HV_BASE, len(data), data.hex())) != b'OK':
            raise gdb.MemoryError('Cannot access memory at address %#x' % hva)
    finally:
        connection.send_packet('Qqemu.PhyMemMode:0')


def read_u64(hva):
    return int.from_bytes(read_hva(hva, 8), 'little')


class Monitor:
    """Something in the monitor's memory: used like a gdb.Value, but read by read_hva(), and only as far as it is asked for."""

    def __init__(self, hva, kind, data=None):
        """data: what stands there, if that is known already."""
        self.hva, self.type, self.data = hva, kind.strip_typedefs(), data

    def read(self):
        """Reads it as a whole."""
        self.data = read_hva(self.hva, self.type.sizeof)
        return self

    def value(self):
        return gdb.Value(self.data or read_hva(self.hva, self.type.sizeof), self.type)

    def part(self, offset, kind):
        return Monitor(self.hva + offset, kind, self.data and self.data[offset:offset + kind.sizeof])

    def target(self):
        """What a pointer points to."""
        return Monitor(int(self), self.type.target())

    def cast(self, name):
        """What a pointer points to, as a structure of this name."""
        return Monitor(int(self), gdb.lookup_type('struct ' + name))

    def __getitem__(self, key):
        if self.type.code == gdb.TYPE_CODE_PTR:
            return self.target()[key]
        if self.type.code == gdb.TYPE_CODE_ARRAY:
            return self.part(self.type.target().sizeof * key, self.type.target())
        return self.part(self.type[key].bitpos // 8, self.type[key].type)

    def __int__(self):
        return int(self.value())

    def __bool__(self):
        return int(self) != 0

    def __str__(self):
        return str(self.value())

    def string(self):
        """Of an array of characters, or of a pointer to some."""
        hva = int(self) if self.type.code == gdb.TYPE_CODE_PTR else self.hva
        data = b''
        while b'\0' not in data:
            data += read_hva(hva + len(data), 16)
        return data.split(b'\0')[0].decode('ascii', 'replace')


def symbol(gva):
    """FUNCTION+OFFSET, or nothing."""
    text = gdb.execute('info symbol %#x' % gva, to_string=True)
    if text.startswith('No symbol'):
        return ''
    name = text.split(' in section ')[0]
    return name.replace(' + ', '+')


def evaluate(expression):
    try:
        return gdb.parse_and_eval(expression)
    except gdb.error as e:
        raise gdb.GdbError(str(e))


# ---- what the monitor has ----

def hypervisor_symbol(name):
    """A variable of the hypervisor: the guest is loaded beside it and may use the same name."""
    for objfile in gdb.objfiles():
        if objfile.filename and objfile.filename.endswith('/hv.elf'):
            found = objfile.lookup_static_symbol(name) or objfile.lookup_global_symbol(name)
            if found:
                return Monitor(int(found.value().address), found.type)
    raise gdb.GdbError('no variable %s: the symbols of the hypervisor (hv.elf) are not loaded' % name)


def guest_address(name):
    """By guest.sym, since the hypervisor has symbols of the same names."""
    try:
        path = gdb.lookup_objfile('guest.elf').filename.replace('.elf', '.sym')
    except ValueError:
        raise gdb.GdbError('the symbols of the guest (guest.elf) are not loaded') from None
    with open(path, encoding='ascii') as lines:
        found = {int(words[0], 16) for words in map(str.split, lines) if words[-1] == name}
    if len(found) != 1:
        raise gdb.GdbError('%s: %s' % (name, 'the guest has %d of this name: %s' % (len(found), ', '.join(map(hex, sorted(found))))
                                       if found else 'the guest has no such function'))
    return found.pop()


def vcpus():
    """The vcpus that the scheduler knows. Raises GdbError where none can be read yet."""
    try:
        if not MEMORY and not gdb.selected_thread():
            raise gdb.GdbError('no machine: the emulator has ended')
        count = int(hypervisor_symbol('vcpu_count'))
        array = hypervisor_symbol('vcpus')
        found = [array[i].target().read() for i in range(count)]
    except gdb.MemoryError:
        found = []
    if not found:
        raise gdb.GdbError('no vcpu yet: the monitor is still booting (try: break sched_run, continue)')
    return found


def chosen(argument):
    """[(number, vcpu)] by the argument; all without one."""
    everyone = list(enumerate(vcpus()))
    if not argument:
        return everyone
    number = int(evaluate(argument))
    if not 0 <= number < len(everyone):
        raise gdb.GdbError('there is no vcpu %d: 0 to %d' % (number, len(everyone) - 1))
    return [everyone[number]]


def chosen_one(argument):
    """(number, vcpu) by the argument; without one the vcpu that has the CPU, else the first."""
    everyone = chosen(argument)
    return next((pair for pair in everyone if has_cpu(pair[1])), everyone[0])


def has_cpu(v):
    return not MEMORY and engine_of(v).has_cpu()


class Engine:
    """What a CPU engine knows of its vcpu. This one is for an engine that is not known here: all is said to be in struct vcpu."""

    def __init__(self, v):
        self.v = v

    def has_cpu(self):
        """Has it the vcpu loaded: between load and unload of vmm/engine.h?"""
        return False

    def is_running(self):
        """Does the CPU execute the guest's instructions at this moment?"""
        return False

    def places(self, gva):
        """Where the CPU is when the guest comes to that address of its own."""
        return [gva]

    # A function of the hypervisor's and a condition: there may be more places when it is called.
    adds_places = None

    def complete(self, state):
        """Puts into a State what the engine's fetch() would bring now, and what the next exit would."""


# By the name of the CPU engine. The gdb.py of a lab adds its own.
ENGINES = {}


def engine_of(v):
    return ENGINES.get(v['cpu']['name'].string(), Engine)(v)


def segment_from(selector, low):
    """A segment register that was loaded from a descriptor of a code or data segment."""
    seg = {'selector': selector, 'attr': low >> 40 & 0xff | (low >> 52 & 0xf) << 12, 'limit': low & 0xffff | (low >> 48 & 0xf) << 16,
           'base': low >> 16 & 0xffffff | (low >> 56 & 0xff) << 24}
    if seg['attr'] & SEG_ATTR_G:
        seg['limit'] = seg['limit'] << 12 | 0xfff
    return seg


def segment_null(selector):
    return {'selector': selector, 'attr': SEG_ATTR_UNUSABLE, 'limit': 0, 'base': 0}


class State:
    """A vcpu's registers, as its guest would read them at this moment."""

    def __init__(self, v):
        self.v = v
        self.gpr = [int(v['gpr'][i]) for i in range(len(GPRS))]
        self.rip, self.rflags = int(v['rip']), int(v['rflags'])
        self.seg = [{k: int(v['seg'][i][k]) for k in ('selector', 'attr', 'limit', 'base')} for i in range(len(SEGMENTS))]
        self.tables = {name: {k: int(v[name][k]) for k in ('base', 'limit')} for name in ('gdtr', 'idtr')}
        self.cr0, self.cr2, self.cr3, self.cr4, self.cr8 = (int(v[name]) for name in ('cr0', 'cr2', 'cr3', 'cr4', 'cr8'))
        self.efer, self.xcr0 = int(v['efer']), int(v['xcr0'])
        self.valid = int(v['valid'])
        engine = engine_of(v)
        self.note = ''  # what may not be so
        self.loaded = not MEMORY and engine.has_cpu()
        self.running = self.loaded and engine.is_running()
        self.is_pair = int(v['cpu']['root_kind']) == ROOT_PAIR
        engine.complete(self)

    def registers_of_cpu(self):
        """What every guest has in the CPU while it runs."""
        self.gpr = [register(name.lower()) for name in GPRS]
        self.rip, self.rflags = register('rip'), register('eflags')

    def guest_hva(self, gva):
        """Where the guest's byte lies in the monitor, by the guest's own tables; None where there is no memory. 8 bytes at least can be
        read there when the address is a multiple of 8."""
        vm = self.v['vm']
        ram, ram_bytes = int(vm['ram']), int(vm['ram_bytes'])
        gpa = gva
        if self.cr0 & CR0_PG:
            gpa = walk(self.cr3 & PTE_ADDR, gva, lambda gpa: ram + gpa if gpa < ram_bytes else None)[1]
        return None if gpa is None or gpa >= ram_bytes else ram + gpa

    def selectors_of_cpu(self):
        """A guest that the hardware runs loads segment registers without an exit, and a debugger sees selectors alone. Where that is not
        the selector of the last exit, the descriptor is read from the guest's table."""
        for name in ('ES', 'CS', 'SS', 'DS', 'FS', 'GS'):
            selector, i = register(name.lower()), SEGMENTS.index(name)
            if selector == self.seg[i]['selector']:
                continue
            self.seg[i] = segment_null(selector)
            base = self.seg[SEGMENTS.index('LDTR')]['base'] if selector & SEL_TI else self.tables['gdtr']['base']
            descriptor = self.guest_hva(base + (selector & SEL_INDEX))
            if selector & ~SEL_RPL and descriptor is not None:
                self.seg[i] = segment_from(selector, read_u64(descriptor))
        self.set_cpl(register('cs') & SEL_RPL)

    def set_cpl(self, cpl):
        """It is the DPL of SS, also of a null one."""
        self.seg[SEG_SS]['attr'] = self.seg[SEG_SS]['attr'] & ~(3 << SEG_DPL_SHIFT) | cpl << SEG_DPL_SHIFT

    def cpl(self):
        return self.seg[SEG_SS]['attr'] >> SEG_DPL_SHIFT & 3


def vm_name(v):
    return v['vm']['name'].string()


def title(number, v):
    return 'vcpu %d: guest %s, cpu %d, %s on %s' % (number, vm_name(v), int(v['id']), v['cpu']['name'].string(),
                                                   v['mem']['name'].string())


# ---- hv-vcpu ----

def event_text(e):
    kind = int(e['kind'])
    if kind == 0:
        return None
    vector = int(e['vector'])
    text = '%s, vector %d' % (['', 'interrupt', 'NMI', 'exception', 'software interrupt'][kind], vector)
    if kind == 3:
        text = 'exception %s' % EXCEPTIONS.get(vector, vector)
    if e['has_error']:
        text += ', error code %#x' % int(e['error'])
    if kind == 3 and vector == 14:
        text += ', CR2 %#x' % int(e['payload'])
    return text


def events_text(v):
    events = v['events']
    found = [event_text(events['pending'])]
    held = event_text(events['held'])
    found.append(held and 'held back: ' + held)
    found += [text for text, flag in (('NMI', events['nmi_pending']), ('triple fault', events['triple_fault']),
                                      ('interrupt shadow', v['interrupt_shadow']), ('NMIs blocked', v['nmi_blocked'])) if flag]
    return '; '.join(text for text in found if text) or 'none'


def segment_text(name, seg):
    attr = seg['attr']
    if attr & SEG_ATTR_UNUSABLE:
        return '  %-4s %04x  unusable%s' % (name, seg['selector'], ', base %016x' % seg['base'] if seg['base'] else '')
    flags = [text for text, bit in (('P', SEG_ATTR_P), ('L', SEG_ATTR_L), ('D/B', SEG_ATTR_DB), ('G', SEG_ATTR_G)) if attr & bit]
    return '  %-4s %04x  base %016x  limit %08x  type %x  DPL %d  %s' % (name, seg['selector'], seg['base'], seg['limit'],
                                                                      attr & 0x1f, attr >> 5 & 3, ' '.join(flags))


def place_text(state):
    if state.running:
        return 'running now'
    run_state = str(state.v['state']).replace('VCPU_', '').lower()
    return run_state + (', the monitor works for it' if state.loaded else '')


def print_vcpu(number, v):
    s = State(v)
    print('%s (%s)' % (title(number, v), place_text(s)))
    print(('  RIP    %016x  %s' % (s.rip, symbol(s.rip))).rstrip())
    print('  CPL    %d' % s.cpl())
    print('  RFLAGS %016x  %s IOPL=%d' % (s.rflags, bits(s.rflags, RFLAGS) or '-', s.rflags >> RFLAGS_IOPL_SHIFT & 3))
    for i in range(0, len(GPRS), 4):
        print('  ' + '  '.join('%-3s %016x' % (GPRS[k], s.gpr[k]) for k in range(i, i + 4)))
    print('  CR0    %016x  %s' % (s.cr0, bits(s.cr0, CR0)))
    print('  CR2    %016x' % s.cr2)
    print('  CR3    %016x' % s.cr3)
    print('  CR4    %016x  %s' % (s.cr4, bits(s.cr4, CR4)))
    print('  CR8    %016x' % s.cr8)
    print('  EFER   %016x  %s' % (s.efer, bits(s.efer, EFER)))
    print('  XCR0   %016x  %s' % (s.xcr0, bits(s.xcr0, XCR0)))
    for name, seg in zip(SEGMENTS, s.seg):
        print(segment_text(name, seg))
    for name in ('gdtr', 'idtr'):
        print('  %-4s       base %016x  limit %08x' % (name.upper(), s.tables[name]['base'], s.tables[name]['limit']))
    print('  events: %s' % events_text(v))
    if s.note:
        print('  ' + s.note)


# ---- hv-walk ----

def span(level):
    return PAGE_SIZE << 9 * (level - 1)


def index_of(gva, level):
    return gva >> 12 + 9 * (level - 1) & PT_ENTRIES - 1


def walk(table, gva, to_hva):
    """The entries from the top to the one that maps the page, or to the first that is not present: [(level, entry)], and the address
    in the physical memory that the tables speak of, or None. to_hva says where a table lies, None when it is no memory."""
    entries = []
    for level in range(TOP_LEVEL, 0, -1):
        hva = to_hva(table)
        if hva is None:
            return entries, None
        entry = read_u64(hva + 8 * index_of(gva, level))
        entries.append((level, entry))
        if not entry & PTE_P:
            return entries, None
        if level == 1 or level < TOP_LEVEL and entry & PTE_PS:
            inside = span(level) - 1
            return entries, entry & PTE_ADDR & ~inside | gva & inside
        table = entry & PTE_ADDR
    return entries, None


def entry_text(level, entry, marks=None):
    if not entry & PTE_P:
        return '%016x  not present' % entry
    is_page = level == 1 or entry & PTE_PS
    text = bits(entry, PAGE_ENTRY if is_page else {**TABLE_ENTRY, **(marks or {})})
    return '%016x  %s%s' % (entry, text, ' PS' if is_page and level > 1 else '')


def rights_text(entries):
    """What all levels together allow."""
    every = [entry for _, entry in entries]
    return '%s%s%s' % ('user ' if all(e & PTE_U for e in every) else 'supervisor ', 'rw' if all(e & PTE_W for e in every) else 'r-',
                       '-' if any(e & PTE_NX for e in every) else 'x')


VTLB_MARKS = {9: 'pieces'}


def shadow_vtlb(v):
    """The roots of vmm/vtlb.c: [(title, hpa of the root)], and the names of its own bits."""
    t = v['mem_private'].cast('vtlb')
    count = int(t['roots'])
    names = ['kernel root', 'user root'] if count == 2 else ['root']
    return [(names[i], int(t['root'][i]) - HV_BASE) for i in range(count)], VTLB_MARKS


# By the name of the memory engine. A lab that brings one adds it here.
SHADOWS = {'vtlb': shadow_vtlb}


def guest_column(s, gva):
    vm = s.v['vm']
    ram, ram_bytes = int(vm['ram']), int(vm['ram_bytes'])
    column = {'title': 'guest, CR3 %#x' % (s.cr3 & PTE_ADDR), 'lines': {}, 'end': '', 'hpa': None}
    if not s.cr0 & CR0_PG:
        gpa = gva
        column['end'] = 'gpa %#x (paging is off)' % gpa
    elif not (s.cr4 & CR4_PAE and s.efer & EFER_LMA):
        raise gdb.GdbError('the guest uses 32-bit or PAE paging, which is left out here')
    else:
        entries, gpa = walk(s.cr3 & PTE_ADDR, gva, lambda gpa: ram + gpa if gpa < ram_bytes else None)
        column['lines'] = {level: entry_text(level, entry) for level, entry in entries}
        if gpa is None:
            column['end'] = 'page fault' if entries and not entries[-1][1] & PTE_P else 'a table beyond RAM'
            return column
        column['end'] = 'gpa %#x %s' % (gpa, rights_text(entries))
    if gpa < ram_bytes:
        column['hpa'] = int(vm['ram_hpa']) + gpa
    return column


def shadow_columns(s, gva):
    name = s.v['mem']['name'].string()
    if name not in SHADOWS:
        print('(no shadow: common/gdb/hv.py does not know the tables of the memory engine %s)' % name)
        return []
    roots, marks = SHADOWS[name](s.v)
    columns = []
    for root_title, root in roots:
        entries, hpa = walk(root, gva, lambda hpa: HV_BASE + hpa)
        # The machine's own slot is in every root; what is there belongs to the monitor.
        columns.append({'title': '%s %#x' % (root_title, root), 'hpa': hpa,
                        'lines': {level: entry_text(level, entry, marks) for level, entry in entries},
                        'end': 'nothing yet' if hpa is None else 'hpa %#x %s' % (hpa, rights_text(entries))})
    return columns


def print_walk(number, v, gva):
    s = State(v)
    print(title(number, v))
    print(('gva %#018x  %s' % (gva, symbol(gva))).rstrip())
    columns = [guest_column(s, gva)] + shadow_columns(s, gva)
    widths = [max(len(text) for text in [c['title'], c['end'], *c['lines'].values()]) for c in columns]

    def row(head, texts):
        print((head.ljust(10) + '  '.join(text.ljust(width) for text, width in zip(texts, widths))).rstrip())

    row('', [c['title'] for c in columns])
    for level in range(TOP_LEVEL, 0, -1):
        if any(level in c['lines'] for c in columns):
            row('%-4s %3d' % (LEVELS[level], index_of(gva, level)), [c['lines'].get(level, '') for c in columns])
    row('page', [c['end'] for c in columns])
    if columns[0]['hpa'] is None:
        return
    print('the guest means hpa %#x' % columns[0]['hpa'])
    for c in columns[1:]:
        if c['hpa'] not in (None, columns[0]['hpa']):
            print('the %s differs: it maps hpa %#x' % (c['title'], c['hpa']))


# ---- hv-tables ----

# What a reader has to know of a memory engine, by its name.
NOTES = {'vtlb': ['The shadow is a cache of the guest\'s tables. It starts empty, and each access to a page that is not in it is a hidden '
                  'fault that fills one entry.',
                  'The guest\'s write to CR3 empties every root.']}


def table_reader(to_hva):
    """The entries of the table at an address, or None where there is no memory."""
    def read_table(address):
        hva = to_hva(address)
        if hva is None:
            return None
        return struct.unpack('<%dQ' % PT_ENTRIES, read_hva(hva, PAGE_SIZE))
    return read_table


def pictured_guest(s):
    vm = s.v['vm']
    ram, ram_bytes = int(vm['ram']), int(vm['ram_bytes'])
    if not s.cr0 & CR0_PG:
        raise gdb.GdbError('the guest has not turned paging on: there are no tables to draw')
    if not (s.cr4 & CR4_PAE and s.efer & EFER_LMA):
        raise gdb.GdbError('the guest uses 32-bit or PAE paging, which is left out here')
    traced = read_hva(int(vm['traced']), ram_bytes // PAGE_SIZE // 8)
    leaves, tables, whole = picture.read_tree(s.cr3 & PTE_ADDR, table_reader(lambda gpa: ram + gpa if gpa < ram_bytes else None))
    return picture.Guest(leaves, tables, whole, int(vm['ram_hpa']), ram_bytes,
                         lambda gpa: traced[gpa // PAGE_SIZE // 8] >> gpa // PAGE_SIZE % 8 & 1, HV_PML4_SLOT if s.is_pair else None)


def pictured_roots(s):
    name = s.v['mem']['name'].string()
    if name not in SHADOWS:
        raise gdb.GdbError('common/gdb/hv.py does not know the tables of the memory engine %s (SHADOWS)' % name)
    roots = []
    for title, hpa in SHADOWS[name](s.v)[0]:
        leaves, tables, _ = picture.read_tree(hpa, table_reader(lambda hpa: HV_BASE + hpa), skip=(HV_PML4_SLOT,) if s.is_pair else ())
        roots.append(picture.Root(title, hpa, picture.shadow_pages(leaves), tables, title.startswith('user'), s.is_pair,
                                  not MEMORY and register('cr3') & PTE_ADDR == hpa))
    return roots


def pictured_moment(s):
    where = symbol(s.rip)
    text = 'stopped at %#x%s, in the guest\'s %s.' % (s.rip, ' (%s)' % where if where else '', 'user code' if s.cpl() == 3 else 'kernel')
    if int(s.v['vm']['counters']):
        text += ' Hidden faults up to now: %d.' % int(s.v['vm']['counters']['hidden_faults'])
    return text


def write_picture(path, dot_text):
    """The text for dot as it is, or what dot makes of it, by the end of the name."""
    try:
        if path.endswith('.dot'):
            with open(path, 'w', encoding='utf-8') as file:
                file.write(dot_text)
        elif path.endswith('.svg'):
            subprocess.run(['dot', '-Tsvg', '-o', path], input=dot_text.encode(), check=True)
        else:
            raise gdb.GdbError('%s: the name has to end in .svg or .dot' % path)
    except FileNotFoundError as e:
        raise gdb.GdbError('there is no %s here%s' % (e.filename, ': run make setup' if e.filename == 'dot' else ''))
    except (OSError, subprocess.CalledProcessError) as e:
        raise gdb.GdbError(str(e))


def draw_tables(path, number, v):
    s = State(v)
    guest, roots = pictured_guest(s), pictured_roots(s)
    notes = ['%s, %s' % (title(number, v), pictured_moment(s))] + NOTES.get(v['mem']['name'].string(), [])
    text, rows = picture.draw('The guest\'s page tables, and the shadow beside them', notes, guest, roots, s.cr3 & PTE_ADDR)
    write_picture(path, text)
    print('%s: %d rows, %s' % (path, len(rows), ', '.join('%d pages in the %s' % (len(root.pages), root.title) for root in roots)))


# ---- hv-exits ----

def print_exits(number, v):
    counts = v['exits']
    total = 0
    print(title(number, v))
    for field in gdb.lookup_type('enum vmexit_reason').fields():
        if field.name == 'VMEXIT_REASONS':
            continue
        count = int(counts[field.enumval])
        total += count
        if count:
            print('  %-22s %10d' % (field.name, count))
    print('  %-22s %10d' % ('all', total))
    counters = v['vm']['counters']
    if int(counters):
        names = ('hidden_faults', 'root_switches', 'tlb_flushes', 'walk_refs')
        print('  of the guest: ' + ', '.join('%s %d' % (name, int(counters[name])) for name in names))


# ---- hv-until ----

def is_fetched():
    """QEMU looks at breakpoints before it fetches. So at a page that the shadow does not hold it stops twice: before the page fault,
    and at the same instruction behind it."""
    return walk(register('cr3') & PTE_ADDR, register('rip'), lambda hpa: HV_BASE + hpa)[1] is not None


def silent_breakpoint(location):
    breakpoint = gdb.Breakpoint(location, type=gdb.BP_HARDWARE_BREAKPOINT, internal=True)
    breakpoint.silent = True
    return breakpoint


class Until:
    """Breakpoints wherever the CPU may be when a guest comes to an address of its own."""

    def __init__(self, gva):
        self.gva, self.planted, self.adders = gva, {}, []

    def plant(self):
        engines = [engine_of(v) for v in vcpus()]
        for place in {place for engine in engines for place in engine.places(self.gva)} - set(self.planted):
            self.planted[place] = silent_breakpoint('*%#x' % place)
        if not self.adders:
            for function, condition in {engine.adds_places for engine in engines if engine.adds_places}:
                adder = silent_breakpoint(function)
                adder.condition = condition % {'gva': '%#x' % self.gva}
                self.adders.append(adder)

    def is_there(self):
        return any(state.running and state.rip == self.gva for state in map(State, vcpus())) and is_fetched()

    def go_on(self):
        """To the next stop that is one: True where the guest is there, False where something else has stopped the machine."""
        while True:
            self.plant()
            added = sum(adder.hit_count for adder in self.adders)
            gdb.execute('continue', to_string=True)
            if not gdb.selected_thread():
                return False
            if register('rip') in self.planted:
                if self.is_there():
                    return True
            elif added == sum(adder.hit_count for adder in self.adders):
                return False

    def end(self):
        for breakpoint in [*self.planted.values(), *self.adders]:
            breakpoint.delete()


def run_until(gva, hits):
    """How often the guest came there before the machine ended or something else stopped it: `hits`, or less."""
    try:
        vcpus()
    except gdb.GdbError:
        booted = silent_breakpoint('*sched_run')
        gdb.execute('continue', to_string=True)
        booted.delete()
    until, done = Until(gva), 0
    try:
        while done < hits and until.go_on():
            done += 1
    except gdb.error:
        pass  # QEMU has ended and closed the connection
    finally:
        until.end()
    return done


# ---- hv-backtrace ----

def print_backtrace(number, v):
    """By GDB itself, which takes the registers of the CPU. So for this moment it gets the guest's."""
    s = State(v)
    if not s.loaded:
        raise gdb.GdbError('vcpu %d does not have the CPU: its stack may not be mapped' % number)
    print(title(number, v))
    gdb.execute('frame 0', to_string=True)
    wanted = {'rip': s.rip, **{name.lower(): value for name, value in zip(GPRS, s.gpr)}}
    saved = {name: register(name) for name in wanted}
    try:
        for name in wanted:
            gdb.execute('set $%s = %#x' % (name, wanted[name]))
        print(gdb.execute('backtrace', to_string=True), end='')
    finally:
        for name in saved:
            gdb.execute('set $%s = %#x' % (name, saved[name]))


class HvVcpu(gdb.Command):
    """hv-vcpu [N]: the virtual CPUs (or number N) as their guests see them."""

    def __init__(self):
        super().__init__('hv-vcpu', gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for number, v in chosen(argument):
            print_vcpu(number, v)


class HvWalk(gdb.Command):
    """hv-walk GVA [N]: the way of a guest virtual address through the guest's page tables and through the shadow.
GVA is any expression: 0x400000, $rip, guest_main. N is a number of hv-vcpu; without it the vcpu that has the CPU, else 0."""

    def __init__(self):
        super().__init__('hv-walk', gdb.COMMAND_STATUS, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if not 1 <= len(words) <= 2:
            raise gdb.GdbError('usage: hv-walk GVA [N]')
        value = evaluate(words[0])
        if value.type.strip_typedefs().code in (gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_STRUCT):
            value = value.address
        gva = int(value) & (1 << 64) - 1
        if gva >> 47 not in (0, 0x1ffff):
            raise gdb.GdbError('%#x is not canonical' % gva)
        print_walk(*chosen_one(words[1] if len(words) == 2 else ''), gva)


class HvTables(gdb.Command):
    """hv-tables [FILE [N]]: draws the guest's page tables with the shadow beside them.
FILE ends in .svg or .dot and is seen from the top of the tree; without it the picture is build/debug/tables.svg. N is a number of
hv-vcpu."""

    def __init__(self):
        super().__init__('hv-tables', gdb.COMMAND_STATUS, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if len(words) > 2:
            raise gdb.GdbError('usage: hv-tables [FILE [N]]')
        path = words[0] if words else os.environ.get('HV_TABLES', 'tables.svg')
        draw_tables(path, *chosen_one(words[1] if len(words) == 2 else ''))


class HvExits(gdb.Command):
    """hv-exits [N]: how often each vcpu (or number N) came back to the monitor, by the reasons of vmm/vmexit.h."""

    def __init__(self):
        super().__init__('hv-exits', gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for number, v in chosen(argument):
            print_exits(number, v)


class HvUntil(gdb.Command):
    """hv-until GVA [HIT]: runs on until a guest comes to this address of its own for the first time, or the HITth.
GVA is the name of a function of the guest's or any expression. Where an engine runs the guest's code from another place, such as a
translation, a plain breakpoint at the guest's address never stops."""

    def __init__(self):
        super().__init__('hv-until', gdb.COMMAND_RUNNING, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if not 1 <= len(words) <= 2:
            raise gdb.GdbError('usage: hv-until GVA [HIT]')
        try:
            gva = guest_address(words[0])
        except gdb.GdbError:
            gva = int(evaluate(words[0])) & (1 << 64) - 1
        hits = int(evaluate(words[1])) if len(words) == 2 else 1
        done = run_until(gva, hits)
        if done == hits:
            print('the guest is at %#x  %s' % (gva, symbol(gva)))
        else:
            print('the guest came there %d times; now: %s' % (done, gdb.execute('info symbol $rip', to_string=True).strip()
                                                             if gdb.selected_thread() else 'the machine has ended'))


class HvBacktrace(gdb.Command):
    """hv-backtrace [N]: the calls of the guest that led to where it is."""

    def __init__(self):
        super().__init__('hv-backtrace', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        print_backtrace(*chosen_one(argument))


HvVcpu()
HvUntil()
HvBacktrace()
HvWalk()
HvTables()
HvExits()
