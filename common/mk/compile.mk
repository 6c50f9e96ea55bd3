# SPDX-License-Identifier: MIT
# Pattern rules: a source anywhere in the tree to an object of one of the three kinds.

# $(call compile_rules,OBJECT DIRECTORY,NAME OF THE FLAGS): the flags are expanded in the recipe, so that a target can add its own.
# The assembler knows no -Werror; --fatal-warnings is its name for it.
define compile_rules
$(1)/%.c.o: $(ROOT)/%.c
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $$($(2)) -Wa,--fatal-warnings -MMD -MP -c $$< -o $$@

$(1)/%.S.o: $(ROOT)/%.S
	$$(call say,AS,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $$($(2)) -Wa,--fatal-warnings -MMD -MP -c $$< -o $$@
endef

$(eval $(call compile_rules,$(HV_OBJ),HV_CFLAGS))
$(eval $(call compile_rules,$(GUEST_OBJ),GUEST_CFLAGS))
$(eval $(call compile_rules,$(HOST_OBJ),HOST_CFLAGS))

# Offsets for assembly are generated, never typed: X_offsets.c says OFFSET(NAME, value); X_offsets.h has #define NAME value.
$(HV_OBJ)/%_offsets.h: $(ROOT)/%_offsets.c
	$(call say,OFFSETS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -g,$(HV_CFLAGS)) -MMD -MP -MT $@ -MF $@.d -S $< -o $@.s
	$(Q)sed -n 's/^.*->\([A-Z0-9_]*\) [$$#]*\(-\{0,1\}[0-9]*\).*$$/#define \1 \2/p' $@.s > $@

# Beside every image: a listing with sources, and the symbols.
%.asm: %.elf
	$(call say,ASM,$@)
	$(Q)objdump -dSw --no-show-raw-insn $< > $@
%.sym: %.elf
	$(Q)nm -n $< > $@
# The flat Multiboot image that QEMU's -kernel and our boot disk load (a 64-bit ELF file is refused by QEMU).
%.bin: %.elf
	$(call say,BIN,$@)
	$(Q)objcopy -O binary $< $@

# Link in two passes: the second holds the symbol table of the first, for backtraces. The table stands last, so nothing moves.
# --no-relax: in an image that is not PIE, ld turns a load from the GOT into a 32-bit absolute address, which slot 256 is too far for.
# $(call link_image,OUTPUT,OBJECTS,LINKER SCRIPT)
define link_image
$(1): $(2) $(3) $(ROOT)/common/mk/symbols.awk
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$(Q)ld -nostdlib -static --no-dynamic-linker --no-relax -z noexecstack -z max-page-size=0x1000 --no-warn-rwx-segments -T $(3) --start-group $(2) --end-group -o $(1).pass1
	$(Q)nm -n $(1).pass1 | awk -f $(ROOT)/common/mk/symbols.awk > $(1).symbols.S
	$(Q)$(CC) -c $(1).symbols.S -o $(1).symbols.o
	$(Q)ld -nostdlib -static --no-dynamic-linker --no-relax -z noexecstack -z max-page-size=0x1000 --no-warn-rwx-segments -T $(3) --start-group $(2) --end-group $(1).symbols.o -o $$@
	$(Q)rm -f $(1).pass1
endef
