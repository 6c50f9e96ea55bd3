/* SPDX-License-Identifier: MIT */
/*
 * Memory, strings and lists for a program that runs once and ends. What these functions return is not freed:
 * a grader lives for seconds, and its whole result is needed until the last line is printed. They end the
 * program when memory runs out.
 */
#ifndef GRADER_UTIL_H
#define GRADER_UTIL_H

#include "lib/types.h"

void *xcalloc(size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xprintf(const char *format, ...) PRINTF(1, 2);

/* A growing array: VECTOR(struct x) name; vector_add() gives a zeroed element. */
#define VECTOR(type)                                                                                         \
	struct {                                                                                             \
		type *at;                                                                                    \
		size_t n;                                                                                    \
		size_t room;                                                                                 \
	}
#define vector_add(v)                                                                                        \
	((v)->at = vector_grow((v)->at, (v)->n, &(v)->room, sizeof(*(v)->at)), &(v)->at[(v)->n++])
void *vector_grow(void *at, size_t used, size_t *room, size_t size);

typedef VECTOR(const char *) string_list;
void strings_add(string_list *list, const char *s);
/* The words between the blanks of a text. */
void strings_add_words(string_list *list, const char *text);
/* Ends the list with a NULL, for execvp(); the NULL is not counted. */
char **strings_argv(string_list *list);

/* A shell pattern (*, ?, [...]) against a name; '*' also matches '/'. */
bool pattern_matches(const char *pattern, const char *name);

/* The whole file with a zero after it, or NULL with errno. */
char *file_read(const char *path, size_t *size);
/* False with errno. */
bool file_write(const char *path, const void *data, size_t size);
bool file_exists(const char *path);
/* mkdir -p; false with errno. */
bool directory_make(const char *path);
/* rm -r; stays on this file system, does not follow links. */
void directory_remove(const char *path);

/* The file of this program in PATH; NULL: there is none. */
const char *program_find(const char *name);

/* Seconds of a clock that only goes forward. */
double clock_seconds(void);

#endif
