# SPDX-License-Identifier: MIT
"""The session of `make debug-check`: stops in the hypervisor and in the guest, kernel and user mode, runs the commands of hv.py there,
and compares what they print with facts from elsewhere: the CPU, the guest's variables, the layout of the images.

What only some engines have is asked by tests/debug_check.py of the lab, which is loaded before: its LAB_CHECKS has a list of functions for
each of three moments, when the machine is stopped in the guest's kernel ("kernel"), in user mode ("user") and then in the monitor, at
a page fault ("monitor"). They may run it on."""

import html
import os
import re
import tempfile
import xml.etree.ElementTree

import gdb

KERNEL_BASE = 0xffffffff80000000
USER_CODE = 0x400000
RFLAGS_IF = 0x200
def exits():
    text = run('hv-exits')
    counts = {name: int(count) for name, count in re.findall(r'^  (VMEXIT_\w+|all) +(\d+)$', text, re.M)}
    check('hv-exits adds up', counts.get('all') == sum(n for name, n in counts.items() if name != 'all'), text)
    return counts


def stop_at(location, condition=None):
    breakpoint = gdb.Breakpoint(location, type=gdb.BP_HARDWARE_BREAKPOINT, temporary=True)
    breakpoint.condition = condition
    run('continue')


def stop_twice_at(location):
    """QEMU looks at breakpoints before it fetches. So the first stop is before the page fault that fills the shadow, the second behind
    it, at the same instruction."""
    stop_at(location)
    text = run('hv-walk $rip')
    check('%s: not fetched yet' % location, 'the guest means hpa' in text and 'hpa' not in page_line(text), text)
    stop_at(location)


def page_line(text):
    return next((line for line in text.splitlines() if line.startswith('page')), '')


def is_pair():
    """Does the guest's kernel run in ring 3, on a root of its own?"""
    return int(vcpus()[0]['cpu']['root_kind']) == ROOT_PAIR


def lab_checks(moment):
    for function in globals().get('LAB_CHECKS', {}).get(moment, []):
        function()


def check_walk(what, gva, gpa, mode):
    """The walk ends at gpa and, in one shadow root, at the same byte of the machine's memory."""
    text = run('hv-walk %#x' % gva)
    hpa = int(vcpus()[0]['vm']['ram_hpa']) + gpa
    root = mode + ' root' if is_pair() else 'root'
    page = page_line(text)
    check('%s: the guest tables end at gpa %#x' % (what, gpa), 'gpa %#x ' % gpa in page, text)
    check('%s: the guest means hpa %#x' % (what, hpa), 'the guest means hpa %#x\n' % hpa in text, text)
    check('%s: the shadow ends there' % what, page.count('hpa %#x ' % hpa) == 1, text)
    check('%s: no root differs' % what, 'differs' not in text, text)
    check('%s: the CPU runs on that root' % what, '%s %#x' % (root, number('$cr3') & ~0xfff) in text, text)
    gdb.execute('set trust-readonly-sections off')
    check('%s: the same bytes' % what, gdb.selected_inferior().read_memory(gva, 16).tobytes() == read_hva(HV_BASE + hpa, 16), text)
    gdb.execute('set trust-readonly-sections on')
    return text


ROOT_CELL = re.compile(r'([\d,]+) of [\d,]+ pages?|nothing yet|never')
UNITS = {'KiB': 1 << 10, 'MiB': 1 << 20, 'GiB': 1 << 30}


def drawn_rows(path):
    """What stands in the picture: the header's counts of filled pages, and by row (gva, bytes, text, count by root)."""
    run('hv-tables "%s"' % path)
    with open(path, encoding='utf-8') as file:
        texts = [' '.join(html.unescape(re.sub(r'<[^>]*>', ' ', line)).split()) for line in file]
    totals = next(re.findall(r'([\d,]+) pages? filled', text) for text in texts if re.search('filled for (virtual ring|all rings)', text))
    rows = []
    for text in texts:
        found = re.search(r'(0x[0-9a-f]+) \+ ([\d.]+) (\w+)', text)
        if found:
            counts = [cell.group(1) or '0' for cell in ROOT_CELL.finditer(text)]
            rows.append((int(found.group(1), 16), int(float(found.group(2)) * UNITS[found.group(3)]), text,
                         [int(count.replace(',', '')) for count in counts]))
    return [int(total.replace(',', '')) for total in totals], rows


