/* SPDX-License-Identifier: MIT */
/*
 * The loader on a boot disk, for machines that cannot be handed a kernel (Bochs): the BIOS loads the first sector, that one loads the
 * rest, which collects the memory map, copies kernel and modules above 1 MiB and enters the kernel as a Multiboot loader does. All that
 * can be decided beforehand was decided by host/mkdisk.c and lies on the disk as struct disk_info.
 *
 * The BIOS reads up to DISK_READ_MAX sectors at a time into a buffer below 1 MiB; a copy in protected mode moves them to their place. An
 * error is told on COM1, since this runs on machines without a screen; then the machine is shut down where a port does that.
 *
 * Sources: Multiboot Specification 0.6.96, 3.2 "Machine state"; Phoenix, "BIOS Enhanced Disk Drive Specification" (INT 13h, AH=42h);
 * ACPI 6.3, 15.1 "INT 15H, E820H"; SDM vol. 3A, 9.9 "Mode Switching".
 * Left out: disks without the INT 13h extensions, machines without E820.
 */
#include "abi/run_key.h"
#include "boot/disk.h"
#include "boot/multiboot.h"
#include "x86/regs.h"

#define BOOT_SIGNATURE 0xaa55

#define SEL_CODE32 0x08
#define SEL_DATA32 0x10
#define SEL_CODE16 0x18
#define SEL_DATA16 0x20

#define BIOS_DISK          0x13
#define BIOS_DISK_EXT_READ 0x42
#define BIOS_SYSTEM        0x15
#define BIOS_A20_ENABLE    0x2401
#define BIOS_E820          0xe820
#define E820_SMAP          0x534d4150
#define E820_ENTRY_BYTES   20 /* base, length, type: an entry of the Multiboot map without its size field */
#define BIOS_LOW_MEMORY    0x12

#define PORT_A      0x92 /* "fast A20" */
#define PORT_A_A20  0x02
#define PORT_A_RESET 0x01

#define COM1         0x3f8
#define COM1_IER     0x3f9
#define COM1_FCR     0x3fa
#define COM1_LCR     0x3fb
#define COM1_LSR     0x3fd
#define LCR_DLAB_8N1 0x83
#define LCR_8N1      0x03
#define FCR_ENABLE   0x07
#define LSR_THRE     0x20
#define LSR_TEMT     0x40

#define INFO_SEG   (DISK_INFO_HPA >> 4)
#define BUFFER_SEG (DISK_BUFFER_HPA >> 4)

	.text
	.code16
	.globl disk_start
disk_start:
	cli
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $DISK_BOOT_HPA, %sp
	ljmp $0, $1f
1:	sti
	cld
	mov %dl, drive

	/* The rest of this loader, and the information. */
	mov $1, %eax
	mov $(DISK_BOOT_SECTORS - 1), %cx
	mov $0, %bx
	mov $(DISK_BOOT_HPA + DISK_SECTOR), %di
	call read_sectors
	mov $DISK_INFO_LBA, %eax
	mov $DISK_INFO_SECTORS, %cx
	mov $INFO_SEG, %bx
	xor %di, %di
	call read_sectors
	mov $INFO_SEG, %ax
	mov %ax, %fs
	mov $error_info, %si
	cmpl $DISK_INFO_MAGIC, %fs:DISK_INFO_AT_MAGIC
	je stage2
	/* falls through */

/* Prints the string at SI on COM1 and stops. */
fail:
	cli
	xor %ax, %ax
	mov %ax, %ds
	mov $COM1_LCR, %dx
	mov $LCR_DLAB_8N1, %al
	out %al, %dx
	mov $COM1, %dx /* divisor 1: 115200 */
	mov $1, %al
	out %al, %dx
	inc %dx
	xor %al, %al
	out %al, %dx
	mov $COM1_LCR, %dx
	mov $LCR_8N1, %al
	out %al, %dx
	mov $COM1_FCR, %dx
	mov $FCR_ENABLE, %al
	out %al, %dx
	mov $error_prefix, %di
	xchg %si, %di
1:	call print
	mov %di, %si
	call print
	mov $error_end, %si
	call print
	mov $LSR_TEMT, %ah
	call wait_uart
	mov $shutdown, %si
	mov $DEBUG_EXIT_BOCHS, %dx
2:	lodsb
	out %al, %dx
	test %al, %al
	jnz 2b
