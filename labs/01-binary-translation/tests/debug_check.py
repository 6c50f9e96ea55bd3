# SPDX-License-Identifier: MIT
"""What `make debug-check` asks of a guest whose kernel runs in ring 3, beside common/gdb/check.py: which flags are the guest's."""


def virtual_if():
    return int(vcpus()[0]['cpu_private'].cast('ring3')['system_flags']) & RFLAGS_IF


def in_kernel():
    text = run('hv-vcpu')
    check('virtual IF is off, the real one on', ' IF ' not in text and number('$eflags') & RFLAGS_IF, text)


def in_user():
    text = run('hv-vcpu')
    check('user: IF is the guest\'s', (field(text, 'RFLAGS') or 0) & RFLAGS_IF == virtual_if(), text)


def event():
    """INT 0x81 on its way to the guest's handler."""
    stop_at('*event_deliver', 'vcpus[0]->events.pending.kind != 0')
    text = run('hv-vcpu')
    check('the event is shown', 'events: software interrupt, vector 129\n' in text, text)
    check('its RIP is in user code', USER_CODE <= (field(text, 'RIP') or 0) < USER_CODE + 0x1000, text)


def between():
    """In the assembly of an exit: the vcpu holds RFLAGS as the CPU had them, with the real IF."""
    stop_at('*ring3_exit')
    check('exit: the real IF is on', number('vcpus[0]->rflags') & RFLAGS_IF, '')
    text = run('hv-vcpu')
    check('exit: IF is the guest\'s', (field(text, 'RFLAGS') or 0) & RFLAGS_IF == virtual_if(), text)
    check('exit: RIP', field(text, 'RIP') == number('vcpus[0]->rip'), text)


LAB_CHECKS = {'kernel': [in_kernel], 'user': [in_user, event, between]}
