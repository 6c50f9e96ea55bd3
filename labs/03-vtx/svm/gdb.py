# SPDX-License-Identifier: MIT
"""What the debugger's commands (common/gdb/hv.py) have to know of the `svm` engine, and a command of its own:

    hv-vmcb [N]       the virtual machine control block of each vcpu (or number N): its fields by the manual's names, decoded

The names of exits and of intercepts are the hypervisor's own (names.c): a bit of the intercepts stands for the exit code of its number.
Names and offsets of the fields are those of struct vmcb. Of other words in fields this file has the names, in the order of vmcb.h.

While the guest runs, its general registers, RIP, RFLAGS, CR2 and the selectors are read from the CPU; of the hidden parts of segment
registers a debugger sees FS.base and GS.base alone. While the monitor runs, what the vcpu does not hold as valid (vmm/vcpu.h) is read
from the VMCB, as svm_fetch() of state.c would do."""



# Words of 32 intercepts, in the order of the exit codes.
VMCB_INTERCEPTS = ('cr', 'dr', 'exceptions', 'misc1', 'misc2', 'misc3')
VMCB_INVALID = (1 << 64) - 1
VMCB_INVALID_OF_TCG = (1 << 32) - 1
VMCB_CLEAN = {0: 'I', 1: 'IOPM', 2: 'ASID', 3: 'TPR', 4: 'NP', 5: 'CRx', 6: 'DRx', 7: 'DT', 8: 'SEG', 9: 'CR2', 10: 'LBR'}
VMCB_TLB_CONTROL = {0: 'nothing', 1: 'flush all', 3: 'flush this guest\'s', 7: 'flush this guest\'s but global pages'}
VMCB_V_INTR = {8: 'V_IRQ', 9: 'VGIF', 20: 'V_IGN_TPR', 24: 'V_INTR_MASKING', 25: 'V_GIF_ENABLE'}
VMCB_EVENT_V, VMCB_EVENT_EV = 1 << 31, 1 << 11
VMCB_EVENT_TYPES = {0: 'INTR', 2: 'NMI', 3: 'exception', 4: 'INT n'}
VMCB_PF_ERROR = {0: 'P', 1: 'W', 2: 'U', 3: 'RSV', 4: 'I', 32: 'of the final page', 33: 'of a page table'}
VMCB_IOIO = {2: 'STR', 3: 'REP', 4: '1 byte', 5: '2 bytes', 6: '4 bytes'}
VMCB_ERROR_CODE = ('EXCP_DF', 'EXCP_TS', 'EXCP_NP', 'EXCP_SS', 'EXCP_GP', 'EXCP_AC')
# Loaded by VMLOAD, stored by VMSAVE. APM vol. 2, 15.5.2
VMCB_HIDDEN = ('fs', 'gs', 'ldtr', 'tr', 'kernel_gs_base', 'star', 'lstar', 'cstar', 'sfmask', 'sysenter_cs', 'sysenter_esp', 'sysenter_eip')


class Svm(Engine):
    def __init__(self, v):
        super().__init__(v)
        self.svm = v['cpu_private'].cast('svm')
        self.vmcb = self.svm['vmcb']

    def has_cpu(self):
        return bool(self.svm['in_cpu'])

    def is_running(self):
        """VMRUN loads CR3, and #VMEXIT brings the monitor's back."""
        return register('cr3') & PTE_ADDR == int(self.vmcb['save']['cr3']) & PTE_ADDR

    def complete(self, state):
        save = self.vmcb['save']
        valid = 0 if state.running else state.valid
        for i, name in enumerate(SEGMENTS):
            if not valid & (VCPU_CS_SS if name in ('CS', 'SS') else VCPU_SEGS):
                state.seg[i] = vmcb_segment(save[name.lower()])
        if not valid & VCPU_CS_SS:
            state.set_cpl(int(save['cpl']))
        if not valid & VCPU_TABLES:
            state.tables = {name: {k: int(save[name][k]) for k in ('base', 'limit')} for name in ('gdtr', 'idtr')}
        if state.running:
            state.registers_of_cpu()
            state.cr2 = register('cr2')
            state.selectors_of_cpu()
        if state.loaded and not valid & VCPU_SEGS:
            for name in ('FS', 'GS'):
                state.seg[SEGMENTS.index(name)]['base'] = register(name.lower() + '_base')


