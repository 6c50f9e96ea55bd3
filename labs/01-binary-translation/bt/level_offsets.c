// SPDX-License-Identifier: MIT
/* Offsets for level.S, generated (common/mk/compile.mk). */
#include "labs/01-binary-translation/bt/level.h"
#include "abi/start_info.h"
#include "lib/offsets.h"

void level_offsets(void);

void level_offsets(void)
{
	OFFSET(RING3_USER, offsetof(struct ring3, user));
	OFFSET(RING3_UNDISTURBED, offsetof(struct ring3, undisturbed));
	OFFSET(RING3_SWITCHED, offsetof(struct ring3, switched));
	OFFSET(RING3_SYSTEM_FLAGS, offsetof(struct ring3, system_flags));
	OFFSET(SWITCH_RING3, offsetof(struct ring3_switch, ring3));
	OFFSET(SWITCH_COUNTERS, offsetof(struct ring3_switch, counters));
	OFFSET(SWITCH_KERNEL, offsetof(struct ring3_switch, level[0]));
	OFFSET(SWITCH_USER, offsetof(struct ring3_switch, level[1]));
	OFFSET(LEVEL_ROOT, offsetof(struct ring3_level, root));
	OFFSET(LEVEL_CS, offsetof(struct ring3_level, real_cs));
	OFFSET(LEVEL_SS, offsetof(struct ring3_level, real_ss));
	OFFSET(LEVEL_GDT, offsetof(struct ring3_level, gdt));
	OFFSET(LEVEL_STATE, offsetof(struct bt_level, state));
	OFFSET(LEVEL_GENERATION, offsetof(struct bt_level, generation));
	OFFSET(LEVEL_UP_GENERATION, offsetof(struct bt_level, up_generation));
	OFFSET(LEVEL_DOWN_GENERATION, offsetof(struct bt_level, down_generation));
	OFFSET(LEVEL_ENTRY, offsetof(struct bt_level, entry));
	OFFSET(LEVEL_SYSRET, offsetof(struct bt_level, sysret));
	OFFSET(LEVEL_KEPT_FLAGS, offsetof(struct bt_level, kept_flags));
	OFFSET(LEVEL_SEL_CS, offsetof(struct bt_level, sel_cs));
	OFFSET(LEVEL_SEL_SS, offsetof(struct bt_level, sel_ss));
	OFFSET(STATE_VIF, offsetof(struct bt_state, vif));
	OFFSET(STATE_SEL_CS, offsetof(struct bt_state, sel[SEG_CS]));
	OFFSET(STATE_SEL_SS, offsetof(struct bt_state, sel[SEG_SS]));
	OFFSET(COUNTERS_EXITS, offsetof(struct start_counters, exits));
	OFFSET(COUNTERS_ROOT_SWITCHES, offsetof(struct start_counters, root_switches));
	OFFSET(VCPU_FRAME_ERROR, offsetof(struct vcpu, frame_error));
	OFFSET(VCPU_EXITS_NONE, offsetof(struct vcpu, exits[VMEXIT_NONE]));
}
