# SPDX-License-Identifier: MIT
"""What the scripted sessions of the debugger share: counting, asking, and the end of a session."""

import re
import traceback

import gdb

passed = failed = 0


def check(what, is_true, shown=''):
    global passed, failed
    if is_true:
        passed += 1
        return
    failed += 1
    print('FAILED: %s\n%s' % (what, shown))


def run(command):
    return gdb.execute(command, to_string=True)


def number(expression):
    return int(gdb.parse_and_eval(expression)) & (1 << 64) - 1


def field(text, name):
    """The hexadecimal number behind a name at the begin of a line, or None."""
    found = re.search(r'^ *%s +([0-9a-f]+)' % name, text, re.M)
    return int(found.group(1), 16) if found else None


def refused(command):
    try:
        run(command)
    except gdb.error as e:
        return str(e)
    return ''


def session(*parts):
    """Runs these functions one after the other, prints the sum, and ends GDB with it."""
    global failed
    try:
        for part in parts:
            part()
    except Exception:
        failed += 1
        traceback.print_exc()
        print('FAILED: the session broke off')
    print('%d passed, %d failed' % (passed, failed))
    try:
        gdb.execute('kill')  # otherwise the guest would run on until debug.sh ends it
    except gdb.error:
        pass  # QEMU may be gone before it has answered; or there is none
    gdb.execute('quit %d' % (failed != 0))
