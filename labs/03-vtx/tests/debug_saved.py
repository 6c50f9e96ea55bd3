# SPDX-License-Identifier: MIT
"""What `make debug-check-saved` asks: hv-vmcs on the memory of a machine that Bochs has run to the end of its guest. Facts come from the
guest's console, the layout of the images and the monitor's page tables."""

OUT_TO_DEBUG_EXIT = 0xf4


def vmcs_line(text, name):
    return next((line for line in text.splitlines() if re.match(r' +([0-9a-f]{4} )?%s ' % name, line)), '')


def vmcs_number(text, name):
    return int(re.match(r' +[0-9a-f]{4} \w+ +([0-9a-f]+)', vmcs_line(text, name)).group(1), 16)


def words():
    for info, error, wanted in ((0, 0, 'not valid'), (0x80000020, 0, 'external interrupt, vector 32'), (0x80000202, 0, 'NMI, vector 2'),
                                (0x80000b0e, 6, 'hardware exception #PF, error code 0x6'), (0x80000480, 0, 'software interrupt, vector 128'),
                                (0x80000603, 0, 'software exception #BP'), (0x80001b0d, 0, 'hardware exception #GP, error code 0x0, NMI unblocking due to IRET')):
        check('interruption information %#x' % info, vmcs_event_text(info, error) == wanted, vmcs_event_text(info, error))
    for reason, q, wanted in ((30, 0x3f80000, 'OUT, port 0x3f8, 1 byte'), (30, 0x3fd0039, 'IN, port 0x3fd, 2 bytes STR REP'),
                              (28, 0x003, 'MOV to CR3 from RAX'), (28, 0x714, 'MOV from CR4 to RDI'), (28, 0x20, 'CLTS'),
                              (28, 0x90030, 'LMSW 0x9'), (29, 0x107, 'MOV to DR7 from RCX'), (29, 0x016, 'MOV from DR6 to RAX'),
                              (0, 0x4001, 'B0 BS'), (10, 0, '')):
        check('qualification %#x of %d' % (q, reason), vmcs_qualification_text(reason, q, False) == wanted,
              vmcs_qualification_text(reason, q, False))
    for value, wanted in ((10, 'CPUID'), (0x80000021, 'entry failed: VM-entry failure due to invalid guest state'), (999, 'unknown')):
        check('exit reason %#x' % value, vmcs_reason_text(value) == wanted, vmcs_reason_text(value))
    check('error 7', vmcs_error_text(7) == 'VM entry with invalid control field(s)', vmcs_error_text(7))
    check('controls', vmcs_controls_text(0, 0x49) == 'external-interrupt exiting, NMI exiting, activate VMX-preemption timer' and
          vmcs_controls_text(0, 0x17) == 'external-interrupt exiting; 3 reserved', vmcs_controls_text(0, 0x17))


def at_the_end():
    check('hv-vcpu: the guest has ended', '(ended)' in run('hv-vcpu'), run('hv-vcpu'))
    text = run('hv-vmcs')
    exits = int(re.search(r'^  all +(\d+)$', run('hv-exits'), re.M).group(1))
    check('there were exits', exits > 100, str(exits))
    check('the copy is that of the end', 'as it was when the guest had ended, 0 exits ago' in text, text)
    check('the last exit', vmcs_line(text, 'EXIT_REASON').endswith('I/O instruction'), text)
    check('its port', 'OUT, port %#x, ' % OUT_TO_DEBUG_EXIT in vmcs_line(text, 'EXIT_QUALIFICATION'), text)
    check('GUEST_RIP is in the guest\'s kernel', vmcs_number(text, 'GUEST_RIP') >> 31 == 0x1ffffffff, text)
    check('HOST_RIP', vmcs_number(text, 'HOST_RIP') == number('(unsigned long)&vmx_exit') and vmcs_line(text, 'HOST_RIP').endswith('vmx_exit'), text)
    check('GUEST_CR3 is the root', 'root %#x' % vmcs_number(text, 'GUEST_CR3') in run('hv-walk guest_main'), text)
    check('HOST_CR3 is not', vmcs_number(text, 'HOST_CR3') != vmcs_number(text, 'GUEST_CR3'), text)
    check('GDTR', 'base %016x' % guest_address('gdt') in text, text)
    check('a 64-bit guest', 'IA-32e mode guest' in vmcs_line(text, 'ENTRY_CONTROLS') and re.search(r'^    CS   0008 .* P L G$', text, re.M), text)
    check('#PF is intercepted', ' #PF' in vmcs_line(text, 'EXCEPTION_BITMAP'), text)
    check('HLT and I/O bitmaps', all(name in vmcs_line(text, 'PRIMARY_CONTROLS') for name in ('HLT exiting', 'use I/O bitmaps')), text)
    names = {name for _, name in vmcs_names()}
    check('every field is somewhere', all(re.search(r'\b%s\b' % name, text) for name in names if not name.startswith('GUEST_')),
          str([name for name in names if name not in text]))


def refusals():
    check('nothing can be asked', 'the machine has ended' in refused('hv-vmcs ask'))
    check('no vcpu 7', 'there is no vcpu 7' in refused('hv-vmcs 7'))
    check('usage', 'usage' in refused('hv-vmcs 0 0'))
    check('no VMCB', 'has no VMCB' in refused('hv-vmcb'))


session(words, at_the_end, refusals)
