#include "conda/virtual_file.h"

#include <string.h>

#include "base/doc.h"
#include "base/num.h"

#define VIRTUAL_FILE_BYTES_MAX ((size_t)1 << 20)

static const struct doc *need_map(const struct doc *map, const char *key, struct err *err)
{
	const struct doc *v = doc_find(map, key);

	if (!v)
		doc_fault(map, err, "has no '%s', expected subdirs: SUBDIR: packages: NAME: VERSION", key);
	else if (v->type != DOC_MAP)
		doc_fault(v, err, "'%s' is a %s, expected a map", key, doc_type_name(v->type));
	return v && v->type == DOC_MAP ? v : NULL;
}

/* "1 x86_64_v3" is version and build. */
static int apply_one(struct arena *a, const struct doc *name, const struct doc *v, struct virtual_set *set,
		     struct err *err)
{
	struct err why = ERR_INIT;
	struct str build, version;

	if (v->type == DOC_LIST || v->type == DOC_MAP || v->type == DOC_NULL)
		return doc_fault(v, err, "the version of %s is a %s, expected a string such as \"2.28\"", name->text,
				 doc_type_name(v->type));
	build = str_trim(str_of(v->text));
	str_cut(&build, ' ', &version);
	build = build.p ? str_trim(build) : build;
	if (virtual_apply(a, set,
			  arena_printf(a, "%s=%.*s%s%.*s", name->text, (int)version.n, version.p ? version.p : "",
				       build.n ? "=" : "", (int)build.n, build.p ? build.p : ""),
			  &why) < 0)
		return doc_fault(name, err, "%s", why.text);
	return 0;
}

/* Every subdir is looked at, so that a mistake is not found by the next platform only. */
static int apply_subdir(struct arena *a, const struct doc *name, const struct doc *v, const char *subdir,
			struct virtual_set *set, struct err *err)
{
	struct virtual_set other = { 0 }, *to = strcmp(name->text, subdir) == 0 ? set : &other;
	const struct doc *packages;

	if (!platform_is_subdir(name->text))
		return doc_fault(name, err, "'%s' is not a platform such as linux-64", name->text);
	if (v->type != DOC_MAP)
		return doc_fault(v, err, "'%s' is a %s, expected a map with 'packages'", name->text,
				 doc_type_name(v->type));
	packages = need_map(v, "packages", err);
	if (!packages)
		return -1;
	for (size_t i = 0; i < packages->n; i++)
		if (apply_one(a, &packages->keys[i], &packages->items[i], to, err) < 0)
			return -1;
	return 0;
}

int virtual_file_apply(struct arena *a, const char *p, size_t n, const char *file, const char *subdir,
		       struct virtual_set *set, struct err *err)
{
	const struct doc *d, *subdirs;

	if (n > VIRTUAL_FILE_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s: is larger than %s, which no list of virtual packages is", file,
			       num_bytes(VIRTUAL_FILE_BYTES_MAX).s);
	d = doc_parse_yaml(a, p, n, arena_strdup(a, file), err);
	if (!d)
		return -1;
	if (d->type != DOC_MAP)
		return doc_fault(d, err, "is a %s, expected a map with 'subdirs'", doc_type_name(d->type));
	subdirs = need_map(d, "subdirs", err);
	if (!subdirs)
		return -1;
	for (size_t i = 0; i < subdirs->n; i++)
		if (apply_subdir(a, &subdirs->keys[i], &subdirs->items[i], subdir, set, err) < 0)
			return -1;
	return 0;
}
