# SPDX-License-Identifier: MIT
# The top of the tree: it only says what belongs together and in which order. Each step is a make of its own, one after the other,
# since several share outputs (the guest kernel, the objects of common/); inside a step the work runs on all cores.
#
#   V=1          show the commands
#   CC=clang     the other compiler (use another BUILD directory too)
#   BUILD=DIR    instead of build/
#   -jN          N jobs instead of one a core

ROOT := .
include common/mk/config.mk

# LAB means a number here and a directory in the Makefile of a lab: it must not go through.
MAKEOVERRIDES := $(filter-out LAB=%,$(MAKEOVERRIDES))

.NOTPARALLEL:
.DEFAULT_GOAL := help

QUIET := --no-print-directory $(if $(filter 1,$(V)),,-s)
JOBS  = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
# $(call sub,DIRECTORY,TARGET): a make there, if there is a Makefile.
sub   = $(if $(wildcard $(1)/Makefile),+$(Q)$(MAKE) $(QUIET) $(JOBS) -C $(1) $(2))
LABS := $(patsubst labs/%/Makefile,%,$(wildcard labs/*/Makefile))

# What a person may ask for. A line of help stands behind two hash signs.
.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z_.-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  Variables: LAB=01 PLATFORM=kvm|tcg|bochs|nested:amd|nested:intel|auto SEED=... for grade; V=1 CC=clang BUILD=DIR -jN for all.'

STAMP := $(BUILD)/setup.stamp
.PHONY: setup
setup: $(STAMP) ## install the Debian packages that are missing (common/mk/packages)
$(STAMP): common/mk/packages common/mk/setup.sh $(wildcard /var/lib/dpkg/status)
	@sh common/mk/setup.sh common/mk/packages
	@mkdir -p $(@D)
	@touch $@

.PHONY: all
all: guest boot labs grader ## build everything: guest kernel, boot disk tools, hypervisors of the labs, grader

.PHONY: guest
guest: $(STAMP) ## build the common guest test kernel
	$(call sub,common/guest)

.PHONY: boot
boot: $(STAMP) ## build what makes boot disks for Bochs
	$(call sub,common/boot)

.PHONY: labs
labs: guest boot $(addprefix lab-,$(LABS)) ## build the hypervisor of each lab
.PHONY: $(addprefix lab-,$(LABS))
$(addprefix lab-,$(LABS)): lab-%: $(STAMP)
	$(call sub,labs/$*,image)

# The directory of the lab that LAB names by its number; an error when it names none.
lab_directory = $(or $(if $(LAB),$(patsubst %/Makefile,%,$(wildcard labs/$(LAB)-*/Makefile))),\
	$(error LAB=$(LAB) is no lab. There are: $(foreach l,$(LABS),LAB=$(firstword $(subst -, ,$(l))))))

.PHONY: run
run: guest ## boot the hypervisor of a lab on QEMU with the guest test kernel, or a micro-guest: LAB=01 STEP=out GUEST_ARGS="only=cpu/" HV_ARGS="..." VM_ARGS="ram=32M"
	$(call sub,$(lab_directory),run)

.PHONY: debug debug-check
debug: guest ## the same, stopped, with GDB attached and commands of ours: hv-vcpu, hv-walk, hv-exits; MODEL=... AT=FUNCTION: what Bochs's memory holds there
	$(call sub,$(lab_directory),debug)
debug-check: guest ## try these commands in a scripted session: LAB=01
	$(call sub,$(lab_directory),debug-check)

.PHONY: grader
grader: $(STAMP) ## build the autograder
	$(call sub,grader)

.PHONY: nested check-nested
nested: $(STAMP) ## build what runs KVM in an emulated machine; fetches Debian's kernel once
	$(call sub,grader/nested)
check-nested: all nested unit ## grade labs under KVM on machines without VT-x: LAB=01 VENDOR=amd|intel
	@sh grader/nested/check.sh $(BUILD) '$(LAB)' '$(or $(VENDOR),amd intel)'

.PHONY: check-decoder
check-decoder: $(STAMP) ## the instruction decoder against two others, over real code and 10 million random byte strings: QUICK=1 for a part, CODE="ELF FILES"
	$(if $(QUICK),,@$(MAKE) $(QUIET) nested >/dev/null 2>&1 || echo 'There is no Linux kernel here, it is left out: make nested says why.')
	$(call sub,common/x86/tests/oracle,$(if $(QUICK),check-quick,check))

.PHONY: fuzz-corpora fuzz-decoder fuzz-translator fuzz-programs
fuzz-corpora: $(STAMP) ## run every fuzzer over its corpus (common/mk/fuzz.mk)
	+$(Q)$(MAKE) $(QUIET) $(JOBS) -f common/mk/fuzz.mk fuzz-corpora
