# SPDX-License-Identifier: MIT
# What the Makefile of a lab includes, after it has set
#   ROOT      the top of the tree
#   LAB       the lab's directory name, such as 01-binary-translation
#   PICTURES  targets of the lab's own that `make trace` draws too, each into HV_PICTURE=FILE.svg (default: none)
#   SESSIONS  NAME for a target debug-check-NAME of the lab's own that `make debug-check` runs too (default: none)
#   ENGINES   directories of the layers that this hypervisor is linked from, beside common/ (default: the lab itself). Of another lab
#             that is all but its main.c. Directories in a lab's directory belong to it (config.mk: lab_dirs).
#
# Targets: image (the hypervisor with its .asm and .sym files), guest (the guest kernel), unit and unit-run (the lab's unit tests),
# run (the hypervisor on QEMU with the guest kernel; HV_ARGS and GUEST_ARGS are their command lines, VM_ARGS such as ram=32M; STEP=NAME
# takes that micro-guest instead), debug and debug-check (the same under GDB, for a person and as a test), tables (a picture of the
# guest's page tables: HV_TABLES=FILE.svg, at the moment that AT and HIT name), clean; for student.sh given (the archives that stand for
# this lab in the workspaces of later ones) and layers (the labs among ENGINES). BASE=own links the student's own layers below.

include $(ROOT)/common/mk/config.mk
include $(ROOT)/common/mk/compile.mk
UNIT_DIRS ?= labs/$(LAB) $(patsubst $(ROOT)/%/tests,%,$(wildcard $(ROOT)/labs/$(LAB)/*/tests))
include $(ROOT)/common/mk/unit.mk

comma   := ,
ENGINES ?= $(ROOT)/labs/$(LAB)
ENGINES := $(abspath $(ENGINES))
LAYERS  := $(filter-out $(ROOT)/labs/$(LAB),$(ENGINES))
IMAGE   := $(BUILD)/labs/$(LAB)/hv

$(if $(filter-out own given source,$(BASE)),$(error BASE=$(BASE): a lab is built on BASE=own, or on what came with the tree))
# Layers that came built are linked as they are; of what is left there are sources.
GIVEN := $(foreach d,$(LAYERS),$(call given,$(d),given.a))
BUILT := $(filter-out $(patsubst %/,%,$(dir $(GIVEN))),$(ENGINES))
ifeq ($(BASE),own)
$(if $(filter $(BUILT),$(LAYERS)),,$(error BASE=own: there is no layer of your own here. `make student BASE=PATH` brings it))
$(if $(filter $(ROOT)/build,$(BUILD)),$(error BASE=own: give it a directory of its own, such as BUILD=build/own))
endif

COMMON_SRC := $(foreach d,boot lib x86 machine vmm devices,$(wildcard $(ROOT)/common/$(d)/*.c $(ROOT)/common/$(d)/*.S))
# The boot sector of the disk image is no part of the hypervisor; *_offsets.c are only compiled to headers.
COMMON_SRC := $(filter-out %/boot/disk.S %_offsets.c,$(COMMON_SRC))
BUILT_DIRS := $(foreach d,$(BUILT),$(call lab_dirs,$(d)))
LAB_SRC    := $(filter-out %_offsets.c $(LAYERS:%=%/main.c),$(foreach d,$(BUILT_DIRS),$(wildcard $(d)/*.c $(d)/*.S)))
OBJECTS    := $(call objects,$(HV_OBJ),$(COMMON_SRC) $(LAB_SRC))
OFFSETS    := $(patsubst $(ROOT)/%.c,$(HV_OBJ)/%.h,$(foreach d,$(ROOT)/common/machine $(ROOT)/common/vmm $(BUILT_DIRS),$(wildcard $(d)/*_offsets.c)))

.PHONY: image
image: $(IMAGE).elf $(IMAGE).bin $(IMAGE).asm $(IMAGE).sym
.DEFAULT_GOAL := image

# Assembly includes generated offsets, so they come first; which of them it includes its .d file says.
$(filter %.S.o,$(OBJECTS)): | $(OFFSETS)
$(filter %.S.o,$(OBJECTS)): HV_CFLAGS += $(addprefix -I,$(sort $(dir $(OFFSETS))))

$(eval $(call link_image,$(IMAGE).elf,$(OBJECTS) $(GIVEN),$(ROOT)/common/boot/hv.ld))

# The same objects give the same bytes (D). Debug information stays in those of the hypervisor, since the debugger's commands read it;
# the paths in it begin at the top of the tree. Those for the host's unit tests name where they were built, so theirs goes.
GIVEN_DIR := $(BUILD)/labs/$(LAB)
GIVEN_SRC := $(filter-out %/main.c %_offsets.c,$(foreach d,$(call lab_dirs,$(ROOT)/labs/$(LAB)),$(wildcard $(d)/*.c $(d)/*.S)))
$(GIVEN_DIR)/given.a: $(call objects,$(HV_OBJ),$(GIVEN_SRC))
$(GIVEN_DIR)/given-host.a: $(call objects,$(HOST_OBJ),$(filter %.c,$(GIVEN_SRC)))
$(GIVEN_DIR)/given.a $(GIVEN_DIR)/given-host.a:
	$(call say,AR,$@)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar qcsD $@ $^
	$(if $(filter %-host.a,$@),$(Q)strip -D --strip-debug $@)

.PHONY: given layers
given: $(GIVEN_DIR)/given.a $(GIVEN_DIR)/given-host.a
layers:
	@echo $(LAYERS:$(ROOT)/%=%)

.PHONY: guest run debug debug-check debug-check-saved tables pictures clean
guest:
	+$(Q)$(MAKE) --no-print-directory -C $(ROOT)/common/guest

GUEST := $(BUILD)/guest/$(if $(STEP),steps,guest)
WORDS  = $(if $(STEP),only=step/$(STEP) )$(GUEST_ARGS)
# In the module's string the guest's command line stands behind "--". A comma would begin the next module; two are one.
QEMU = qemu-system-x86_64 -accel tcg -icount shift=0,sleep=off \
	-rtc base=2024-01-01T00:00:00,clock=vm -seed 1 -cpu max,-rdrand,-rdseed,hypervisor=off -m 256 \
	-nodefaults -no-user-config -display none -no-reboot -monitor none \
	-device isa-debug-exit,iobase=0xf4,iosize=4 -kernel $(IMAGE).bin \
	-initrd "$(GUEST).elf guest $(VM_ARGS) -- $(subst $(comma),$(comma)$(comma),$(WORDS))" -append "$(HV_ARGS)"

# Exit code 1 is what the debug-exit device makes of a clean end, 3 of a guest that was ended; that is how step/hlt ends.
run: image guest
	$(Q)timeout --foreground -s KILL 600 $(QEMU) -serial stdio; test $$? -eq $(if $(filter hlt,$(STEP)),3,1)

DEBUG_FILES := $(IMAGE) $(GUEST) $(BUILD)/debug
# What the engines know beside common/gdb/hv.py, and what `make debug-check` shall ask of this lab beside common/gdb/check.py.
export HV_COMMANDS := $(foreach d,$(ENGINES),$(wildcard $(d)/gdb.py $(d)/*/gdb.py))
debug-check: export HV_CHECKS := $(wildcard $(abspath $(ROOT)/labs/$(LAB)/tests/debug_check.py))
# With MODEL it is Bochs, and what its memory held at a function of the hypervisor.
SAVED = HV_SAVED_CHECK='$(abspath $(ROOT)/labs/$(LAB)/tests/debug_saved.py)' sh $(ROOT)/common/gdb/saved.sh
SAVED_AT = $(BUILD)/tools/mkdisk $(ROOT)/common/boot/bochsrc.in $(or $(MODEL),corei7_skylake_x) '$(or $(AT),trace_print)' '$(or $(HIT),1)' \
	'$(WORDS)' '$(HV_ARGS)'
