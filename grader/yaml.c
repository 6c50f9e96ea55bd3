// SPDX-License-Identifier: MIT
/*
 * A thin layer over libyaml's document tree: typed access by name, and errors that an author of a rubric can
 * act on.
 *
 * Left out: anchors across documents, more than one document in a file, tags. Aliases work, since the tree
 * resolves them.
 */
#include "grader/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const node_kinds[] = {
	[YAML_NO_NODE] = "nothing",
	[YAML_SCALAR_NODE] = "a single value",
	[YAML_SEQUENCE_NODE] = "a list",
	[YAML_MAPPING_NODE] = "a mapping",
};

void yaml_complain(struct yaml_at at, const char *what)
{
	struct yaml_file *f = at.file;

	if (f->error)
		return;
	if (at.node)
		f->error = xprintf("%s:%zu: %s: %s", f->path, at.node->start_mark.line + 1, at.field, what);
	else
		f->error = xprintf("%s: %s: %s", f->path, at.field, what);
}

static struct yaml_at nowhere(struct yaml_at at, const char *field)
{
	return (struct yaml_at){.file = at.file, .field = field};
}

struct yaml_at yaml_open(struct yaml_file *file, const char *path)
{
	struct yaml_at top = {.file = file, .field = "file"};
	yaml_parser_t parser;
	FILE *in;

	memset(file, 0, sizeof(*file));
	file->path = path;
	in = fopen(path, "rb");
	if (!in) {
		file->error = xprintf("%s: %s", path, strerror(errno));
		return top;
	}
	if (!yaml_parser_initialize(&parser)) {
		file->error = xprintf("%s: out of memory", path);
		fclose(in);
		return top;
	}
	yaml_parser_set_input_file(&parser, in);
	if (yaml_parser_load(&parser, &file->document)) {
		file->loaded = true;
		top.node = yaml_document_get_root_node(&file->document);
		if (!top.node || top.node->type != YAML_MAPPING_NODE) {
			yaml_complain(top, "must be a mapping of fields");
			top.node = NULL;
		}
	} else {
		file->error = xprintf("%s:%zu: %s", path, parser.problem_mark.line + 1,
				      parser.problem ? parser.problem : "is not YAML");
	}
	yaml_parser_delete(&parser);
	fclose(in);
	return top;
}

void yaml_close(struct yaml_file *file)
{
	if (file->loaded)
		yaml_document_delete(&file->document);
	file->loaded = false;
}

/* True when the place has a node of this kind; a node of another kind is an error. */
static bool is(struct yaml_at at, yaml_node_type_t kind)
{
	if (!at.node)
		return false;
	if (at.node->type == kind)
		return true;
	yaml_complain(at, xprintf("must be %s, and is %s", node_kinds[kind], node_kinds[at.node->type]));
	return false;
}

static struct yaml_at place(struct yaml_at in, int index, const char *field)
{
	return (struct yaml_at){
		.file = in.file,
		.node = yaml_document_get_node(&in.file->document, index),
		.field = field,
	};
}

size_t yaml_pairs(struct yaml_at map)
{
	if (!is(map, YAML_MAPPING_NODE))
		return 0;
	return (size_t)(map.node->data.mapping.pairs.top - map.node->data.mapping.pairs.start);
}

const char *yaml_pair(struct yaml_at map, size_t i, struct yaml_at *value)
{
	yaml_node_pair_t *pair = &map.node->data.mapping.pairs.start[i];
	const char *key = yaml_text(place(map, pair->key, xprintf("%s, a key", map.field)), "");

	*value = place(map, pair->value, xprintf("%s.%s", map.field, key));
	return key;
}

void yaml_only(struct yaml_at map, const char *const known[])
{
	size_t n = yaml_pairs(map);

	for (size_t i = 0; i < n; i++) {
		struct yaml_at value;
		const char *key = yaml_pair(map, i, &value);
		const char *const *k = known;

		while (*k && strcmp(*k, key))
			k++;
		if (!*k)
			yaml_complain(value, "there is no such field");
		for (size_t j = 0; j < i; j++)
			if (!strcmp(yaml_pair(map, j, &(struct yaml_at){0}), key))
				yaml_complain(value, "is given twice");
	}
}

struct yaml_at yaml_get(struct yaml_at map, const char *key)
{
	size_t n = yaml_pairs(map);

	for (size_t i = 0; i < n; i++) {
		struct yaml_at value;

		if (!strcmp(yaml_pair(map, i, &value), key))
			return value;
	}
	return nowhere(map, xprintf("%s.%s", map.field, key));
}

struct yaml_at yaml_need(struct yaml_at map, const char *key)
{
	struct yaml_at value = yaml_get(map, key);

	if (!value.node && map.node)
		yaml_complain(map, xprintf("needs a field `%s`", key));
	return value;
}

size_t yaml_count(struct yaml_at sequence)
{
	if (!is(sequence, YAML_SEQUENCE_NODE))
		return 0;
	return (size_t)(sequence.node->data.sequence.items.top - sequence.node->data.sequence.items.start);
}

struct yaml_at yaml_item(struct yaml_at sequence, size_t i)
{
	return place(sequence, sequence.node->data.sequence.items.start[i],
		     xprintf("%s[%zu]", sequence.field, i));
}

const char *yaml_text(struct yaml_at at, const char *otherwise)
{
	if (!is(at, YAML_SCALAR_NODE))
		return otherwise;
	return xstrndup((const char *)at.node->data.scalar.value, at.node->data.scalar.length);
}

u64 yaml_number(struct yaml_at at, u64 otherwise)
{
	const char *text = yaml_text(at, NULL);
	u64 value;
	char *end;

	if (!text)
		return otherwise;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end || errno) {
		yaml_complain(at, xprintf("`%s` is not a number", text));
		return otherwise;
	}
	return value;
}

bool yaml_bool(struct yaml_at at, bool otherwise)
{
	const char *text = yaml_text(at, NULL);

	if (!text)
		return otherwise;
	if (!strcmp(text, "true"))
		return true;
	if (strcmp(text, "false"))
		yaml_complain(at, xprintf("`%s` is neither true nor false", text));
	return false;
}

void yaml_strings(struct yaml_at at, string_list *out)
{
	if (at.node && at.node->type == YAML_SCALAR_NODE) {
		strings_add(out, yaml_text(at, ""));
		return;
	}
	for (size_t i = 0, n = yaml_count(at); i < n; i++)
		strings_add(out, yaml_text(yaml_item(at, i), ""));
}
