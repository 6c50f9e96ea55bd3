// SPDX-License-Identifier: MIT
/*
 * Reads course.yaml, by which the people who give a course change what is theirs to decide, and
 * workspace.yaml, which `make student` writes so that a workspace knows what it is. Neither file has to be
 * there.
 */
#include "grader/course.h"

#include "grader/rubric_read.h"

#include <string.h>

static void add_official(struct yaml_at at, const char *lab, const char *track, struct course *c)
{
	const char *platform = yaml_text(at, "tcg");

	*vector_add(&c->official) = (struct course_official){lab, platform, track};
	rubric_check_platform(at, platform);
}

/* A lab's platform, or a mapping of its tracks to platforms. */
static void read_official(struct yaml_at map, struct course *c)
{
	for (size_t i = 0, n = yaml_pairs(map); i < n; i++) {
		struct yaml_at value, platform;
		const char *lab = yaml_pair(map, i, &value);

		if (strlen(lab) != 2 || strspn(lab, "0123456789") != 2)
			yaml_complain(value, "a lab is called by its two digits, such as \"01\"");
		if (!value.node || value.node->type != YAML_MAPPING_NODE) {
			add_official(value, lab, NULL, c);
			continue;
		}
		for (size_t k = 0, tracks = yaml_pairs(value); k < tracks; k++) {
			const char *track = yaml_pair(value, k, &platform);

			add_official(platform, lab, track, c);
		}
	}
}

bool course_read(const char *path, struct course *c, const char **error)
{
	static const char *const known[] = {"official", "hints", "unblock", NULL};
	struct yaml_file file;
	struct yaml_at top;

	*c = (struct course){.hints = true, .unblock = true};
	if (!file_exists(path))
		return true;
	top = yaml_open(&file, path);
	if (file.loaded && !yaml_document_get_root_node(&file.document))
		file.error = NULL; /* nothing but comments */
	yaml_only(top, known);
	read_official(yaml_get(top, "official"), c);
	c->hints = yaml_bool(yaml_get(top, "hints"), true);
	c->unblock = yaml_bool(yaml_get(top, "unblock"), true);
	yaml_close(&file);
	*error = file.error;
	return !file.error;
}

const char *course_official(const struct course *c, const char *lab, const char *track)
{
	for (size_t i = 0; i < c->official.n; i++) {
		const struct course_official *o = &c->official.at[i];

		if (!strcmp(o->lab, lab) && (!o->track || (track && !strcmp(o->track, track))))
			return o->platform;
	}
	return NULL;
}

bool workspace_read(const char *path, struct workspace *w, const char **error)
{
	static const char *const known[] = {"lab", "track", "base", "tree", "commit", NULL};
	struct yaml_file file;
	struct yaml_at top, base;

	*w = (struct workspace){.base = "source"};
	if (!file_exists(path))
		return true;
	top = yaml_open(&file, path);
	yaml_only(top, known);
	w->lab = yaml_text(yaml_need(top, "lab"), "");
	w->track = yaml_text(yaml_get(top, "track"), NULL);
	base = yaml_need(top, "base");
	w->base = yaml_text(base, "given");
	if (strcmp(w->base, "given") && strcmp(w->base, "source") && strcmp(w->base, BASE_OWN))
		yaml_complain(base, xprintf("`%s` is none of given, source, own", w->base));
	w->tree = yaml_text(yaml_need(top, "tree"), "");
	w->commit = yaml_text(yaml_need(top, "commit"), "");
	yaml_close(&file);
	*error = file.error;
	return !file.error;
}
