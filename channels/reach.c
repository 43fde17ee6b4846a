#include "channels/reach.h"

#include <string.h>

#include "conda/matchspec.h"

#define NAME_BYTES 255

void reach_init(struct reach *r)
{
	*r = (struct reach){ 0 };
	intern_init(&r->names, &r->arena);
}

void reach_release(struct reach *r)
{
	intern_release(&r->names);
	arena_release(&r->arena);
	buf_release(&r->room);
}

void reach_name(struct reach *r, struct str name)
{
	char lower[NAME_BYTES];

	if (!name.n || name.n > sizeof(lower) || (name.n > 1 && name.p[0] == '_' && name.p[1] == '_'))
		return;
	for (size_t i = 0; i < name.n; i++)
		lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];
	intern_add(&r->names, (struct str){ lower, name.n });
}

static const char *copy(struct reach *r, const char *from, const char *to)
{
	r->room.n = 0;
	buf_add(&r->room, from, (size_t)(to - from));
	return buf_cstr(&r->room);
}

/* Each spec of a condition: "a >=1 and (b or c)". Words that are no names reach nothing there is. */
static void reach_condition(struct reach *r, const char *p, const char *end)
{
	while (p < end) {
		const char *from;

		while (p < end && (*p == ' ' || *p == '(' || *p == ')'))
			p++;
		for (from = p; p < end && *p != ' ' && *p != '(' && *p != ')';)
			p += *p == '[' && memchr(p, ']', (size_t)(end - p))
				     ? (const char *)memchr(p, ']', (size_t)(end - p)) - p + 1
				     : 1;
		if (p > from && !(p - from == 3 && memcmp(from, "and", 3) == 0) &&
		    !(p - from == 2 && memcmp(from, "or", 2) == 0))
			reach_name(r, matchspec_name_of(copy(r, from, p)));
	}
}

/* when="..." among the brackets of a spec (CEP 43). */
static void reach_when(struct reach *r, const char *p)
{
	const char *when = p;

	while ((when = strstr(when, "when"))) {
		const char *at = when + 4, *end;
		bool starts = when == p || strchr("[, ", when[-1]);

		while (*at == ' ')
			at++;
		when += 4;
		if (!starts || *at != '=')
			continue;
		for (at++; *at == ' ';)
			at++;
		end = *at == '"' || *at == '\'' ? strchr(at + 1, *at) : at + strcspn(at, ",]");
		at += *at == '"' || *at == '\'';
		reach_condition(r, at, end ? end : at + strlen(at));
	}
}

void reach_spec(struct reach *r, const char *spec)
{
	const char *bracket;

	reach_name(r, matchspec_name_of(spec));
	bracket = strchr(spec, '[');
	if (bracket)
		reach_when(r, bracket + 1);
}

bool reach_fits(const char *glob, struct str s)
{
	const char *star = NULL;
	size_t i = 0, mark = 0;

	while (i < s.n) {
		if (*glob == '*') {
			star = ++glob;
			mark = i;
		} else if (*glob && *glob == s.p[i]) {
			glob++;
			i++;
		} else if (star) {
			glob = star;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return !*glob;
}
