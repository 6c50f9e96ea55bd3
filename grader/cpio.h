/* SPDX-License-Identifier: MIT */
/* Writes the archive that Linux unpacks as its first file system (nested.c). */
#ifndef GRADER_CPIO_H
#define GRADER_CPIO_H

#include "grader/util.h"

#include <stdio.h>

struct cpio {
	FILE *file;
	unsigned inode;    /* the last one that was given out */
	const char *error; /* the first thing that went wrong; nothing is written afterwards */
};

void cpio_open(struct cpio *c, const char *path);
/* Names stand without a slash in front; a directory before what is in it. */
void cpio_directory(struct cpio *c, const char *name);
void cpio_device(struct cpio *c, const char *name, unsigned major, unsigned minor);
void cpio_data(struct cpio *c, const char *name, const void *data, size_t size);
/* The file `path`, as it is. */
void cpio_file(struct cpio *c, const char *name, const char *path);
/* NULL, or what went wrong. */
const char *cpio_close(struct cpio *c) MUST_USE;

#endif