3:	hlt
	jmp 3b

/* Prints the string at SI. Changes AX, CX, DX, SI. */
print:
	lodsb
	test %al, %al
	jz 1f
	mov %al, %bl
	mov $LSR_THRE, %ah
	call wait_uart
	mov $COM1, %dx
	mov %bl, %al
	out %al, %dx
	jmp print
1:	ret

/* Waits for the bit AH of LSR, but not for ever. */
wait_uart:
	mov $COM1_LSR, %dx
	mov $0xffff, %cx
1:	in %dx, %al
	test %ah, %al
	loopz 1b
	ret

/* Reads CX sectors from LBA EAX to BX:DI. Keeps all registers. */
read_sectors:
	pushal
	mov %cx, packet_count
	mov %di, packet_offset
	mov %bx, packet_segment
	mov %eax, packet_lba
	mov $packet, %si
	mov $BIOS_DISK_EXT_READ, %ah
	mov drive, %dl
	int $BIOS_DISK
	mov $error_read, %si
	jc fail
	popal
	ret

	.balign 4
packet: /* disk address packet */
	.byte 16, 0
packet_count:
	.word 0
packet_offset:
	.word 0
packet_segment:
	.word 0
packet_lba:
	.long 0, 0
drive:
	.byte 0

error_prefix:
	.asciz "[boot] "
error_read:
	.asciz "cannot read the disk"
error_info:
	.asciz "no information on the disk"
error_end:
	.asciz "\r\n"
shutdown:
	.asciz "Shutdown"

	.org DISK_SECTOR - 2
	.word BOOT_SIGNATURE

/* ---- the second stage ---- */

stage2:
	call enable_a20
	call read_memory_map
	call load_pieces

	/* For good. Machine state as the specification has it: EAX, EBX, flat segments, A20, paging and interrupts off. */
	cli
	mov %fs:DISK_INFO_AT_ENTRY, %ebp
	lgdt gdt_pointer
	mov %cr0, %eax
	or $CR0_PE, %al
	mov %eax, %cr0
	ljmp $SEL_CODE32, $enter_kernel

	.code32
enter_kernel:
	mov $SEL_DATA32, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov %eax, %ss
	mov $MULTIBOOT_BOOT_MAGIC, %eax
	mov $(DISK_INFO_HPA + DISK_INFO_AT_MULTIBOOT), %ebx
	jmp *%ebp

	.code16
/* By the BIOS, by port A, and then see. */
enable_a20:
	mov $BIOS_A20_ENABLE, %ax
	int $BIOS_SYSTEM
	call a20_works
	jne 1f
	in $PORT_A, %al
	or $PORT_A_A20, %al
	and $~PORT_A_RESET, %al
	out %al, $PORT_A
	call a20_works
	mov $error_a20, %si
	je fail
1:	ret

/* Z set: hpa 1 MiB + x is x. Two values, in case they are equal by chance. */
a20_works:
	push %es
	mov $0xffff, %ax
	mov %ax, %es
	movl $0x12345678, a20_probe
	cmpl $0x12345678, %es:a20_probe + 0x10
	jne 1f
	movl $0x87654321, a20_probe
	cmpl $0x87654321, %es:a20_probe + 0x10
1:	pop %es
	ret

/* E820 entries become entries of the Multiboot map. Also mem_lower and mem_upper, and the check that everything fits. */
read_memory_map:
	xor %ebx, %ebx
	mov $(DISK_MMAP_HPA + 4), %di
next_entry:
	mov $BIOS_E820, %eax
	mov $E820_SMAP, %edx
	mov $E820_ENTRY_BYTES, %ecx
	int $BIOS_SYSTEM
	jc map_end
	cmp $E820_SMAP, %eax
	jne map_end
	movl $E820_ENTRY_BYTES, -4(%di)
	/* RAM from 1 MiB on gives mem_upper. */
	cmpl $MULTIBOOT_MMAP_RAM, 16(%di)
	jne 1f
	cmpl $0x100000, (%di)
	jne 1f
	cmpl $0, 4(%di)
	jne 1f
	mov 8(%di), %eax
	mov 12(%di), %edx
	shrd $10, %edx, %eax
	mov %eax, %fs:DISK_INFO_AT_MULTIBOOT + MULTIBOOT_AT_MEM_UPPER
