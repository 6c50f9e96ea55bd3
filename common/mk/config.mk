# SPDX-License-Identifier: MIT
# What every Makefile of the tree includes first. ROOT is the top of the tree, seen from the including Makefile.
#
#   make V=1          show the commands
#   make CC=clang     build with clang (give it a BUILD directory of its own)
#   make BUILD=DIR    put everything that is built into DIR instead of build/

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

ROOT  := $(abspath $(ROOT))
BUILD ?= $(ROOT)/build
override BUILD := $(abspath $(BUILD))
# Sub-makes get the absolute path from the environment, not what stood on the command line.
MAKEOVERRIDES := $(filter-out BUILD=%,$(MAKEOVERRIDES))
export BUILD

ifeq ($(origin CC),default)
CC := gcc
endif
export CC

Q := $(if $(filter 1,$(V)),,@)
# $(call say,CC,file): one short line for a command that is not shown itself
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$(2))')

WARNINGS := -std=gnu17 -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wno-missing-field-initializers -Werror
INCLUDES := -I$(ROOT)/common -I$(ROOT)

# The images: no FPU (the guest's state stays in the registers), no red zone (exceptions use the stack), frame pointers for backtraces.
FREESTANDING := $(WARNINGS) $(INCLUDES) -O2 -g -ffreestanding -fno-stack-protector -fno-omit-frame-pointer \
	-mno-red-zone -mgeneral-regs-only -fcf-protection=none -fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-ffile-prefix-map=$(ROOT)/=
# The hypervisor runs in PML4 slot 256, too far from 0 for absolute 32-bit addresses: position-independent code, linked at a fixed place.
HV_CFLAGS    := $(FREESTANDING) -fpie -fvisibility=hidden -include $(ROOT)/common/mk/hidden.h
# The guest kernel runs in the highest 2 GiB.
GUEST_CFLAGS := $(FREESTANDING) -fno-pic -mcmodel=kernel
HOST_CFLAGS  := $(WARNINGS) $(INCLUDES) -O1 -g -fno-strict-aliasing -D_GNU_SOURCE -isystem /usr/include/libxml2

# $(call given,DIRECTORY,NAME): the archive of a lab's directory that came built, when it is to be linked: in a workspace (student.sh)
# that of each layer below. BASE=own takes what the student has written there instead.
given = $(if $(and $(filter own,$(BASE)),$(wildcard $(1)/*.c)),,$(wildcard $(1)/$(2)))

# $(call lab_dirs,DIRECTORY): where a lab has its sources: in its directory, and in those of that (svm/), but for tests.
lab_dirs = $(1) $(filter-out %/tests,$(patsubst %/,%,$(sort $(dir $(wildcard $(1)/*/*.[chS])))))

# Object files mirror the source tree below one directory a kind of object.
HV_OBJ    := $(BUILD)/hv
GUEST_OBJ := $(BUILD)/guest
HOST_OBJ  := $(BUILD)/host
objects    = $(patsubst $(ROOT)/%,$(1)/%.o,$(2))
