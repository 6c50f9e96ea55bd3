// SPDX-License-Identifier: MIT
/*
 * Tracks: a lab that can be done in more than one way, each worth all its points. A rubric is read once for
 * each track, and then holds what this track has: what belongs to it and what belongs to all. So whoever
 * grades, counts or shows a lab need not know about tracks.
 *
 * Runs, unit tests and exercises have a field `track`, or belong to all. What is told of an exercise may be a
 * mapping by tracks.
 */
#include "grader/rubric_read.h"

#include <string.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

bool rubric_has_track(const struct rubric *r, const char *track)
{
	for (size_t i = 0; i < r->tracks.n; i++)
		if (!strcmp(r->tracks.at[i], track))
			return true;
	return false;
}

const char *rubric_track_names(const struct rubric *r)
{
	const char *names = "";

	for (size_t i = 0; i < r->tracks.n; i++)
		names = xprintf("%s%s%s", names, i ? ", " : "", r->tracks.at[i]);
	return *names ? names : "none";
}

void rubric_read_tracks(struct yaml_at top, const char *track, struct rubric *r)
{
	static const char *const known[] = {"official", NULL};
	struct yaml_at map = yaml_get(top, "tracks");
	size_t n = yaml_pairs(map);

	if (map.node && !n)
		yaml_complain(map, "must not be empty");
	for (size_t i = 0; i < n; i++) {
		struct yaml_at fields;
		const char *name = yaml_pair(map, i, &fields);

		if (!*name || name[strspn(name, NAME_CHARACTERS)])
			yaml_complain(fields, "a track is called by one word of small letters and digits");
		if (rubric_has_track(r, name))
			yaml_complain(fields, "is given twice");
		strings_add(&r->tracks, name);
		yaml_only(fields, known);
		if (track ? !strcmp(name, track) : !i) {
			r->track = name;
			r->official = yaml_text(yaml_get(fields, "official"), NULL);
			if (r->official)
				rubric_check_platform(yaml_get(fields, "official"), r->official);
		}
	}
	if (track && !r->track)
		yaml_complain(top,
			      xprintf("there is no track `%s`. There are: %s", track, rubric_track_names(r)));
}

bool rubric_of_track(struct yaml_at at, const struct rubric *r)
{
	struct yaml_at field = yaml_get(at, "track");
	const char *track = yaml_text(field, NULL);

	if (!track)
		return true;
	if (!rubric_has_track(r, track))
		yaml_complain(field, xprintf("`%s` is no track of this lab. There are: %s", track,
					     rubric_track_names(r)));
	return r->track && !strcmp(track, r->track);
}

struct yaml_at rubric_need(struct yaml_at map, const char *key, const struct rubric *r)
{
	struct yaml_at at = yaml_need(map, key);
	string_list names = {0};

	if (!r->track || !at.node || at.node->type != YAML_MAPPING_NODE)
		return at;
	for (size_t i = 0; i < r->tracks.n; i++)
		strings_add(&names, r->tracks.at[i]);
	yaml_only(at, (const char *const *)strings_argv(&names));
	return yaml_need(at, r->track);
}
