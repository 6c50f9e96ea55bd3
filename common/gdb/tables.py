# SPDX-License-Identifier: MIT
"""The session of `make trace` that draws the page tables: it runs the guest to a moment, calls hv-tables, and ends.

The environment says which moment and where to: HV_AT is a function of the guest's kernel or an address such as 0x400000, HV_HIT how
often the guest has to come there, HV_TABLES the picture (.svg; the source for dot is left beside it).

hv.py has been loaded before, so its functions are here too."""

import os

import gdb


def wanted_hits(text):
    if not text.isdecimal() or int(text) == 0:
        raise gdb.GdbError('HIT=%s: it has to be a number: 1, 2, ...' % text)
    return int(text)


def wanted_address(at):
    if not at.startswith('0x'):
        try:
            return guest_address(at)
        except gdb.GdbError as e:
            raise gdb.GdbError('AT=%s' % e) from None
    try:
        return int(at, 16)
    except ValueError:
        raise gdb.GdbError('AT=%s is no address' % at) from None


def is_fetched():
    """QEMU looks at breakpoints before it fetches. So at a page that the shadow does not hold it stops twice: before the page fault,
    and at the same instruction behind it."""
    return walk(register('cr3') & PTE_ADDR, register('rip'), lambda hpa: HV_BASE + hpa)[1] is not None


def run_to(at, hits):
    gdb.Breakpoint('*%#x' % wanted_address(at), type=gdb.BP_HARDWARE_BREAKPOINT)
    done = 0
    while done < hits:
        try:
            gdb.execute('continue', to_string=True)
        except gdb.error:
            pass  # QEMU has ended and closed the connection
        if not gdb.selected_thread():
            raise gdb.GdbError('AT=%s HIT=%d: the guest came there %d times before it ended. Try another AT, HIT or TEST'
                               % (at, hits, done))
        done += is_fetched()


def session():
    path = os.environ['HV_TABLES']
    run_to(os.environ['HV_AT'], wanted_hits(os.environ['HV_HIT']))
    for name in (os.path.splitext(path)[0] + '.dot', path):
        gdb.execute('hv-tables "%s"' % name)


failed = 0
try:
    session()
except (gdb.error, gdb.GdbError) as e:
    print('debug: %s' % e)
    failed = 1
try:
    gdb.execute('kill')
except gdb.error:
    pass  # there is nothing left
gdb.execute('quit %d' % failed)
