# SPDX-License-Identifier: MIT
"""What the sessions of `make trace` share: running the guest to the moment of a picture, and the end of a session. hv.py has been loaded
before."""

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


def run_to(at, hits):
    done = run_until(wanted_address(at), hits)
    if done < hits:
        raise gdb.GdbError('AT=%s HIT=%d: the guest came there %d times before it ended. Try another AT, HIT or TEST' % (at, hits, done))


def picture_session(draw):
    """Draws, and ends GDB: with 1 and a sentence where there is no picture."""
    failed = 0
    try:
        draw()
    except (gdb.error, gdb.GdbError) as e:
        print('debug: %s' % e)
        failed = 1
    try:
        gdb.execute('kill')
    except gdb.error:
        pass  # there is nothing left
    gdb.execute('quit %d' % failed)
