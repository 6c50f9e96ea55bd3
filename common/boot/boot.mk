# SPDX-License-Identifier: MIT
# The boot disk: its loader, and the tool of the host that writes the image. To be included after mk/config.mk and mk/compile.mk.
#
#   $(MKDISK) OUT.img KERNEL.bin "arguments" [MODULE "module string"]...

DISK_LOADER := $(BUILD)/boot/disk.bin
MKDISK      := $(BUILD)/tools/mkdisk

.PHONY: boot-tools
boot-tools: $(DISK_LOADER) $(MKDISK)

$(BUILD)/boot/disk.o: $(ROOT)/common/boot/disk.S
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -m32 $(INCLUDES) -MMD -MP -c $< -o $@

# 0x7c00 is where the BIOS puts a boot sector.
$(DISK_LOADER): $(BUILD)/boot/disk.o
	$(call say,LD,$@)
	$(Q)ld -m elf_i386 -Ttext 0x7c00 -e disk_start --oformat binary $< -o $@

# The tool carries the loader in itself.
MKDISK_LOADER  := $(HOST_OBJ)/common/boot/host/loader.S.o
MKDISK_OBJECTS := $(call objects,$(HOST_OBJ),$(wildcard $(ROOT)/common/boot/host/*.c)) $(MKDISK_LOADER)
$(MKDISK_LOADER): $(DISK_LOADER)
$(MKDISK_LOADER): HOST_CFLAGS += -DDISK_LOADER='"$(DISK_LOADER)"'

$(MKDISK): $(MKDISK_OBJECTS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $^ -o $@

-include $(BUILD)/boot/disk.d $(MKDISK_OBJECTS:.o=.d)
