#include <string.h>

#include "base/str.h"
#include "conda/env.h"

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static bool has(const char *const *list, const char *s)
{
	for (; *list; list++)
		if (strcmp(*list, s) == 0)
			return true;
	return false;
}

static bool same_set(const char *const *a, const char *const *b)
{
	for (const char *const *s = a; *s; s++)
		if (!has(b, *s))
			return false;
	return count(a) == count(b);
}

static const char *text_of(struct arena *a, const char *const *list)
{
	auto_buf b = { 0 };

	for (; *list; list++)
		buf_addf(&b, "%s%s", b.n ? ", " : "", *list);
	return arena_strdup(a, buf_cstr(&b));
}

static const char *const *joined(struct arena *a, const char *const *x, const char *const *y)
{
	size_t n = count(x), m = count(y);
	const char **ret = arena_array(a, n + m + 1, sizeof(*ret));

	memcpy(ret, x, n * sizeof(*ret));
	memcpy(ret + n, y, m * sizeof(*ret));
	return ret;
}

static void merge_channels(struct env *into, const struct env *more)
{
	size_t n = count(into->channels), m = count(more->channels);
	const char **list = arena_array(&into->arena, n + m + 1, sizeof(*list));
	const char **files = arena_array(&into->arena, n + m + 1, sizeof(*files));

	memcpy(list, into->channels, n * sizeof(*list));
	memcpy(files, into->channel_files, n * sizeof(*files));
	for (size_t i = 0; i < m; i++) {
		/* "./x" is another folder in another file; the same folder twice does no harm. */
		if (more->channels[i][0] != '.' && has(list, more->channels[i]))
			continue;
		files[n] = more->channel_files[i];
		list[n++] = more->channels[i];
	}
	into->channels = list;
	into->channel_files = files;
	into->nodefaults = into->nodefaults || more->nodefaults;
}

static void merge_specs(struct env *into, const struct env *more)
{
	size_t n = into->n_specs, m = more->n_specs;
	struct env_spec *specs = arena_array(&into->arena, n + m, sizeof(*specs));

	if (n)
		memcpy(specs, into->specs, n * sizeof(*specs));
	if (m)
		memcpy(specs + n, more->specs, m * sizeof(*specs));
	into->specs = specs;
	into->n_specs = n + m;
}

/* Both are sorted, and so is what comes of them. */
static void merge_variables(struct env *into, const struct env *more)
{
	size_t n = into->n_variables, m = more->n_variables, i = 0, k = 0, out = 0;
	struct env_variable *list = arena_array(&into->arena, n + m, sizeof(*list));

	while (i < n || k < m) {
		int c = i == n ? 1 : k == m ? -1 : strcmp(into->variables[i].name, more->variables[k].name);

		list[out++] = c < 0 ? into->variables[i] : more->variables[k];
		i += c <= 0;
		k += c >= 0;
	}
	into->variables = list;
	into->n_variables = out;
}

int env_merge(struct env *into, struct env *more, struct err *err)
{
	struct arena *a = &into->arena;

	if (into->platforms[0] && more->platforms[0] && !same_set(into->platforms, more->platforms))
		return err_set(err, ERR_USAGE,
			       "%s is for %s, but %s for %s; files that are taken together say the same platforms",
			       more->file, text_of(a, more->platforms), into->file, text_of(a, into->platforms));
	if (!into->platforms[0])
		into->platforms = more->platforms;
	if (more->name)
		into->name = more->name;
	merge_channels(into, more);
	merge_specs(into, more);
	merge_variables(into, more);
	into->file = arena_printf(a, "%s, %s", into->file, more->file);
	into->files = joined(a, into->files, more->files);
	into->warnings = joined(a, into->warnings, more->warnings);
	arena_join(a, &more->arena);
	*more = (struct env){ 0 };
	return 0;
}