.PHONY: boot
boot:
	+$(Q)$(MAKE) --no-print-directory -C $(ROOT)/common/boot
debug: image guest $(if $(MODEL),boot)
	$(Q)$(if $(MODEL),$(SAVED) run $(DEBUG_FILES) $(SAVED_AT),sh $(ROOT)/common/gdb/debug.sh run $(DEBUG_FILES) $(QEMU))
debug-check-saved: image guest boot
	$(Q)$(SAVED) check $(DEBUG_FILES) $(SAVED_AT)
debug-check debug-check-saved: GUEST_ARGS := only=user/int
debug-check: image guest
	$(Q)sh $(ROOT)/common/gdb/debug.sh check $(DEBUG_FILES) $(QEMU)
	+$(Q)$(foreach s,$(SESSIONS),$(MAKE) --no-print-directory debug-check-$(s) &&) :
# By default the first test is over, and the guest's kernel has not yet taken away what it mapped.
tables: image guest
	$(Q)HV_AT='$(or $(AT),state_check)' HV_HIT='$(or $(HIT),1)' HV_TABLES='$(HV_TABLES)' HV_SESSION=$(ROOT)/common/gdb/tables.py \
		sh $(ROOT)/common/gdb/debug.sh picture $(DEBUG_FILES) $(QEMU)

pictures:
	@echo $(PICTURES)

clean:
	$(Q)rm -rf $(BUILD)/labs/$(LAB) $(HV_OBJ)

-include $(OBJECTS:.o=.d) $(addsuffix .d,$(OFFSETS))