fuzz-decoder: $(STAMP) ## fuzz the instruction decoder: SECONDS=600
	+$(Q)$(MAKE) $(QUIET) $(JOBS) -f common/mk/fuzz.mk $@ $(if $(SECONDS),SECONDS=$(SECONDS))
fuzz-translator: $(STAMP) ## fuzz the binary translator with any bytes as code: SECONDS=600
	+$(Q)$(MAKE) $(QUIET) $(JOBS) -f common/mk/fuzz.mk $@ $(if $(SECONDS),SECONDS=$(SECONDS))
fuzz-programs: $(STAMP) ## fuzz the binary translator with programs, run beside their translations: SECONDS=600
	+$(Q)$(MAKE) $(QUIET) $(JOBS) -f common/mk/fuzz.mk $@ $(if $(SECONDS),SECONDS=$(SECONDS))

.PHONY: unit
unit: $(STAMP) ## build the unit tests; UNIT_DIRS="common/x86 ..." for some of them
	+$(Q)$(MAKE) $(QUIET) $(JOBS) -f common/mk/unit.mk unit

.PHONY: unit-run
unit-run: $(STAMP) ## run the unit tests, UNIT_DIRS as above
	+$(Q)$(MAKE) $(QUIET) $(JOBS) -f common/mk/unit.mk unit-run

.PHONY: test
test: $(STAMP) ## run every test and check; the last line counts what passed and failed
	+$(Q)MAKE='$(MAKE)' sh common/mk/test.sh

.PHONY: check-clang
check-clang: $(STAMP) ## build everything with clang, beside the gcc build
	+$(Q)$(MAKE) $(QUIET) $(JOBS) CC=clang BUILD=$(BUILD)/clang all unit
	+$(Q)$(MAKE) $(QUIET) $(JOBS) -C grader/nested CC=clang BUILD=$(BUILD)/clang programs

.PHONY: check-headers
check-headers: $(STAMP) ## compile each header alone and all in two orders, with gcc and clang
	@HV_CFLAGS='$(HV_CFLAGS)' GUEST_CFLAGS='$(GUEST_CFLAGS)' HOST_CFLAGS='$(HOST_CFLAGS)' \
		sh common/mk/headers.sh $(ROOT) gcc clang

.PHONY: check-grader
check-grader: grader boot unit ## try the grader on hypervisors that lie, hang, flood or crash
	$(call sub,grader,e2e)

.PHONY: check-student
check-student: $(STAMP) ## grade a student's workspace, empty and with one exercise after the other solved: LAB=03, or all; TRACK=svm EX=3.5
	+@MAKE='$(MAKE)' LAB='$(LAB)' TRACK='$(TRACK)' EX='$(EX)' UNGRADED='$(UNGRADED)' sh common/mk/check-student.sh

.PHONY: docs
docs: $(STAMP) ## build the book as HTML, with search: build/docs/index.html
	+$(Q)$(MAKE) $(QUIET) -f common/mk/docs.mk docs

.PHONY: check-docs
check-docs: $(STAMP) ## look for dead links in the text, and for commands, files and tests that do not exist
	@python3 common/mk/check-docs.py .
	@python3 common/mk/check-docs.py . common/mk/check-docs.md common/mk/check-docs.yaml | grep -qx '2 pages, 22 problems'

CLANG_FORMAT ?= clang-format-14
.PHONY: check-format
check-format: $(STAMP) ## look for C code that the formatter would change
	@bad=$$(find common labs grader -name '*.[ch]' | sort | while read -r file; do \
		$(CLANG_FORMAT) "$$file" | cmp -s - "$$file" || echo "$$file"; \
	done); \
	if [ -n "$$bad" ]; then \
		echo 'make format would change:'; echo "$$bad"; exit 1; \
	fi

.PHONY: format
format: $(STAMP) ## format all C code in place
	$(Q)find common labs grader -name '*.[ch]' | sort | xargs $(CLANG_FORMAT) -i

.PHONY: check-rebuild
check-rebuild: all unit ## build twice: the second time nothing may be built
	@touch $(BUILD)/rebuild.stamp
	+@$(MAKE) $(QUIET) all unit
	@changed=$$(find $(BUILD) -path $(BUILD)/test -prune -o -newer $(BUILD)/rebuild.stamp -type f -print); \
	if [ -n "$$changed" ]; then \
		echo "an unchanged tree rebuilt:"; echo "$$changed"; exit 1; \
	fi

