# SPDX-License-Identifier: MIT
# The unit tests that run on the host. Every DIR/tests/test_NAME.c is one CUnit program, BUILD/unit/DIR/test_NAME (see
# lib/tests/unit.h for its main function); a directory in a lab's directory may have tests too. It is linked from
#   - itself and the other .c files of its directory that are no tests (fakes, shared helpers),
#   - archives, of which only what the test needs is taken: that of its own lab, then those of the other labs; or that of the
#     grader; and always that of common/,
#   - CUnit and what a line `// LIBS: -lNAME` in the test asks for.
# What the test defines itself wins over what an archive has of the same name (-z muldefs): that is how a test fakes something.
#
# The Makefile of a lab includes this; the top one runs it for the whole tree. UNIT_DIRS, from the top of the tree, may narrow the choice:
#   make unit-run UNIT_DIRS="common/x86 common/vmm"
# and UNIT_COMMON the parts of common/ that are compiled for it.
#
# Targets: unit (build all), unit-run (run all, show what failed).

ifndef ROOT
ROOT := .
include common/mk/config.mk
include common/mk/compile.mk
.DEFAULT_GOAL := unit
endif

UNIT_DIRS ?= $(patsubst $(ROOT)/%/tests,%,$(wildcard $(ROOT)/common/*/tests $(ROOT)/labs/*/tests $(ROOT)/labs/*/*/tests \
	$(ROOT)/grader/tests))
UNIT_COMMON ?= lib x86 vmm devices
UNIT_LABS := $(patsubst $(ROOT)/%,%,$(wildcard $(ROOT)/labs/*))

# The sources of each archive. common/boot and common/machine need the machine; lib/string.c would replace the host's own functions.
unit_sources_common := $(filter-out %/lib/string.c,$(foreach d,$(UNIT_COMMON),$(wildcard $(ROOT)/common/$(d)/*.c)))
unit_sources_grader := $(wildcard $(ROOT)/grader/*.c) $(addprefix $(ROOT)/grader/nested/,lz4.c config.c ports.c)
$(foreach l,$(UNIT_LABS),$(eval unit_sources_$(l) := $(wildcard $(addsuffix /*.c,$(call lab_dirs,$(ROOT)/$(l))))))
unit_sources = $(filter-out %_offsets.c,$(unit_sources_$(1)))
# Of a layer that came built (lab.mk) this is its archive.
unit_given   = $(call given,$(ROOT)/$(1),given-host.a)
unit_archive = $(or $(unit_given),$(if $(call unit_sources,$(1)),$(HOST_OBJ)/$(1)/libhost.a))
# The lab that a directory belongs to; empty: none.
unit_lab = $(foreach l,$(UNIT_LABS),$(if $(filter $(l) $(l)/%,$(1)),$(l)))
# The archives that the tests of a directory are linked with, in order.
unit_archives = $(foreach a,$(filter $(1),grader) $(call unit_lab,$(1)) \
	$(if $(call unit_lab,$(1)),$(filter-out $(call unit_lab,$(1)),$(UNIT_LABS))) common,$(call unit_archive,$(a)))

UNIT_PROGRAMS :=
UNIT_OBJECTS  :=

# $(call unit_archive_rule,PLACE)
define unit_archive_rule
UNIT_OBJECTS += $(call objects,$(HOST_OBJ),$(call unit_sources,$(1)))
$(call unit_archive,$(1)): $(call objects,$(HOST_OBJ),$(call unit_sources,$(1)))
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)ar qcsD $$@ $$^
endef
$(foreach a,common grader $(UNIT_LABS),$(if $(call unit_given,$(a)),,$(if $(call unit_archive,$(a)),$(eval $(call unit_archive_rule,$(a))))))

# $(call unit_program_rule,DIRECTORY,NAME,OTHER SOURCES OF THE SAME TESTS)
define unit_program_rule
UNIT_PROGRAMS += $(BUILD)/unit/$(1)/$(2)
UNIT_OBJECTS  += $(call objects,$(HOST_OBJ),$(ROOT)/$(1)/tests/$(2).c $(3))
$(BUILD)/unit/$(1)/$(2): $(call objects,$(HOST_OBJ),$(ROOT)/$(1)/tests/$(2).c $(3)) $(call unit_archives,$(1))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) -Wl,-z,muldefs $$(filter %.o,$$^) -Wl,--start-group $(call unit_archives,$(1)) -Wl,--end-group \
		-lcunit `sed -n 's|^// LIBS: *||p' $(ROOT)/$(1)/tests/$(2).c` -o $$@
endef
unit_helpers = $(filter-out $(ROOT)/$(1)/tests/test_%.c,$(wildcard $(ROOT)/$(1)/tests/*.c))
$(foreach d,$(UNIT_DIRS),$(foreach t,$(wildcard $(ROOT)/$(d)/tests/test_*.c), \
	$(eval $(call unit_program_rule,$(d),$(basename $(notdir $(t))),$(call unit_helpers,$(d))))))

.PHONY: unit unit-run
unit: $(UNIT_PROGRAMS)

unit-run: unit
	@sh $(ROOT)/common/mk/unit-run.sh $(BUILD) $(UNIT_PROGRAMS)

-include $(sort $(UNIT_OBJECTS:.o=.d))
