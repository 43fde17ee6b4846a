#include "conda/virtual.h"

#include <string.h>

#include "base/str.h"

#define TEXT_MAX 64 /* bytes of a version or a build (CEP 26) */

static struct record virtual_record(struct arena *a, struct str name, struct str version, struct str build)
{
	struct record r = { .name = arena_strndup(a, name.p, name.n),
			    .version = arena_strndup(a, version.p, version.n),
			    .build = arena_strndup(a, build.p, build.n) };

	record_defaults(&r);
	return r;
}

/* Where name is, or where it belongs. */
static size_t place_of(const struct virtual_set *set, const char *name)
{
	size_t i = 0;

	while (i < set->n && strcmp(set->records[i].name, name) < 0)
		i++;
	return i;
}

static bool stands_at(const struct virtual_set *set, size_t i, const char *name)
{
	return i < set->n && strcmp(set->records[i].name, name) == 0;
}

static void put(struct arena *a, struct virtual_set *set, struct record r)
{
	size_t at = place_of(set, r.name);
	struct record *grown;

	if (stands_at(set, at, r.name)) {
		set->records[at] = r;
		return;
	}
	grown = arena_array(a, set->n + 1, sizeof(*grown));
	for (size_t i = 0; i < set->n; i++)
		grown[i + (i >= at)] = set->records[i];
	grown[at] = r;
	set->records = grown;
	set->n++;
}

static void take_away(struct virtual_set *set, const char *name)
{
	size_t at = place_of(set, name);

	if (!stands_at(set, at, name))
		return;
	set->n--;
	memmove(set->records + at, set->records + at + 1, (set->n - at) * sizeof(*set->records));
}

