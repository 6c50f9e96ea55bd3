# SPDX-License-Identifier: MIT
# What the Makefile of a lab includes, after it has set
#   ROOT      the top of the tree
#   LAB       the lab's directory name, such as 01-binary-translation
#   ENGINES   directories of the layers that this hypervisor is linked from, beside common/ (default: the lab itself)
#
# Targets: image (the hypervisor, the guest kernel, their .asm and .sym files), unit (the lab's unit tests), run, clean.

include $(ROOT)/common/mk/config.mk
include $(ROOT)/common/mk/compile.mk
UNIT_DIRS ?= labs/$(LAB)
include $(ROOT)/common/mk/unit.mk

ENGINES ?= $(ROOT)/labs/$(LAB)
IMAGE   := $(BUILD)/labs/$(LAB)/hv

COMMON_SRC := $(foreach d,boot lib x86 machine vmm devices,$(wildcard $(ROOT)/common/$(d)/*.c $(ROOT)/common/$(d)/*.S))
# The boot sector of the disk image is no part of the hypervisor; *_offsets.c are only compiled to headers.
COMMON_SRC := $(filter-out %/boot/disk.S %_offsets.c,$(COMMON_SRC))
LAB_SRC    := $(filter-out %_offsets.c,$(foreach d,$(ENGINES),$(wildcard $(d)/*.c $(d)/*.S)))
OBJECTS    := $(call objects,$(HV_OBJ),$(COMMON_SRC) $(LAB_SRC))
OFFSETS    := $(patsubst $(ROOT)/%.c,$(HV_OBJ)/%.h,$(foreach d,$(ROOT)/common/machine $(ROOT)/common/vmm $(ENGINES),$(wildcard $(d)/*_offsets.c)))

.PHONY: image
image: $(IMAGE).elf $(IMAGE).bin $(IMAGE).asm $(IMAGE).sym
.DEFAULT_GOAL := image

# Assembly includes generated offsets, so they come first.
$(filter %.S.o,$(OBJECTS)): $(OFFSETS)
$(filter %.S.o,$(OBJECTS)): HV_CFLAGS += $(addprefix -I,$(sort $(dir $(OFFSETS))))

$(eval $(call link_image,$(IMAGE).elf,$(OBJECTS),$(ROOT)/common/boot/hv.ld))

-include $(OBJECTS:.o=.d) $(addsuffix .d,$(OFFSETS))