def check_tables(what, of_interest):
    """Row by row the picture says what hv-walk says of each page. Of large pages only the one of interest is walked through."""
    with tempfile.TemporaryDirectory() as directory:
        totals, rows = drawn_rows(os.path.join(directory, 'tables.dot'))
        svg = os.path.join(directory, 'tables.svg')
        run('hv-tables "%s"' % svg)
        words = ' '.join(xml.etree.ElementTree.parse(svg).getroot().itertext())
    check('%s: rows' % what, 5 < len(rows) <= 32, words)
    check('%s: the monitor\'s slot' % what, ('the monitor\'s slot' in words) == is_pair(), words)
    check('%s: the roots add up' % what, totals == [sum(counts) for counts in zip(*(row[3] for row in rows))], '%s %s' % (totals, rows))
    compared = [0] * len(totals)
    for gva, size, text, counts in rows:
        check('%s: %#x is in the SVG' % (what, gva), '%#x' % gva in words, text)
        if size >= UNITS['MiB'] and gva != of_interest:
            continue
        pages = [page_line(run('hv-walk %#x' % page)) for page in range(gva, gva + size, 0x1000)]
        meant = re.match(r'page +(gpa \S+ \S+ \S+) ', pages[0]).group(1)
        gpa, rights = meant.split(' ', 2)[1:]
        check('%s: %#x means the same as by hv-walk' % (what, gva), 'gpa %s %s,' % (gpa, rights.replace('supervisor', 'kernel')) in text,
              '%s\n%s' % (text, pages[0]))
        walked = [sum(re.findall(r'nothing yet|hpa', page)[root] == 'hpa' for page in pages) for root in range(len(totals))]
        check('%s: %#x is filled as by hv-walk' % (what, gva), counts == walked, '%s\n%s' % (text, walked))
        compared = [a + b for a, b in zip(compared, walked)]
    return rows, compared


def at_start():
    for command in ('hv-vcpu', 'hv-walk 0x1000', 'hv-tables x.dot', 'hv-exits'):
        check('%s says that it is too early' % command, 'still booting' in refused(command))
    check('hv-walk wants an address', 'usage' in refused('hv-walk'))
    check('hv-walk knows no such symbol', 'No symbol "nosuch"' in refused('hv-walk nosuch'))
    check('hv-walk wants a canonical address', 'not canonical' in refused('hv-walk 0x8000000000000000'))


def in_hypervisor():
    stop_at('*sched_run')
    check('ring 0', number('$cs') & 3 == 0)
    text = run('hv-vcpu')
    check('the vcpu is about to start', 'vcpu 0: guest ' in text and '(runnable)' in text, text)
    entry = 'entry32' if int(vcpus()[0]['cpu']['starts_unpaged']) else 'entry64'
    check('RIP is the entry of the image', field(text, 'RIP') == guest_address(entry) - KERNEL_BASE, text)
    check('no exits yet', exits().get('all') == 0)
    check('no vcpu 7', 'there is no vcpu 7' in refused('hv-vcpu 7'))


