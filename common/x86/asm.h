/* SPDX-License-Identifier: MIT */
/* Wrappers of one instruction each. */
#ifndef X86_ASM_H
#define X86_ASM_H

#include "lib/types.h"
#include "x86/desc.h"

static inline u8 in8(u16 port)
{
	u8 v;
	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u16 in16(u16 port)
{
	u16 v;
	asm volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u32 in32(u16 port)
{
	u32 v;
	asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void out8(u16 port, u8 v)
{
	asm volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void out16(u16 port, u16 v)
{
	asm volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void out32(u16 port, u32 v)
{
	asm volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

#define X86_CR_ACCESSORS(n)                                                                                  \
	static inline u64 read_cr##n(void)                                                                   \
	{                                                                                                    \
		u64 v;                                                                                       \
		asm volatile("mov %%cr" #n ", %0" : "=r"(v) : : "memory");                                   \
		return v;                                                                                    \
	}                                                                                                    \
	static inline void write_cr##n(u64 v)                                                                \
	{                                                                                                    \
		asm volatile("mov %0, %%cr" #n : : "r"(v) : "memory");                                       \
	}
X86_CR_ACCESSORS(0)
X86_CR_ACCESSORS(2)
X86_CR_ACCESSORS(3)
X86_CR_ACCESSORS(4)
X86_CR_ACCESSORS(8)
#undef X86_CR_ACCESSORS

#define X86_DR_ACCESSORS(n)                                                                                  \
	static inline u64 read_dr##n(void)                                                                   \
	{                                                                                                    \
		u64 v;                                                                                       \
		asm volatile("mov %%dr" #n ", %0" : "=r"(v));                                                \
		return v;                                                                                    \
	}                                                                                                    \
	static inline void write_dr##n(u64 v)                                                                \
	{                                                                                                    \
		asm volatile("mov %0, %%dr" #n : : "r"(v));                                                  \
	}
X86_DR_ACCESSORS(0)
X86_DR_ACCESSORS(1)
X86_DR_ACCESSORS(2)
X86_DR_ACCESSORS(3)
X86_DR_ACCESSORS(6)
X86_DR_ACCESSORS(7)
#undef X86_DR_ACCESSORS

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;
	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (u64)hi << 32;
}

static inline void wrmsr(u32 msr, u64 v)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

static inline u64 rdtsc(void)
{
	u64 lo, hi; /* the upper halves of both registers are cleared */
	asm volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | hi << 32;
}

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r;
	asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

static inline void lgdt(const struct desc_ptr *p)
{
	asm volatile("lgdt %0" : : "m"(*p) : "memory");
}

static inline void lidt(const struct desc_ptr *p)
{
	asm volatile("lidt %0" : : "m"(*p) : "memory");
}

static inline void lldt(u16 selector)
{
	asm volatile("lldt %0" : : "r"(selector) : "memory");
}

static inline void ltr(u16 selector)
{
	asm volatile("ltr %0" : : "r"(selector) : "memory");
}

static inline void invlpg(const volatile void *p)
{
	asm volatile("invlpg (%0)" : : "r"(p) : "memory");
}

static inline void sti(void)
{
	asm volatile("sti" : : : "memory");
}

static inline void cli(void)
{
	asm volatile("cli" : : : "memory");
}

/* STI delays interrupts by one instruction, so no interrupt is lost between the two. */
static inline void sti_hlt(void)
{
	asm volatile("sti; hlt" : : : "memory");
}

static inline void cpu_pause(void)
{
	asm volatile("pause" : : : "memory");
}

#endif
