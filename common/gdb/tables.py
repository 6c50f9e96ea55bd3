# SPDX-License-Identifier: MIT
"""The session of `make trace` that draws the page tables: it runs the guest to a moment, calls hv-tables, and ends.

The environment says which moment and where to: HV_AT is a function of the guest's kernel or an address such as 0x400000, HV_HIT how
often the guest has to come there, HV_TABLES the picture (.svg; the source for dot is left beside it)."""

import os

import gdb


def draw_moment():
    path = os.environ['HV_TABLES']
    run_to(os.environ['HV_AT'], wanted_hits(os.environ['HV_HIT']))
    for name in (os.path.splitext(path)[0] + '.dot', path):
        gdb.execute('hv-tables "%s"' % name)


picture_session(draw_moment)
