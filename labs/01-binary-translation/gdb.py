# SPDX-License-Identifier: MIT
"""What the debugger's commands (common/gdb/hv.py) have to know of an engine that runs the guest in ring 3.

While the guest runs, a part of its state is in the CPU and nowhere else: the general registers, RIP, RFLAGS but IF and IOPL, the segment
registers. It is read from there, and put together as store() and ring3_fetch() of ring3.c do at the next exit."""

RFLAGS_TF = 0x100
# What ring3.c keeps from the CPU: IF, IOPL, VM, VIF, VIP.
RFLAGS_VIRTUAL = 0x200 | 0x3000 | 0x20000 | 0x80000 | 0x100000


class Ring3(Engine):
    def __init__(self, v):
        super().__init__(v)
        self.ring3 = v['cpu_private'].cast('ring3')

    def has_cpu(self):
        """TSS.RSP0 points behind the frame of the vcpu that is loaded; it never points to another one."""
        return int(hypervisor_symbol('machine_tss')['rsp'][0]) == self.v['frame_ss'].hva + 8

    def is_running(self):
        return register('cs') & SEL_RPL == 3

    @staticmethod
    def is_entry_code():
        """In the assembly between the guest and the monitor: the vcpu's RFLAGS are the CPU's own as yet."""
        place = gdb.find_pc_line(register('rip')).symtab
        return place is not None and place.filename.endswith(('/trap.S', '/ring3_entry.S'))

    def complete(self, state):
        if not state.loaded:
            return
        if state.running:
            state.registers_of_cpu()
            for name, real in (('CS', 'real_cs'), ('SS', 'real_ss')):
                self.reload(state, name, int(self.ring3[real]))
        if state.running or self.is_entry_code():
            kept = RFLAGS_VIRTUAL | (RFLAGS_TF if self.ring3['stepping'] else 0)
            state.rflags = state.rflags & ~kept | int(self.ring3['system_flags'])
        for name in ('ES', 'DS', 'FS', 'GS'):
            self.reload(state, name, int(self.ring3['real_sel'][SEGMENTS.index(name)]))
        for name in ('FS', 'GS'):
            state.seg[SEGMENTS.index(name)]['base'] = register(name.lower() + '_base')

    def reload(self, state, name, last):
        """The guest may load a segment register without a trap, from the copies of its descriptor tables."""
        selector = register(name.lower())
        if selector == last:
            return
        seg = segment_null(selector)
        if selector & ~SEL_RPL:
            table = int(self.ring3['ldt' if selector & SEL_TI else 'gdt'])
            seg = segment_from(selector, read_u64(table + (selector & SEL_INDEX)))
        state.seg[SEGMENTS.index(name)] = seg


ENGINES['trap'] = Ring3