ENGINES['svm'] = Svm


def vmcb_segment(seg):
    """A segment register of the VMCB as in struct segment: vmcb_segment() of state.c."""
    attr = int(seg['attr'])
    attr = attr & 0xff | (attr & 0xf00) << 4 | (0 if attr & SEG_ATTR_P else SEG_ATTR_UNUSABLE)
    return {'selector': int(seg['selector']), 'attr': attr, 'limit': int(seg['limit']), 'base': int(seg['base'])}


# ---- hv-vmcb ----

def vmcb_exit_name(code):
    """As svm_exit_name() of names.c."""
    if code in (VMCB_INVALID, VMCB_INVALID_OF_TCG):
        return 'INVALID'
    names = hypervisor_symbol('svm_exit_names')
    if code <= names.type.range()[1]:
        return names[code].string() if names[code] else 'unknown'
    known = {field.enumval: field.name for field in gdb.lookup_type('enum svm_exitcode').fields()}
    return known.get(code, 'unknown').replace('SVM_EXIT_', '')


def vmcb_intercepts_text(word, value):
    first = 32 * VMCB_INTERCEPTS.index(word)
    return ' '.join(vmcb_exit_name(first + bit) for bit in range(32) if value >> bit & 1) or 'none'


def vmcb_event_text(value):
    """EXITINTINFO and EVENTINJ: APM vol. 2, 15.20 "Event Injection"."""
    if not value & VMCB_EVENT_V:
        return 'not valid'
    kind = value >> 8 & 7
    text = '%s, vector %d' % (VMCB_EVENT_TYPES.get(kind, 'type %d' % kind), value & 0xff)
    if kind == 3:
        text = 'exception %s' % EXCEPTIONS.get(value & 0xff, value & 0xff)
    return text + (', error code %#x' % (value >> 32) if value & VMCB_EVENT_EV else '')


def vmcb_exitinfo_text(name, info1, info2):
    """What the two words say at an exit of this name: APM vol. 2, 15.10 to 15.12."""
    if name in ('EXCP_PF', 'NPF'):
        of = 'gva' if name == 'EXCP_PF' else 'gpa'
        return 'error code: %s' % (bits(info1, VMCB_PF_ERROR) or '-'), '%s %#x  %s' % (of, info2, symbol(info2) if of == 'gva' else '')
    if name == 'IOIO':
        return '%s, port %#x, %s' % ('IN' if info1 & 1 else 'OUT', info1 >> 16 & 0xffff, bits(info1, VMCB_IOIO)), 'next RIP'
    if name == 'MSR':
        return 'WRMSR' if info1 else 'RDMSR', ''
    if name in VMCB_ERROR_CODE:
        return 'error code', ''
    return '', ''


def vmcb_v_intr_text(value):
    text = 'V_TPR=%d %s' % (value & 0xff, bits(value, VMCB_V_INTR))
    return text + (' V_INTR_PRIO=%d' % (value >> 16 & 0xf) if value >> 8 & 1 else '')


