/* SPDX-License-Identifier: MIT */
/*
 * Puts a Multiboot guest into its memory and its first vcpu at the entry: the 32-bit one where the engine can
 * start there, otherwise the 64-bit one of abi/start_info.h. Source: Multiboot Specification 0.6.96, 3
 * "Specification".
 */
#ifndef VMM_LOADER_H
#define VMM_LOADER_H

#include "vmm/vm.h"

/* NULL, or a sentence that says what is wrong with the image. */
const char *guest_load(struct vm *vm, const struct vm_config *c);

/* The guest's function that holds gva; NULL when unknown. */
const char *guest_symbol(const struct vm *vm, gva_t gva, u64 *offset);

#endif
