/* SPDX-License-Identifier: MIT */
/* Included before every source of the hypervisor: all symbols are in this image, so none needs a global
 * offset table. */
#pragma GCC visibility push(hidden)
