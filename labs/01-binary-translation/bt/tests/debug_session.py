# SPDX-License-Identifier: MIT
"""The session of `make debug-check` under cpu=bt: while the CPU is in the translation cache the debugger's commands show the guest.

The guest's own disassembly (guest.asm) says which instruction follows which. Stepping through the cache, RIP as hv-vcpu shows it has to
go from one of them to the next, and registers that a translation uses for itself must not be seen to change."""

import os
import re
import tempfile

KERNEL_BASE = 0xffffffff80000000
USER_CODE = 0x400000
STEPS = 400
BRANCHES = re.compile(r'(j\w+|call|ret|loop\w*|iret\w*|syscall|sysret\w*|hlt|ud2|int\w*)$')


def kernel_code():
    """{address: (mnemonic, address behind it)} of the guest's kernel."""
    path = gdb.lookup_objfile('guest.elf').filename.replace('.elf', '.asm')
    with open(path, encoding='utf-8') as file:
        found = re.findall(r'^([0-9a-f]{16}):\t(\S+)', file.read(), re.M)
    places = [(int(gva, 16), mnemonic) for gva, mnemonic in found]
    return {gva: (mnemonic, behind) for (gva, mnemonic), (behind, _) in zip(places, places[1:])}


def in_cache():
    c = Cache(vcpus()[0])
    return 0 <= register('rip') - c.window < c.used


def at_start():
    for command in ('hv-cache', 'hv-cache guest_main', 'hv-backtrace'):
        check('%s says that it is too early' % command, 'still booting' in refused(command))
    check('hv-until wants an address', 'usage' in refused('hv-until'))
    check('hv-until knows no such symbol', 'No symbol "nosuch"' in refused('hv-until nosuch'))


def at_main():
    main = guest_address('guest_main')
    text = run('hv-until guest_main')
    check('it came to guest_main', 'the guest is at %#x' % main in text, text)
    check('the CPU is in the cache', in_cache() and number('$cs') & 3 == 3, '%#x' % register('rip'))
    text = run('hv-vcpu')
    check('it is running', '(running now)' in text, text)
    check('RIP is the guest\'s', field(text, 'RIP') == main and 'guest_main' in text, text)
    check('where the CPU is', re.search(r'in the cache at \+0x[0-9a-f]+, block \d+$', text, re.M), text)
    check('the guest believes in CPL 0', field(text, 'CPL') == 0, text)
    check('IF is off, the real one on', ' IF ' not in text and number('$eflags') & 0x200, text)
    check('CR3 is the guest\'s', field(text, 'CR3') == guest_address('boot_pml4') - KERNEL_BASE, text)
    check('the first argument', re.search(r'RDI %016x' % number('$rdi'), text), text)
    check('CS is the kernel\'s', re.search(r'^  CS   0008  .* DPL 0  P L G$', text, re.M), text)
    check('no table of the guest differs', 'differs' not in run('hv-walk guest_main'))


def calls():
    run('hv-until check_equal')
    before = [register(name) for name in ('rip', 'rsp', 'rbp', 'rcx')]
    text = run('hv-backtrace')
    check('hv-backtrace begins in the guest', re.search(r'^#0 +check_equal', text, re.M), text)
    check('hv-backtrace names who called', re.search(r'^#1 .* in int_gate .*^#2 .* in catch_call ', text, re.M | re.S), text)
    check('the CPU is as it was', before == [register(name) for name in ('rip', 'rsp', 'rbp', 'rcx')], text)


def step_on(code, state):
    """One instruction of the cache. The next State, or None where the CPU left the cache."""
    run('stepi')
    if not in_cache():
        return None
    after = State(vcpus()[0])
    mnemonic, behind = code[state.rip]
    if after.rip not in (state.rip, behind):
        check('%s at %#x leads to %#x' % (mnemonic, state.rip, after.rip), BRANCHES.match(mnemonic) and after.rip in code)
    # RET takes RCX and RDX for the lookup, up to the entry of the block that it finds.
    if mnemonic == 'ret' or code[after.rip][0] == 'ret':
        for i in (1, 2):
            check('RET at %#x: %s is the guest\'s' % (state.rip, GPRS[i]), after.gpr[i] == state.gpr[i], after.note)
    return after