1:	add $(E820_ENTRY_BYTES + 4), %di
	cmp $(DISK_MMAP_HPA + DISK_MMAP_BYTES - E820_ENTRY_BYTES), %di
	jae map_end
	test %ebx, %ebx
	jnz next_entry
map_end:
	sub $(DISK_MMAP_HPA + 4), %di
	mov $error_e820, %si
	jz fail
	movzwl %di, %eax
	mov %eax, %fs:DISK_INFO_AT_MULTIBOOT + MULTIBOOT_AT_MMAP_LENGTH
	int $BIOS_LOW_MEMORY
	movzwl %ax, %eax
	mov %eax, %fs:DISK_INFO_AT_MULTIBOOT + MULTIBOOT_AT_MEM_LOWER

	mov %fs:DISK_INFO_AT_TOP, %eax
	add $1023, %eax
	shr $10, %eax
	mov %fs:DISK_INFO_AT_MULTIBOOT + MULTIBOOT_AT_MEM_UPPER, %edx
	add $1024, %edx
	cmp %edx, %eax
	mov $error_memory, %si
	ja fail
	ret

/* EAX: LBA, ECX: sectors left, EDI: hpa, SI: offset of the piece in FS. */
load_pieces:
	mov $DISK_INFO_AT_PIECES, %si
	mov %fs:DISK_INFO_AT_COUNT, %dx
next_piece:
	mov %fs:DISK_PIECE_AT_LBA(%si), %eax
	mov %fs:DISK_PIECE_AT_SECTORS(%si), %ecx
	mov %fs:DISK_PIECE_AT_HPA(%si), %edi
next_read:
	jecxz zeros
	push %ecx
	cmp $DISK_READ_MAX, %ecx
	jbe 1f
	mov $DISK_READ_MAX, %ecx
1:	push %di
	mov $BUFFER_SEG, %bx
	xor %di, %di
	call read_sectors
	pop %di
	push %ecx
	shl $(9 - 2), %ecx /* in doublewords */
	call copy_high
	pop %ebx
	pop %ecx
	add %ebx, %eax
	sub %ebx, %ecx
	jmp next_read
zeros:
	mov %fs:DISK_PIECE_AT_ZERO_END(%si), %ecx
	sub %edi, %ecx
	jbe 2f
	add $3, %ecx
	shr $2, %ecx
	call zero_high
2:	add $DISK_PIECE_BYTES, %si
	dec %dx
	jnz next_piece
	ret

/* Copies ECX doublewords from the buffer to EDI, or stores so many zeros there; EDI moves on. In protected mode, and back. */
zero_high:
	push %eax
	push %bp
	mov $zero_flat, %bp
	jmp 1f
copy_high:
	push %eax
	push %bp
	mov $copy_flat, %bp
1:	push %ds
	push %es
	push %esi
	cli
	lgdt gdt_pointer
	mov %cr0, %eax
	or $CR0_PE, %al
	mov %eax, %cr0
	ljmp $SEL_CODE32, $flat

	.code32
flat:
	mov $SEL_DATA32, %eax
	mov %eax, %ds
	mov %eax, %es
	movzwl %bp, %ebp
	jmp *%ebp
copy_flat:
	mov $DISK_BUFFER_HPA, %esi
	rep movsl
	jmp 1f
zero_flat:
	xor %eax, %eax
	rep stosl
1:	mov $SEL_DATA16, %eax
	mov %eax, %ds
	mov %eax, %es
	ljmp $SEL_CODE16, $leave_flat

	.code16
leave_flat:
	mov %cr0, %eax
	and $~CR0_PE, %al
	mov %eax, %cr0
	ljmp $0, $1f
1:	pop %esi
	pop %es
	pop %ds
	sti
	pop %bp
	pop %eax
	ret

	.balign 8
gdt:
	.quad 0
	.quad 0x00cf9b000000ffff /* SEL_CODE32 */
	.quad 0x00cf93000000ffff /* SEL_DATA32 */
	.quad 0x00009b000000ffff /* SEL_CODE16 */
	.quad 0x000093000000ffff /* SEL_DATA16 */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt
a20_probe:
	.long 0

error_a20:
	.asciz "the A20 gate stays closed"
error_e820:
	.asciz "the BIOS gives no memory map"
error_memory:
	.asciz "not enough memory for kernel and modules"

	.org DISK_BOOT_SECTORS * DISK_SECTOR

	.section .note.GNU-stack, "", @progbits
