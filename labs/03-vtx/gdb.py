# SPDX-License-Identifier: MIT
"""What the debugger's commands (common/gdb/hv.py) have to know of the `vmx` engine, and a command of its own:

    hv-vmcs [N]       the virtual-machine control structure of each vcpu (or number N): its fields by name, decoded
    hv-vmcs ask [N]   has the hypervisor copy it before the next entry

Nobody reads a VMCS in memory, and a debugger cannot execute VMREAD. What is shown is a copy that the hypervisor has made by VMREAD
(snapshot.c): before the first entry, when an entry has failed, when the guest has ended, or when it was asked. Fields that the engine
keeps a copy of at all times (struct vmcs_copy) and that have changed since are shown too.

All names are the hypervisor's own: of fields (vmcs.c), controls (features.c), exit reasons (exit.c), errors (vmcs.c)."""

SPECIAL_SNAPSHOT = 0x10
VMCS_MOMENTS = ['never', 'before its first entry', 'when it was asked to', 'when the entry failed', 'when the guest had ended']
VMCS_GROUPS = {2: 'guest-state area', 3: 'host-state area', 0: 'controls', 1: 'VM-exit information'}
# By the field, the table of names in features.c: enum control_group_id.
VMCS_CONTROLS = {'PIN_BASED_CONTROLS': 0, 'PRIMARY_CONTROLS': 1, 'SECONDARY_CONTROLS': 2, 'EXIT_CONTROLS': 3, 'ENTRY_CONTROLS': 4}
VMCS_COPIES = {'rsp': 'GUEST_RSP', 'rflags': 'GUEST_RFLAGS', 'cr0': 'GUEST_CR0', 'cr0_shadow': 'CR0_READ_SHADOW', 'cr3': 'GUEST_CR3',
               'cr4': 'GUEST_CR4', 'cr4_shadow': 'CR4_READ_SHADOW', 'efer': 'GUEST_EFER', 'tsc_offset': 'TSC_OFFSET',
               'primary_controls': 'PRIMARY_CONTROLS', 'entry_controls': 'ENTRY_CONTROLS',
               'interruptibility': 'GUEST_INTERRUPTIBILITY_STATE'}
# SDM vol. 3C, table 24-3
VMCS_INTERRUPTIBILITY = {0: 'blocking by STI', 1: 'blocking by MOV SS', 2: 'blocking by SMI', 3: 'blocking by NMI', 4: 'enclave interruption'}
VMCS_ACTIVITY = {0: 'active', 1: 'HLT', 2: 'shutdown', 3: 'wait-for-SIPI'}
VMCS_PENDING = {0: 'B0', 1: 'B1', 2: 'B2', 3: 'B3', 12: 'enabled breakpoint', 14: 'BS', 16: 'RTM'}
# Tables 24-15 and 24-17: interruption types
VMCS_EVENT_TYPES = {0: 'external interrupt', 2: 'NMI', 3: 'hardware exception', 4: 'software interrupt', 5: 'privileged software exception',
                    6: 'software exception'}
VMCS_INFO_VALID, VMCS_INFO_ERROR = 1 << 31, 1 << 11
VMCS_ENTRY_FAILURE = 1 << 31
VMCS_UNSUPPORTED = 12  # VM_INSTRUCTION_ERROR


def vmcs_snapshot(v):
    """{field: value} of the last copy, which is in the order of vmcs_fields; fields that the processor does not have are None."""
    snapshot = v['cpu_private'].cast('vmx')['snapshot']
    names = vmcs_names()
    if not snapshot['moment']:
        return {}
    values = Monitor(int(snapshot['fields']), snapshot['fields'].type.target().array(len(names) - 1)).read()
    copy = {names[i][1]: int(values[i]['value']) if values[i]['is_there'] else None for i in range(len(names))}
    copy['VM_INSTRUCTION_ERROR'] = int(snapshot['instruction_error'])
    return copy


