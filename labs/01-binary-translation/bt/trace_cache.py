# SPDX-License-Identifier: MIT
"""The session of `make trace` that draws the translation cache, at the end of a run: HV_FUNCTION is the function of the guest's, HV_PICTURE
the picture (.svg; the source for dot is left beside it). HV_AT and HV_HIT name an earlier moment, as in common/gdb/tables.py."""


def to_moment():
    if os.environ.get('HV_AT'):
        run_to(os.environ['HV_AT'], wanted_hits(os.environ.get('HV_HIT') or '1'))
        return
    gdb.Breakpoint('*trace_print', type=gdb.BP_HARDWARE_BREAKPOINT, temporary=True)
    gdb.execute('continue', to_string=True)


def draw():
    to_moment()
    path = os.environ['HV_PICTURE']
    for name in (os.path.splitext(path)[0] + '.dot', path):
        gdb.execute('hv-cache %s "%s"' % (os.environ['HV_FUNCTION'], name))
    gdb.execute('hv-cache')


picture_session(draw)
