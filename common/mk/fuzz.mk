# SPDX-License-Identifier: MIT
# The fuzzers. Every DIR/tests/fuzz/NAME.c is one, a libFuzzer program with address sanitizer (clang); DIR/tests/fuzz/NAME/ holds its corpus: a
# few small inputs that are kept in the tree. It is linked from itself, the files that a line `// WITH: FILE...` names (from the top of the
# tree), the sources of its own lab, those of common/ (lib, x86, vmm, devices) and the libraries of a line `// LIBS: -lNAME`.
#
# Targets: fuzz-NAME (SECONDS=60) fuzzes; fuzz-corpora runs each fuzzer over its corpus alone. What is found lies in BUILD/fuzz/NAME: the
# file crash-... is the input, and the program run with it as its argument shows the failure again. New inputs are in BUILD/fuzz/NAME/corpus.

ROOT := .
include common/mk/config.mk
override CC := clang
include common/mk/compile.mk

FUZZ_DIR    := $(BUILD)/fuzz
FUZZ_OBJ    := $(FUZZ_DIR)/obj
FUZZ_CFLAGS := $(HOST_CFLAGS) -fsanitize=address,fuzzer-no-link -fno-omit-frame-pointer '-DFUZZ_TOP="$(ROOT)"'
$(eval $(call compile_rules,$(FUZZ_OBJ),FUZZ_CFLAGS))

SECONDS ?= 60
FUZZERS := $(wildcard $(ROOT)/common/*/tests/fuzz/*.c $(ROOT)/labs/*/tests/fuzz/*.c $(ROOT)/labs/*/*/tests/fuzz/*.c)
NAMES   := $(basename $(notdir $(FUZZERS)))

# lib/string.c would replace the host's own functions.
fuzz_common := $(filter-out %/lib/string.c,$(foreach d,lib x86 vmm devices,$(wildcard $(ROOT)/common/$(d)/*.c)))
# $(call fuzz_place,FUZZER): the lab that it belongs to, or common
fuzz_place    = $(if $(filter $(ROOT)/labs/%,$(1)),$(firstword $(subst /, ,$(patsubst $(ROOT)/labs/%,%,$(1)))),common)
fuzz_line     = $(shell sed -n 's|^// $(2): *||p' $(1))
fuzz_sources  = $(1) $(addprefix $(ROOT)/,$(call fuzz_line,$(1),WITH))
fuzz_archives = $(sort $(FUZZ_DIR)/lib$(call fuzz_place,$(1)).a $(FUZZ_DIR)/libcommon.a)

FUZZ_OBJECTS :=

# $(call fuzz_archive,ARCHIVE,SOURCES): of it only what a fuzzer needs is taken.
define fuzz_archive
FUZZ_OBJECTS += $(call objects,$(FUZZ_OBJ),$(2))
$(1): $(call objects,$(FUZZ_OBJ),$(2))
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)ar qcsD $$@ $$^
endef
$(eval $(call fuzz_archive,$(FUZZ_DIR)/libcommon.a,$(fuzz_common)))
fuzz_labs = $(sort $(foreach f,$(FUZZERS),$(filter-out common,$(call fuzz_place,$(f)))))
$(foreach l,$(fuzz_labs),$(eval $(call fuzz_archive,$(FUZZ_DIR)/lib$(l).a,$(filter-out %_offsets.c,$(wildcard \
	$(addsuffix /*.c,$(call lab_dirs,$(ROOT)/labs/$(l))))))))

# $(call fuzz_rules,NAME,FUZZER). As in a unit test, what the fuzzer defines itself wins.
define fuzz_rules
FUZZ_OBJECTS += $(call objects,$(FUZZ_OBJ),$(call fuzz_sources,$(2)))
$(FUZZ_DIR)/$(1)/$(1): $(call objects,$(FUZZ_OBJ),$(call fuzz_sources,$(2))) $(call fuzz_archives,$(2))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)/corpus
	$(Q)$(CC) -fsanitize=fuzzer,address -Wl,-z,muldefs $$(filter %.o,$$^) -Wl,--start-group $(call fuzz_archives,$(2)) \
		-Wl,--end-group $(call fuzz_line,$(2),LIBS) -o $$@

.PHONY: fuzz-$(1) corpus-$(1)
fuzz-$(1): $(FUZZ_DIR)/$(1)/$(1)
	$(Q)$$< -max_total_time=$(SECONDS) -timeout=60 -max_len=$(or $(call fuzz_line,$(2),LENGTH),4096) -print_final_stats=1 \
		-artifact_prefix=$(FUZZ_DIR)/$(1)/ $(FUZZ_DIR)/$(1)/corpus $(basename $(2))

corpus-$(1): $(FUZZ_DIR)/$(1)/$(1)
	$(Q)$$< -runs=0 $(basename $(2)) 2>$(FUZZ_DIR)/$(1)/log || { cat $(FUZZ_DIR)/$(1)/log; exit 1; }
	@printf '  %-7s %s: %s inputs\n' ok $(1) $(words $(wildcard $(basename $(2))/*))
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_rules,$(basename $(notdir $(f))),$(f))))

.PHONY: fuzz-corpora
fuzz-corpora: $(addprefix corpus-,$(NAMES))
.DEFAULT_GOAL := fuzz-corpora

-include $(sort $(FUZZ_OBJECTS:.o=.d))