def vmcs_names():
    """[(encoding, name)], in the order of the encodings."""
    table, count = hypervisor_symbol('vmcs_fields'), int(hypervisor_symbol('vmcs_field_count'))
    table = Monitor(table.hva, table.type.target().array(count - 1)).read()
    return [(int(table[i]['field']), table[i]['name'].string()) for i in range(count)]


def exits_of(v):
    return sum(int(v['exits'][i]) for i in range(v['exits'].type.range()[1] + 1))


class Vmx(Engine):
    def __init__(self, v):
        super().__init__(v)
        self.vmx = v['cpu_private'].cast('vmx')

    def has_cpu(self):
        """Its VMCS is the current one."""
        for found in gdb.lookup_static_symbols('current'):
            if found.symtab.filename.endswith('/vmx.c'):
                return int(Monitor(int(found.value().address), found.type)) == self.v.hva
        return False

    def is_running(self):
        return register('cr3') & PTE_ADDR == int(self.vmx['in']['cr3']) & PTE_ADDR

    def complete(self, state):
        valid = 0 if state.running else state.valid
        missing = (VCPU_SEGS | VCPU_TABLES | VCPU_CS_SS) & ~valid
        copy = vmcs_snapshot(self.v) if missing else {}
        if copy and int(self.vmx['snapshot']['exits']) == exits_of(self.v):
            self.from_copy(state, copy, missing)
        elif missing:
            state.note = 'Segments, GDTR and IDTR are as the monitor had them last: the guest\'s own are in the VMCS (hv-vmcs)'
        if state.running:
            state.registers_of_cpu()
            state.cr2 = register('cr2')
            state.selectors_of_cpu()

    @staticmethod
    def from_copy(state, copy, missing):
        for i, name in enumerate(SEGMENTS):
            if missing & (VCPU_CS_SS if name in ('CS', 'SS') else VCPU_SEGS):
                state.seg[i] = vmcs_segment(copy, name)
        if missing & VCPU_TABLES:
            state.tables = {name: {'base': copy['GUEST_%s_BASE' % name.upper()], 'limit': copy['GUEST_%s_LIMIT' % name.upper()]}
                            for name in ('gdtr', 'idtr')}


ENGINES['vmx'] = Vmx


# ---- hv-vmcs ----

def vmcs_segment(value, name):
    """The access rights of a VMCS are those of struct segment."""
    return {'selector': value['GUEST_%s_SELECTOR' % name], 'attr': value['GUEST_%s_ACCESS_RIGHTS' % name],
            'limit': value['GUEST_%s_LIMIT' % name], 'base': value['GUEST_%s_BASE' % name]}


def vmcs_name_in(table, index):
    """A word of a table of names in the hypervisor, or ''."""
    names = hypervisor_symbol(table)
    return names[index].string() if index <= names.type.range()[1] and names[index] else ''


def vmcs_controls_text(group, value):
    names = hypervisor_symbol('control_groups')[group]['names']
    named = [names[bit].string() for bit in range(32) if value >> bit & 1 and names[bit]]
    reserved = bin(value).count('1') - len(named)
    return ', '.join(named) + ('; %d reserved' % reserved if reserved else '')


def vmcs_event_text(info, error):
    """The three fields of interruption information: SDM vol. 3C, tables 24-15 to 24-17."""
    if not info & VMCS_INFO_VALID:
        return 'not valid'
    kind, vector = info >> 8 & 7, info & 0xff
    text = '%s, vector %d' % (VMCS_EVENT_TYPES.get(kind, 'type %d' % kind), vector)
    if kind in (3, 5, 6):
        text = '%s %s' % (VMCS_EVENT_TYPES[kind], EXCEPTIONS.get(vector, vector))
    if info & VMCS_INFO_ERROR:
        text += ', error code %#x' % error
    return text + (', NMI unblocking due to IRET' if info >> 12 & 1 else '')


def vmcs_reason_text(value):
    return ('entry failed: ' if value & VMCS_ENTRY_FAILURE else '') + (vmcs_name_in('vmx_reason_names', value & 0xffff) or 'unknown')


