// SPDX-License-Identifier: MIT
/*
 * Sets of address ranges, in a sorted array. A machine has a dozen of them and they change only while memory
 * is handed out, so nothing cleverer pays.
 */
#include "machine/ranges.h"

static void delete_at(struct range_set *s, unsigned i)
{
	s->count--;
	for (; i < s->count; i++)
		s->range[i] = s->range[i + 1];
}

static bool insert_at(struct range_set *s, unsigned i, u64 start, u64 end)
{
	if (s->count == RANGES_MAX)
		return false;
	for (unsigned k = s->count; k > i; k--)
		s->range[k] = s->range[k - 1];
	s->range[i] = (struct range){start, end};
	s->count++;
	return true;
}

bool range_add(struct range_set *s, u64 start, u64 end)
{
	unsigned i = 0;

	if (start >= end)
		return true;
	while (i < s->count && s->range[i].end < start)
		i++;
	if (i == s->count || s->range[i].start > end)
		return insert_at(s, i, start, end);

	/* It touches range i: let that one grow, and swallow what it now touches behind it. */
	s->range[i].start = MIN(s->range[i].start, start);
	s->range[i].end = MAX(s->range[i].end, end);
	while (i + 1 < s->count && s->range[i + 1].start <= s->range[i].end) {
		s->range[i].end = MAX(s->range[i].end, s->range[i + 1].end);
		delete_at(s, i + 1);
	}
	return true;
}

bool range_remove(struct range_set *s, u64 start, u64 end)
{
	unsigned i = 0;

	if (start >= end)
		return true;
	while (i < s->count && s->range[i].start < end) {
		struct range *r = &s->range[i];

		if (r->end <= start) {
			i++;
		} else if (r->start < start && r->end > end) {
			u64 tail = r->end;

			if (!insert_at(s, i + 1, end, tail))
				return false;
			r->end = start;
			return true;
		} else if (r->start < start) {
			r->end = start;
			i++;
		} else if (r->end > end) {
			r->start = end;
			return true;
		} else {
			delete_at(s, i);
		}
	}
	return true;
}

bool range_take(struct range_set *s, u64 size, u64 align, u64 *start)
{
	for (unsigned i = 0; i < s->count; i++) {
		const struct range *r = &s->range[i];
		u64 first = ALIGN_UP(r->start, align);

		if (first < r->start || first >= r->end || r->end - first < size)
			continue;
		if (!range_remove(s, first, first + size))
			continue; /* it would split the range and there is no room: another one may not need
				     that */
		*start = first;
		return true;
	}
	return false;
}