def stepping():
    """Through the cache, and where an instruction is called out, on from another place."""
    code = kernel_code()
    run('hv-until line_send')
    steps = exits = inside = 0
    state = State(vcpus()[0])
    while steps < STEPS:
        after = step_on(code, state)
        steps += 1
        if not after:
            exits += 1
            gdb.Breakpoint('*ring3_exit', type=gdb.BP_HARDWARE_BREAKPOINT, temporary=True)
            run('continue') # the assembly has saved all but RSP, which stands in the frame
            in_monitor = State(vcpus()[0])
            check('the monitor sees the same guest', in_monitor.rip == state.rip and in_monitor.gpr[:4] + in_monitor.gpr[5:] ==
                  state.gpr[:4] + state.gpr[5:], in_monitor.note)
            run('hv-until console_putc')
            after = State(vcpus()[0])
        inside += 'inside the translation' in after.note
        state = after
    check('some steps were inside of translations, some left the cache', inside and exits, '%d %d' % (inside, exits))


def the_cache():
    text = run('hv-cache')
    c = Cache(vcpus()[0])
    blocks = c.blocks()
    check('blocks', '%d blocks, %d mapped, %d dead: %d instructions in ' % (len(blocks), sum(b.mapped for b in blocks), sum(
        b.dead for b in blocks), sum(b.guest_insns for b in blocks)) in text, text)
    check('how full', '%d of %d bytes in use' % (c.used, int(c.c['size'])) in text and c.used == max(b.end for b in blocks), text)
    check('call-outs by name', re.search(r'places of call-outs: .*\bout \d+', text), text)
    check('nobody counts', 'runs are counted with' in text, text)
    text = run('hv-cache line_send')
    check('a function', re.search(r'^  block \d+: line_send, \d+ instructions', text, re.M), text)
    check('its OUT is called out', re.search(r'^ +[0-9a-f]{16}  out %al,\(%dx\) +call-out: out$', text, re.M), text)
    check('a jump that is chained', re.search(r'  j\w+ line_send\S* +j\w+ block \d+$', text, re.M), text)
    check('hv-cache knows no such function', 'no such function' in refused('hv-cache nosuch'))
    check('hv-cache wants a name that it can draw to', 'has to end in' in refused('hv-cache line_send x.png'))
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, 'cache.svg')
        run('hv-cache line_send %s' % path)
        check('hv-cache draws where nobody counts', 'title>b' in open(path, encoding='utf-8').read())
    check('a chained jump leads where the picture says', chains_are_true(c), text)


def chains_are_true(c):
    """Each chain's rel32 in the cache leads to the code of the block that its exit names."""
    blocks, chained = c.blocks(), [e for e in c.exits() if e.chained]
    bad = [e for e in chained if (e.jump + 4 + int.from_bytes(c.code(e.jump, e.jump + 4), 'little', signed=True)) !=
           blocks[e.chained - 1].code]
    return chained and not bad


def user_code():
    text = run('hv-until %#x' % USER_CODE)
    check('user code runs where it is', 'the guest is at 0x400000' in text and register('rip') == USER_CODE, text)
    text = run('hv-vcpu')
    check('user: RIP and CPL', field(text, 'RIP') == USER_CODE and field(text, 'CPL') == 3 and 'in the cache' not in text, text)


def exits_add_up():
    text = run('hv-exits')
    counts = {name: int(count) for name, count in re.findall(r'^  (VMEXIT_\w+|all) +(\d+)$', text, re.M)}
    check('hv-exits adds up', counts.get('all') == sum(n for name, n in counts.items() if name != 'all'), text)
    text = run('hv-until guest_main 2')
    check('it does not come there again', 'the guest came there 0 times; now: the machine has ended' in text, text)


session(at_start, at_main, user_code, calls, stepping, the_cache, exits_add_up)
