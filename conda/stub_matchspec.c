/* Until conda/matchspec.c is merged: enough to build and test what stands on it. */
#include "conda/matchspec.h"

#include "base/str.h"

__attribute__((weak)) const struct matchspec *matchspec_parse(struct arena *a, const char *text, unsigned flags,
							      struct err *err)
{
	struct matchspec *m = arena_alloc(a, sizeof(*m));

	(void)flags;
	if (strpbrk(text, ";\\")) {
		err_set(err, ERR_FORMAT, "'%s' is not a spec", text);
		return NULL;
	}
	m->text = arena_strdup(a, text);
	return m;
}

__attribute__((weak)) struct str matchspec_name_of(const char *text)
{
	const char *colons = strstr(text, "::");
	struct str s = str_trim(str_of(colons ? colons + 2 : text));

	s.n = strcspn(s.p, " =<>!~[;,");
	return s;
}