def vmcs_error_text(error):
    if error == VMCS_UNSUPPORTED:
        return 'a field that this processor does not have: that was the copying before this one'
    return vmcs_name_in('vmx_error_names', error) or 'none'


def vmcs_qualification_text(reason, q, is_page_fault):
    """By the basic exit reason: SDM vol. 3C, tables 27-1 to 27-5."""
    if reason == 0:
        return 'linear address' + (' ' + symbol(q) if symbol(q) else '') if is_page_fault else bits(q, {**VMCS_PENDING, 13: 'BD'})
    if reason == 28:
        gpr, kind = GPRS[q >> 8 & 15], q >> 4 & 3
        return ['MOV to CR%d from %s' % (q & 15, gpr), 'MOV from CR%d to %s' % (q & 15, gpr), 'CLTS', 'LMSW %#x' % (q >> 16 & 0xffff)][kind]
    if reason == 29:
        return ('MOV from DR%d to %s' if q >> 4 & 1 else 'MOV to DR%d from %s') % (q & 7, GPRS[q >> 8 & 15])
    if reason == 30:
        size = (q & 7) + 1
        return '%s, port %#x, %d byte%s%s%s' % ('IN' if q >> 3 & 1 else 'OUT', q >> 16 & 0xffff, size, 's' if size > 1 else '',
                                                ' STR' if q >> 4 & 1 else '', ' REP' if q >> 5 & 1 else '')
    return 'linear address' if reason == 14 else ''


def vmcs_words(value):
    """By the name of a field: what its value means."""
    words = {name: vmcs_controls_text(group, value[name] or 0) for name, group in VMCS_CONTROLS.items()}
    reason, info = value['EXIT_REASON'], value['EXIT_INTERRUPTION_INFO']
    is_page_fault = info & VMCS_INFO_VALID and info & 0x7ff == 0x30e
    for names, table in ((('GUEST_CR0', 'HOST_CR0', 'CR0_GUEST_HOST_MASK', 'CR0_READ_SHADOW'), CR0),
                         (('GUEST_CR4', 'HOST_CR4', 'CR4_GUEST_HOST_MASK', 'CR4_READ_SHADOW'), CR4), (('GUEST_EFER', 'HOST_EFER'), EFER),
                         (('GUEST_RFLAGS',), RFLAGS), (('EXCEPTION_BITMAP',), EXCEPTIONS),
                         (('GUEST_INTERRUPTIBILITY_STATE',), VMCS_INTERRUPTIBILITY), (('GUEST_PENDING_DEBUG_EXCEPTIONS',), VMCS_PENDING)):
        words.update({name: bits(value[name] or 0, table) for name in names})
    words.update({name: symbol(value[name]) for name in ('GUEST_RIP', 'HOST_RIP')})
    words.update({
        'GUEST_ACTIVITY_STATE': VMCS_ACTIVITY.get(value['GUEST_ACTIVITY_STATE'], 'reserved'),
        'GUEST_CR3': '', 'GUEST_RSP': '', 'TSC_OFFSET': '',
        'VM_INSTRUCTION_ERROR': vmcs_error_text(value['VM_INSTRUCTION_ERROR']),
        'EXIT_REASON': vmcs_reason_text(reason),
        'EXIT_QUALIFICATION': vmcs_qualification_text(reason & 0xffff, value['EXIT_QUALIFICATION'], is_page_fault),
        'EXIT_INTERRUPTION_INFO': vmcs_event_text(info, value['EXIT_INTERRUPTION_ERROR_CODE']),
        'IDT_VECTORING_INFO': vmcs_event_text(value['IDT_VECTORING_INFO'], value['IDT_VECTORING_ERROR_CODE']),
        'ENTRY_INTERRUPTION_INFO': vmcs_event_text(value['ENTRY_INTERRUPTION_INFO'], value['ENTRY_EXCEPTION_ERROR_CODE'])})
    return words