def in_guest_kernel():
    main = guest_address('guest_main')
    stop_twice_at('*guest_main')
    check('ring 3 or 0, really', number('$cs') & 3 == (3 if is_pair() else 0))
    before = exits()
    text = run('hv-vcpu')
    check('it is running', '(running now)' in text, text)
    check('RIP', field(text, 'RIP') == main == number('$rip'), text)
    check('its function', re.search(r'RIP .* guest_main', text), text)
    check('the guest believes in CPL 0', field(text, 'CPL') == 0, text)
    check('CR3 is the guest\'s root', field(text, 'CR3') == guest_address('boot_pml4') - KERNEL_BASE, text)
    check('CR3 is not the machine\'s', field(text, 'CR3') != number('$cr3') & ~0xfff, text)
    check('RDI is the first argument', re.search(r'RDI %016x' % number('$rdi'), text), text)
    check('IF is off', (field(text, 'RFLAGS') or 0) & RFLAGS_IF == 0, text)
    check('paging and long mode', ' PG\n' in text and 'LMA' in text, text)
    check('CS is the kernel\'s', re.search(r'^  CS   0008  .* DPL 0  P L G$', text, re.M), text)
    check('GDTR', 'base %016x' % guest_address('gdt') in text, text)
    check_walk('guest_main', main, main - KERNEL_BASE, 'kernel')
    text = run('hv-walk %#x' % USER_CODE)
    check('an identity mapping of 2 MiB, not touched yet', 'gpa 0x400000 ' in text and 'nothing yet' in text, text)
    text = run('hv-walk 0x100000000000')
    check('nothing there', 'page fault' in text, text)
    _, compared = check_tables('guest_main', KERNEL_BASE)
    check('guest_main: the kernel\'s root is filled, one of user mode is not', compared[0] > 0 and not any(compared[1:]), str(compared))
    lab_checks('kernel')

    stop_at('*check_begin')
    after = exits()
    check('exits grow', after['all'] > before['all'] and all(after.get(k, 0) >= n for k, n in before.items()), '%s %s' % (before, after))
    check('console output is VMEXIT_IO', after.get('VMEXIT_IO', 0) > before.get('VMEXIT_IO', 0), str(after))


def in_guest_user():
    stop_twice_at('*%#x' % USER_CODE)
    text = run('hv-vcpu')
    check('user: RIP', field(text, 'RIP') == USER_CODE, text)
    check('user: CPL 3', field(text, 'CPL') == 3, text)
    check('user: CS', re.search(r'^  CS   002b  .* DPL 3  P L G$', text, re.M), text)
    # The guest's own variables are not mapped in the user root; the guest's RAM is, in the monitor's slot.
    page = read_u64(int(vcpus()[0]['vm']['ram']) + guest_address('user_code_pages') - KERNEL_BASE) - KERNEL_BASE
    text = check_walk('user code', USER_CODE, page, 'user')
    check('user: a user page', re.search(r'page .*gpa %#x user r-x' % page, text), text)
    rows, compared = check_tables('user code', None)
    code = next(row for row in rows if row[0] == USER_CODE)
    check('user code: one page of it is in the root of user mode', code[3] == ([0, 1] if is_pair() else [1]), code[2])
    check('user code: the picture shows it where hv-walk does', compared == ([0, 1] if is_pair() else [1]), str(compared))
    check('hv-tables wants a name that it can draw to', 'has to end in' in refused('hv-tables x.png'))
    check('hv-tables wants a directory', 'there is no /nosuch/x.dot here' in refused('hv-tables /nosuch/x.dot'))
    check('hv-tables: no vcpu 7', 'there is no vcpu 7' in refused('hv-tables x.dot 7'))
    before = exits()
    lab_checks('user')

    # Back in the monitor, with the guest's registers in the vcpu now.
    stop_at('*%#x' % int(hypervisor_symbol('intercept_handlers')[number('VMEXIT_PAGE_FAULT')]))
    check('monitor: ring 0', number('$cs') & 3 == 0)
    text = run('hv-vcpu')
    check('monitor: it works for the vcpu', 'the monitor works for it' in text, text)
    check('monitor: RIP', field(text, 'RIP') == number('vcpus[0]->rip'), text)
    text = run('hv-walk %#x' % USER_CODE)
    check('monitor: the walk works', 'the guest means hpa' in text, text)
    check('monitor: one exit more at least', exits()['all'] > before['all'])
    lab_checks('monitor')


session(at_start, in_hypervisor, in_guest_kernel, in_guest_user)
