# SPDX-License-Identifier: MIT
"""What `make debug-check` asks of hardware that runs the guest in its own rings, beside common/gdb/check.py: that the debugger follows into
the guest and out of it, and that hv-vmcb says what the hardware did. On QEMU's TCG that is the svm engine."""

GUEST_TF_RF = 0x10100


def vmcb_line(text, offset):
    return next((line for line in text.splitlines() if line.startswith('  %03x ' % offset)), '')


def vmcb_value(text, offset):
    """The number that the line of this offset shows."""
    return int(re.match(r' +\w+ \w+ +([0-9a-f]+)', vmcb_line(text, offset)).group(1), 16)


def words():
    """The decoders, one word after the other: the interrupted delivery of #PF is not to be had here."""
    for value, wanted in ((0, 'not valid'), (0x80000020, 'INTR, vector 32'), (0x80000202, 'NMI, vector 2'),
                          (0x80000480, 'INT n, vector 128'), (0x4_80000b0e, 'exception #PF, error code 0x4'),
                          (0x80000301, 'exception #DB')):
        check('event %#x' % value, vmcb_event_text(value) == wanted, vmcb_event_text(value))
    for name, info1, info2, wanted in (
            ('IOIO', 0x03f80010, 0, ('OUT, port 0x3f8, 1 byte', 'next RIP')), ('IOIO', 0x03fd001d, 0, ('IN, port 0x3fd, STR REP 1 byte', 'next RIP')),
            ('MSR', 0, 0, ('RDMSR', '')), ('MSR', 1, 0, ('WRMSR', '')), ('EXCP_PF', 0x17, 0, ('error code: P W U I', 'gva 0x0')),
            ('EXCP_PF', 0, 0, ('error code: -', 'gva 0x0')), ('CPUID', 0, 0, ('', ''))):
        found = tuple(text.strip() for text in vmcb_exitinfo_text(name, info1, info2))
        check('EXITINFO of %s, %#x' % (name, info1), found == wanted, str(found))
    for word, bit, name in (('cr', 3, 'CR3_READ'), ('dr', 23, 'DR7_WRITE'), ('exceptions', 14, 'EXCP_PF'), ('misc1', 18, 'CPUID'),
                            ('misc1', 31, 'SHUTDOWN'), ('misc2', 0, 'VMRUN'), ('misc3', 2, 'INVPCID')):
        check('intercept %s' % name, vmcb_intercepts_text(word, 1 << bit) == name, vmcb_intercepts_text(word, 1 << bit))
    for code, name in ((0x400, 'NPF'), ((1 << 64) - 1, 'INVALID'), (0xffffffff, 'INVALID'), (0x4e, 'EXCP_PF'), (0x3ff, 'unknown')):
        check('exit code %#x' % code, vmcb_exit_name(code) == name, vmcb_exit_name(code))


def following_instruction():
    here = number('$rip')
    return gdb.selected_frame().architecture().disassemble(here, count=2)[1]['addr']


def in_kernel():
    text = run('hv-vmcb')
    check('hv-vmcb says that the guest runs', 'the guest runs' in text, text)
    check('hv-vmcb: #PF is intercepted', 'EXCP_PF' in vmcb_line(text, 0x008), text)
    check('hv-vmcb: VMRUN is intercepted', 'VMRUN' in vmcb_line(text, 0x010), text)
    check('hv-vmcb: an ASID', vmcb_value(text, 0x058) > 0, text)
    check('hv-vmcb: CR3 is the CPU\'s', vmcb_value(text, 0x550) == number('$cr3'), text)
    check('hv-vmcb: GDTR is the guest\'s', 'base %016x' % guest_address('gdt') in vmcb_line(text, 0x460), text)
    check('hv-vmcb: no vcpu 7', 'there is no vcpu 7' in refused('hv-vmcb 7'))
    # From instruction to instruction in the guest.
    for _ in range(3):
        there = following_instruction()
        run('stepi')
        check('stepi in the guest', number('$rip') == there, '%#x, not %#x' % (number('$rip'), there))


def in_monitor():
    """At the handler of a page fault: exit->fault is what EXITINFO1 and EXITINFO2 were."""
    text = run('hv-vmcb')
    check('hv-vmcb: EXITCODE', vmcb_value(text, 0x070) == 0x4e and vmcb_line(text, 0x070).endswith('EXCP_PF'), text)
    check('hv-vmcb: EXITINFO1', vmcb_value(text, 0x078) == number('exit->fault.error'), text)
    check('hv-vmcb: EXITINFO2', vmcb_value(text, 0x080) == number('exit->fault.gva'), text)
    check('hv-vmcb: RIP', vmcb_value(text, 0x578) == number('vcpus[0]->rip'), text)


def into_the_guest():
    """One step over VMRUN: the next instruction is the guest's, and its registers are there."""
    vmrun = number('(unsigned long)&svm_behind_vmrun') - 3
    stop_at('*%#x' % vmrun)
    check('VMRUN: the monitor\'s CR3', number('$cr3') != vmcb_value(run('hv-vmcb'), 0x550))
    rip, rcx = number('vcpus[0]->rip'), number('vcpus[0]->gpr[1]')
    run('stepi')
    text = run('hv-vcpu')
    check('behind VMRUN: the guest\'s RIP', number('$rip') == rip == field(text, 'RIP'), text)
    check('behind VMRUN: it runs', '(running now)' in text, text)
    check('behind VMRUN: RCX', number('$rcx') == rcx, text)
    check('behind VMRUN: RFLAGS', (field(text, 'RFLAGS') or 0) | GUEST_TF_RF == number('$eflags') | GUEST_TF_RF, text)
    stop_at('*%#x' % number('(unsigned long)&svm_behind_vmrun'))
    check('behind the exit: the monitor', number('$cs') & 3 == 0 and '(running now)' not in run('hv-vcpu'))


LAB_CHECKS = {'kernel': [words, in_kernel], 'monitor': [in_monitor, into_the_guest]}
