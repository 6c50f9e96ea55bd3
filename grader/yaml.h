/* SPDX-License-Identifier: MIT */
/*
 * Reading a YAML file that must have a certain form. Whatever is wrong with it is said once, with file, line
 * and field; after that every function returns an empty value, so that callers check yaml_error() only at the
 * end.
 */
#ifndef GRADER_YAML_H
#define GRADER_YAML_H

#include "grader/util.h"

#include <yaml.h>

struct yaml_file {
	const char *path;
	yaml_document_t document;
	bool loaded;
	const char *error; /* "FILE:LINE: FIELD: what is wrong" */
};

/* A place in the file: a node and how it is called in messages. */
struct yaml_at {
	struct yaml_file *file;
	yaml_node_t *node; /* NULL: not there */
	const char *field;
};

/* The top of the file, a mapping. On an error the node is NULL and file->error is set. */
struct yaml_at yaml_open(struct yaml_file *file, const char *path);
void yaml_close(struct yaml_file *file);

/* Records the first error. */
void yaml_complain(struct yaml_at at, const char *what);

/* Refuses keys that are not in the list (ended by NULL): a misspelt field must not pass unseen. */
void yaml_only(struct yaml_at map, const char *const known[]);
/* The value of a key; its node is NULL when the key is not there. */
struct yaml_at yaml_get(struct yaml_at map, const char *key);
/* The same, and it is an error when it is not there. */
struct yaml_at yaml_need(struct yaml_at map, const char *key);

/* Elements of a sequence; a place without a node has none. */
size_t yaml_count(struct yaml_at sequence);
struct yaml_at yaml_item(struct yaml_at sequence, size_t i);
/* Pairs of a mapping. */
size_t yaml_pairs(struct yaml_at map);
const char *yaml_pair(struct yaml_at map, size_t i, struct yaml_at *value);

/* Scalars; the second argument is what a place without a node gives. */
const char *yaml_text(struct yaml_at at, const char *otherwise);
u64 yaml_number(struct yaml_at at, u64 otherwise);
bool yaml_bool(struct yaml_at at, bool otherwise);
/* A sequence of scalars, or one scalar. */
void yaml_strings(struct yaml_at at, string_list *out);

#endif