def print_vmcs_segments(value):
    for name in SEGMENTS:
        print('  ' + segment_text(name, vmcs_segment(value, name)))
    for name in ('GDTR', 'IDTR'):
        print('    %s       base %016x  limit %08x' % (name, value['GUEST_%s_BASE' % name], value['GUEST_%s_LIMIT' % name]))


def vmcs_width(encoding):
    """Hexadecimal digits. SDM vol. 3C, table 24-21: bits 14:13."""
    return {0: 4, 1: 16, 2: 8, 3: 16}[encoding >> 13 & 3]


def print_vmcs_group(group, names, value, words):
    print('  ' + VMCS_GROUPS[group])
    if group == 2:
        print_vmcs_segments(value)
    of_segments = re.compile(r'GUEST_(%s|GDTR|IDTR)_(SELECTOR|BASE|LIMIT|ACCESS_RIGHTS)$' % '|'.join(SEGMENTS))
    zeros = []
    for encoding, name in names:
        if encoding >> 10 & 3 != group or group == 2 and of_segments.match(name) or value[name] is None:
            continue
        if not value[name] and name not in words:
            zeros.append(name)
        else:
            number = '%0*x' % (vmcs_width(encoding), value[name])
            print(('    %04x %-30s %s  %s' % (encoding, name, number.ljust(16), words.get(name, ''))).rstrip())
    if zeros:
        print('    0: ' + ' '.join(zeros))


def print_vmcs_changes(engine, value, words):
    """What the engine knows to have written since, or to have read at an exit."""
    changed = [(name, int(engine.vmx['in'][copy])) for copy, name in VMCS_COPIES.items()]
    changed = [(name, now) for name, now in changed if now != value[name]]
    if not changed:
        return
    print('  since then')
    words = vmcs_words({**value, **dict(changed)})
    for name, now in changed:
        print(('    %-35s %016x  %s' % (name, now, words.get(name, ''))).rstrip())


def print_vmcs(number, v):
    engine = engine_of(v)
    if not isinstance(engine, Vmx):
        raise gdb.GdbError('%s: this engine has no VMCS' % title(number, v))
    snapshot = engine.vmx['snapshot']
    print('%s: VMCS at hpa %#x' % (title(number, v), int(engine.vmx['vmcs'])))
    if not snapshot['moment']:
        print('  it was not entered yet, and there is no copy of it')
        return
    print('  as it was %s, %d exits ago' % (VMCS_MOMENTS[int(snapshot['moment'])], exits_of(v) - int(snapshot['exits'])))
    value, names = vmcs_snapshot(v), vmcs_names()
    words = vmcs_words(value)
    for group in VMCS_GROUPS:
        print_vmcs_group(group, names, value, words)
    missing = [name for _, name in names if value[name] is None]
    if missing:
        print('  not in this processor: ' + ' '.join(missing))
    print_vmcs_changes(engine, value, words)


def ask_vmcs(number, v):
    engine = engine_of(v)
    if not isinstance(engine, Vmx):
        raise gdb.GdbError('%s: this engine has no VMCS' % title(number, v))
    special = engine.vmx['special']
    write_hva(special.hva, bytes([int(special) | SPECIAL_SNAPSHOT]))
    print('vcpu %d: its VMCS is copied before the next entry; continue, then hv-vmcs' % number)


class HvVmcs(gdb.Command):
    """hv-vmcs [ask] [N]: the VMCS of each vcpu (or number N of hv-vcpu), decoded, as the hypervisor has copied it last.
With the word ask it is told to copy it before the next entry. Encodings as in SDM vol. 3D, appendix B."""

    def __init__(self):
        super().__init__('hv-vmcs', gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        act = ask_vmcs if words[:1] == ['ask'] else print_vmcs
        words = words[1:] if act is ask_vmcs else words
        if len(words) > 1:
            raise gdb.GdbError('usage: hv-vmcs [ask] [N]')
        for number, v in chosen(' '.join(words)):
            act(number, v)


HvVmcs()
