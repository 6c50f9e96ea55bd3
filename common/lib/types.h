/* SPDX-License-Identifier: MIT */
/*
 * Fixed-width integers, and one name for each kind of address.
 *
 *   gva_t  guest virtual      what a guest instruction names
 *   gpa_t  guest physical     what the guest's page tables give
 *   hpa_t  hypervisor (host) physical   what the real bus sees
 *   hva    hypervisor virtual is a plain C pointer (void *)
 */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef u64 gva_t;
typedef u64 gpa_t;
typedef u64 hpa_t;

#define ARRAY_SIZE(a)                 (sizeof(a) / sizeof((a)[0]))
#define BIT(n)                        (1ULL << (n))
#define ALIGN_DOWN(x, a)              ((x) & ~((u64)(a)-1))
#define ALIGN_UP(x, a)                ALIGN_DOWN((x) + (a)-1, a)
#define MIN(a, b)                     ((a) < (b) ? (a) : (b))
#define MAX(a, b)                     ((a) > (b) ? (a) : (b))
#define PRINTF(f, a)                  __attribute__((format(printf, f, a)))
#define MUST_USE                      __attribute__((warn_unused_result))
#define NORETURN                      __attribute__((noreturn))
#define NOINLINE                      __attribute__((noinline)) /* called so that its caller needs few registers */
#define INLINE_ALWAYS                 inline __attribute__((always_inline)) /* a copy in each caller that is fast */
#define COLD                          __attribute__((noinline, cold)) /* a path apart, so that the usual one is short */
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

#define KIB(n)                        ((u64)(n) << 10)
#define MIB(n)                        ((u64)(n) << 20)
#define GIB(n)                        ((u64)(n) << 30)

#endif