.PHONY: FORCE
compile_commands.json: $(STAMP) FORCE ## list the compiler's calls for editors and clangd
	@$(MAKE) -n -B --no-print-directory V=1 all unit | awk -v top=$(ROOT) -f common/mk/compile_commands.awk > $@.new
	@grep -q '"file"' $@.new
	@mv $@.new $@

# The grader builds what it needs by itself; it is no part of this make.
ALONE := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL
GRADE_OPTIONS = --build $(BUILD) $(if $(LAB),--lab '$(LAB)') $(if $(TRACK),--track '$(TRACK)') $(if $(PART),--part '$(PART)') \
	$(if $(PLATFORM),--platform '$(PLATFORM)') $(if $(TEST),--test '$(subst ','\'',$(TEST))') $(if $(EX),--exercise '$(EX)') $(if $(SEED),--seed '$(SEED)') \
	$(if $(STRICT),--strict) $(if $(REPRODUCIBLE),--reproducible)
.PHONY: grade
grade: grader $(if $(filter nested%,$(PLATFORM)),nested) ## build, boot and grade the labs: LAB=01 TRACK=... PART=A PLATFORM=... SEED=... TEST=... EX=1.2 STRICT=1
	@$(ALONE) $(BUILD)/grader/grade $(GRADE_OPTIONS)

.PHONY: check-platforms
check-platforms: grader ## grade a lab strictly on each platform and model that its rubric names: LAB=03 TRACK=... SEED=...
	$(if $(lab_directory),@$(ALONE) BUILD='$(BUILD)' TRACK='$(TRACK)' SEED='$(SEED)' python3 common/mk/check-platforms.py '$(LAB)')

.PHONY: doctor
doctor: grader ## say what this computer can run the labs on, and what to do about problems
	@$(ALONE) $(BUILD)/grader/grade --doctor

.PHONY: student
student: $(STAMP) ## write a student's workspace of a lab into an empty directory: LAB=01 DIR=../my-lab-01 BASE=given|source|PATH TRACK=...
	@MAKE='$(MAKE)' sh common/mk/student.sh '$(LAB)' '$(DIR)' '$(BASE)' '$(TRACK)'

# In a workspace.
.PHONY: hint unblock submit take
hint: $(STAMP) ## a hint to an exercise: EX=1.2 STEP=1 (the concept), 2 (the place), 3 (nearly the answer)
	@TRACK='$(TRACK)' python3 common/mk/course.py hint '$(EX)' '$(or $(STEP),1)'
unblock: $(STAMP) ## the reference in place of an exercise, which then scores 0: EX=1.2 FROM=TREE
	@TRACK='$(TRACK)' python3 common/mk/course.py unblock '$(EX)' '$(FROM)'
submit: $(STAMP) ## pack what is handed in of a lab: build/submit/lab-01.tar.gz
	@python3 common/mk/course.py submit '$(LAB)'
take: $(STAMP) ## for instructors: what was handed in, into a fresh workspace: FILE=lab-01.tar.gz
	@python3 common/mk/course.py take '$(FILE)'

.PHONY: bench
bench: grader $(if $(filter nested%,$(PLATFORM)),nested) ## measure what an operation costs under each engine: table, bench.json, bench.svg; LAB=01 PLATFORM=tcg|bochs|nested:intel
	@$(ALONE) $(BUILD)/grader/grade --bench $(GRADE_OPTIONS) --output $(BUILD)/bench.json
	@gnuplot -e "data='$(BUILD)/bench.dat'; image='$(BUILD)/bench.svg'" grader/bench.gnuplot
	@echo; ls $(BUILD)/bench.json $(BUILD)/bench.svg

TRACE := $(BUILD)/trace
.PHONY: trace check-trace
trace: guest ## draw a run: its last exits and what each cost, page tables and shadow, translation cache: LAB=01 TEST=user/ EXITS=200 AT=FUNCTION HIT=1 FUNCTION=NAME
	@$(ALONE) MAKE='$(MAKE)' BUILD='$(BUILD)' TEST='$(TEST)' EXITS='$(EXITS)' AT='$(AT)' HIT='$(HIT)' \
		FUNCTION='$(FUNCTION)' sh common/mk/trace.sh '$(LAB)' '$(lab_directory)' '$(TRACE)'
check-trace: trace ## hold these pictures against the run that they show: LAB=01
	@$(ALONE) MAKE='$(MAKE)' BUILD='$(BUILD)' python3 common/mk/check-trace.py '$(LAB)' '$(lab_directory)' '$(TRACE)'

.PHONY: native
native: guest ## run the guest test kernel on the bare machine (QEMU); ARGS="only=cpu/" for some of it
	$(call sub,common/guest,run)

.PHONY: clean
clean: ## remove everything that was built
	rm -rf $(BUILD) compile_commands.json
