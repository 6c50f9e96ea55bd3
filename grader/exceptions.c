// SPDX-License-Identifier: MIT
/*
 * Reads common/guest/platform_exceptions.yaml: the guest tests that fail on the bare emulated machine because
 * the emulator differs from the manuals. They are data with a reason each, so that a test that joins or
 * leaves the list is seen (native.c).
 */
#include "grader/rubric.h"
#include "grader/yaml.h"

#include <string.h>

bool exceptions_read(const char *path, struct platform_exceptions *out, const char **error)
{
	static const char *const known[] = {"exceptions", NULL};
	static const char *const fields[] = {"test", "platforms", "optional", "skip", "reason", NULL};
	struct yaml_file file;
	struct yaml_at top = yaml_open(&file, path), list = yaml_need(top, "exceptions");

	yaml_only(top, known);
	for (size_t i = 0, n = yaml_count(list); i < n; i++) {
		struct yaml_at item = yaml_item(list, i);
		struct platform_exception *e = vector_add(&out->list);

		yaml_only(item, fields);
		e->test = yaml_text(yaml_need(item, "test"), "");
		e->reason = yaml_text(yaml_need(item, "reason"), "");
		e->optional = yaml_bool(yaml_get(item, "optional"), false);
		e->skip = yaml_bool(yaml_get(item, "skip"), false);
		yaml_strings(yaml_need(item, "platforms"), &e->platforms);
	}
	yaml_close(&file);
	*error = file.error;
	return !file.error;
}

const struct platform_exception *exceptions_find(const struct platform_exceptions *e, const char *platform,
						 const char *model, const char *test)
{
	const char *full = model ? xprintf("%s:%s", platform, model) : platform;

	for (size_t i = 0; i < e->list.n; i++) {
		const struct platform_exception *x = &e->list.at[i];

		if (strcmp(x->test, test))
			continue;
		for (size_t p = 0; p < x->platforms.n; p++)
			if (!strcmp(x->platforms.at[p], platform) || !strcmp(x->platforms.at[p], full))
				return x;
	}
	return NULL;
}

const char *exceptions_skip(const struct platform_exceptions *e, const char *platform, const char *model)
{
	const char *option = "";

	for (size_t i = 0; i < e->list.n; i++) {
		const struct platform_exception *x = &e->list.at[i];

		if (x->skip && exceptions_find(e, platform, model, x->test) == x)
			option = xprintf("%s%s%s", option, *option ? "," : " skip=", x->test);
	}
	return option;
}