void virtual_defaults(struct arena *a, const struct platform *p, const char *glibc, struct virtual_set *ret)
{
	*ret = (struct virtual_set){ 0 };
	put(a, ret, virtual_record(a, STR("__unix"), STR("0"), STR("0")));
	put(a, ret, virtual_record(a, STR("__linux"), STR("5.10"), STR("0")));
	put(a, ret, virtual_record(a, STR("__archspec"), STR("1"), str_of(p->archspec)));
	if (glibc)
		put(a, ret, virtual_record(a, STR("__glibc"), str_of(glibc), STR("0")));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool good_name(struct str s)
{
	if (s.n < 3 || s.n > TEXT_MAX || s.p[0] != '_' || s.p[1] != '_' || s.p[2] == '_')
		return false;
	for (size_t i = 2; i < s.n; i++)
		if (!is_word(s.p[i]) || (s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return false;
	return true;
}

/* Numbers of the machine begin with a digit; "12.4", "550.54.15", "2.17". */
static bool good_version(struct str s)
{
	if (s.n < 1 || s.n > TEXT_MAX || !is_digit(s.p[0]) || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_word(s.p[i]) && s.p[i] != '.' && s.p[i] != '+' && s.p[i] != '!')
			return false;
	return true;
}

static bool good_build(struct str s)
{
	if (s.n < 1 || s.n > TEXT_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_word(s.p[i]) && s.p[i] != '.' && s.p[i] != '+')
			return false;
	return true;
}

#define FORM "it is written NAME=VERSION or NAME=VERSION=BUILD ('__glibc=2.28', '__archspec=1=x86_64_v3')"

int virtual_apply(struct arena *a, struct virtual_set *set, const char *text, struct err *err)
{
	struct str rest = str_of(text), name, version, build = { 0 };
	bool has_build;

	str_cut(&rest, '=', &name);
	if (!good_name(name))
		return err_set(err, ERR_USAGE,
			       "virtual package '%s': its name does not begin with two underscores; " FORM, text);
	if (!str_cut(&rest, '=', &version))
		return err_set(err, ERR_USAGE, "virtual package '%s' has no version; " FORM, text);
	has_build = rest.p;
	if (!version.n && !has_build) {
		take_away(set, arena_strndup(a, name.p, name.n));
		return 0;
	}
	if (!good_version(version))
		return err_set(err, ERR_USAGE, "virtual package '%s': '%.*s' is not a version; " FORM, text,
			       (int)version.n, version.p);
	if (has_build)
		build = rest;
	else if (str_eq(name, "__archspec"))
		return err_set(err, ERR_USAGE,
			       "virtual package '%s' has no build, which names the microarchitecture; " FORM, text);
	else
		build = STR("0");
	if (!good_build(build))
		return err_set(err, ERR_USAGE, "virtual package '%s': '%s' is not a build; " FORM, text, build.p);
	put(a, set, virtual_record(a, name, version, build));
	return 0;
}

/* Two to four numbers (CEP 30); what a distribution appends to them after '-' or '+' is cut off. */
static bool kernel_version(const char *value, struct str *ret)
{
	const char *p = value;
	unsigned numbers = 0;

	while (is_digit(*p) && numbers < 4) {
		while (is_digit(*p))
			p++;
		numbers++;
		if (*p != '.' || !is_digit(p[1]))
			break;
		p += numbers < 4;
	}
	*ret = (struct str){ value, (size_t)(p - value) };
	return numbers >= 2 && (*p == '\0' || *p == '-' || *p == '+');
}

int virtual_override(struct arena *a, struct virtual_set *set, const char *name, const char *value, struct err *err)
{
	static const struct {
		const char *name, *package;
	} known[] = {
		{ "ARCHSPEC", "__archspec" }, { "CUDA", "__cuda" },   { "CUDA_ARCH", "__cuda_arch" },
		{ "GLIBC", "__glibc" },	      { "LINUX", "__linux" },
	};
	const char *package = NULL;
	struct str version = str_of(value), build = STR("0");
	bool good;

	for (size_t i = 0; i < COUNT(known); i++)
		if (strcmp(name, known[i].name) == 0)
			package = known[i].package;
	if (!package)
		return 0;
	if (!*value) {
		take_away(set, package);
		return 0;
	}
	if (strcmp(name, "ARCHSPEC") == 0) {
		build = version;
		version = STR("1");
	}
	good = good_version(version) && good_build(build);
	if (strcmp(name, "LINUX") == 0)
		good = kernel_version(value, &version);
	if (!good)
		return err_set(err, ERR_USAGE, "CONDA_OVERRIDE_%s is '%s', which is not a %s", name, value,
			       strcmp(name, "ARCHSPEC") == 0 ? "microarchitecture"
			       : strcmp(name, "LINUX") == 0  ? "kernel version such as 5.10"
							     : "version");
	put(a, set, virtual_record(a, str_of(package), version, build));
	return 0;
}

const struct record *virtual_find(const struct virtual_set *set, const char *name)
{
	size_t i = place_of(set, name);

	return stands_at(set, i, name) ? &set->records[i] : NULL;
}

const char *const *virtual_texts(struct arena *a, const struct virtual_set *set)
{
	const char **list = arena_array(a, set->n + 1, sizeof(*list));

	for (size_t i = 0; i < set->n; i++)
		list[i] = arena_printf(a, "%s=%s=%s", set->records[i].name, set->records[i].version,
				       set->records[i].build);
	return list;
}

int virtual_from_texts(struct arena *a, const char *const *texts, struct virtual_set *ret, struct err *err)
{
	struct virtual_set set = { 0 };

	for (; *texts; texts++) {
		struct str build = str_of(*texts), name, version;
		struct record r;

		if (!str_cut(&build, '=', &name) || !str_cut(&build, '=', &version) || !build.p || !good_name(name) ||
		    !good_version(version) || !good_build(build))
			return err_set(err, ERR_FORMAT, "'%s' is not a virtual package, expected NAME=VERSION=BUILD",
				       *texts);
		r = virtual_record(a, name, version, build);
		if (virtual_find(&set, r.name))
			return err_set(err, ERR_FORMAT, "virtual package %s stands here twice", r.name);
		put(a, &set, r);
	}
	*ret = set;
	return 0;
}