def vmcb_control_words(control):
    """By the name of a field of struct vmcb_control: what its value means."""
    value = {field.name: control[field.name] for field in control.type.fields() if not field.name.startswith(('reserved', 'fetched'))}
    value = {name: int(v) for name, v in value.items()}
    name = vmcb_exit_name(value['exitcode'])
    info = vmcb_exitinfo_text(name, value['exitinfo1'], value['exitinfo2'])
    words = {'intercept_' + word: vmcb_intercepts_text(word, value['intercept_' + word]) for word in VMCB_INTERCEPTS}
    words.update({'tlb_control': VMCB_TLB_CONTROL.get(value['tlb_control'], 'reserved'), 'v_intr': vmcb_v_intr_text(value['v_intr']),
                  'exitcode': name, 'exitinfo1': info[0], 'exitinfo2': info[1], 'exitintinfo': vmcb_event_text(value['exitintinfo']),
                  'eventinj': vmcb_event_text(value['eventinj']), 'guest_asid': '', 'tsc_offset': '', 'interrupt_shadow': '',
                  'np_enable': 'nested paging' if value['np_enable'] & 1 else 'no nested paging',
                  'clean': 'not changed: %s' % (bits(value['clean'], VMCB_CLEAN) or 'nothing'), 'nrip': symbol(value['nrip'])})
    return value, words


def print_vmcb_fields(area, first, values, words, notes=()):
    """A line a field; those that are 0 and have no words together in the last."""
    zeros = []
    for field in area.type.fields():
        name = field.name
        if name not in values:
            continue
        if not values[name] and name not in words:
            zeros.append(name)
            continue
        size = field.type.sizeof
        print(('  %03x %-20s %s  %s%s' % (first + field.bitpos // 8, name.upper(), ('%0*x' % (2 * size, values[name])).ljust(16),
                                         words.get(name, ''), '  *' if name in notes else '')).rstrip())
    if zeros:
        print('  0: ' + ' '.join(zeros).upper())


def vmcb_save_words(save):
    names = [field.name for field in save.type.fields() if not field.name.startswith('reserved') and
             field.type.strip_typedefs().code == gdb.TYPE_CODE_INT]
    value = {name: int(save[name]) for name in names}
    words = {'efer': bits(value['efer'], EFER), 'cr4': bits(value['cr4'], CR4), 'cr3': '', 'cr0': bits(value['cr0'], CR0), 'cr2': '',
             'rflags': bits(value['rflags'], RFLAGS), 'rip': symbol(value['rip']), 'rsp': '', 'rax': '', 'cpl': ''}
    return value, words


def print_vmcb(number, v):
    engine = engine_of(v)
    if not isinstance(engine, Svm):
        raise gdb.GdbError('%s: this engine has no VMCB' % title(number, v))
    state = State(v)
    print('%s: VMCB at hpa %#x' % (title(number, v), int(engine.svm['vmcb_hpa'])))
    if state.running:
        print('  the guest runs: intercepts and event are those of this entry, exit and state those of the exit before')
    control, save = engine.vmcb['control'], engine.vmcb['save']
    print('  control area')
    print_vmcb_fields(control, 0, *vmcb_control_words(control))
    print('  state save area')
    in_cpu = VMCB_HIDDEN if engine.has_cpu() and not engine.svm['hidden_kept'] else ()
    for name in ('ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDTR', 'TR'):
        print('  %03x%s%s' % (0x400 + save.type[name.lower()].bitpos // 8, segment_text(name, vmcb_segment(save[name.lower()]))[1:],
                             '  *' if name.lower() in in_cpu else ''))
    for name in ('gdtr', 'idtr'):
        print('  %03x %-4s       base %016x  limit %08x' % (0x400 + save.type[name].bitpos // 8, name.upper(), int(save[name]['base']),
                                                           int(save[name]['limit'])))
    print_vmcb_fields(save, 0x400, *vmcb_save_words(save), in_cpu)
    if in_cpu:
        print('  * as VMSAVE left it last: the guest\'s own is in the CPU')


class HvVmcb(gdb.Command):
    """hv-vmcb [N]: the virtual machine control block of each vcpu (or number N of hv-vcpu), decoded. Offsets as in APM vol. 2, appendix B."""

    def __init__(self):
        super().__init__('hv-vmcb', gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for number, v in chosen(argument):
            print_vmcb(number, v)


HvVmcb()
