#include "conda/lock_record.h"

#include <string.h>

#include "conda/record_json.h"

#define SIZE_MAX_BYTES ((int64_t)1 << 42) /* 4 TiB: more than any package file */

static void put_other(struct json *j, const char *key, const char *s, const char *derived)
{
	if (s && strcmp(s, derived) != 0)
		json_put_string(j, key, s);
}

/* The build that a file name speaks of; "" where it is no package's. */
static const char *build_of(struct arena *a, const char *fn)
{
	const char *name, *version, *build;

	return record_split_fn(a, fn, &name, &version, &build) ? build : "";
}

void lock_record_write(const struct record *r, const struct lock_place *place, struct buf *ret)
{
	auto_arena a = { 0 };
	struct json j = { .out = ret };

	json_object(&j);
	put_other(&j, "build", r->build, build_of(&a, place->fn));
	json_put_int(&j, "build_number", (int64_t)r->build_number);
	put_other(&j, "channel", r->channel, place->channel);
	json_put_known_strings(&j, "constrains", r->constrains);
	json_put_strings(&j, "depends", r->depends);
	record_json_extras(&j, r);
	json_put_known_strings(&j, "flags", r->flags);
	put_other(&j, "fn", r->fn, place->fn);
	json_put_known_int(&j, "indexed_timestamp", r->indexed_timestamp);
	json_put_known_string(&j, "legacy_bz2_md5", r->legacy_bz2_md5);
	json_put_known_string(&j, "license", r->license);
	json_put_known_string(&j, "license_family", r->license_family);
	record_json_noarch(&j, r);
	json_put_known_string(&j, "python_site_packages_path", r->site_packages);
	json_put_known_int(&j, "size", (int64_t)r->size);
	put_other(&j, "subdir", r->subdir, place->subdir);
	json_put_known_int(&j, "timestamp", r->timestamp);
	json_put_known_strings(&j, "track_features", r->track_features);
	json_end(&j);
}

static int get_noarch(const struct doc *d, enum noarch *ret, struct err *err)
{
	const struct doc *v = doc_find(d, "noarch");
	const char *s;

	*ret = v && v->type == DOC_BOOL && v->num ? NOARCH_GENERIC : NOARCH_NO;
	if (v && v->type == DOC_BOOL)
		return 0;
	if (doc_get_string(d, "noarch", "", &s, err) < 0)
		return -1;
	if (*s && strcmp(s, "generic") != 0 && strcmp(s, "python") != 0)
		return doc_fault(d, err, "noarch is '%s', expected 'generic' or 'python'", s);
	*ret = !*s ? NOARCH_NO : *s == 'g' ? NOARCH_GENERIC : NOARCH_PYTHON;
	return 0;
}

static int get_extras(struct arena *a, const struct doc *d, struct record *r, struct err *err)
{
	const struct doc *map = doc_find(d, "extra_depends");
	struct record_extra *extras;

	if (!map || map->type == DOC_NULL)
		return 0;
	if (map->type != DOC_MAP)
		return doc_fault(d, err, "'extra_depends' is a %s, expected a map", doc_type_name(map->type));
	extras = arena_array(a, map->n, sizeof(*extras));
	for (size_t i = 0; i < map->n; i++) {
		extras[i].name = map->keys[i].text;
		if (doc_get_strings(a, map, map->keys[i].text, &extras[i].depends, NULL, err) < 0)
			return -1;
	}
	r->extras = extras;
	r->n_extras = map->n;
	return 0;
}

static int get_number(const struct doc *d, const char *key, int64_t max, int64_t *ret, struct err *err)
{
	if (doc_get_int(d, key, 0, ret, err) < 0)
		return -1;
	if (*ret < 0 || *ret > max)
		return doc_fault(d, err, "%s is %lld, expected 0 to %lld", key, (long long)*ret, (long long)max);
	return 0;
}

static int get_numbers(const struct doc *d, struct record *r, struct err *err)
{
	int64_t build_number, size;

	if (get_number(d, "build_number", INT64_MAX, &build_number, err) < 0 ||
	    get_number(d, "size", SIZE_MAX_BYTES, &size, err) < 0 ||
	    get_number(d, "timestamp", INT64_MAX, &r->timestamp, err) < 0 ||
	    get_number(d, "indexed_timestamp", INT64_MAX, &r->indexed_timestamp, err) < 0)
		return -1;
	r->build_number = (uint64_t)build_number;
	r->size = (uint64_t)size;
	return 0;
}

int lock_record_read(struct arena *a, const struct doc *d, struct record *r, struct err *err)
{
	const struct {
		const char *key, **ret;
	} strings[] = {
		{ "legacy_bz2_md5", &r->legacy_bz2_md5 },
		{ "license", &r->license },
		{ "license_family", &r->license_family },
		{ "python_site_packages_path", &r->site_packages },
	};
	const struct {
		const char *key;
		const char *const **ret;
	} lists[] = {
		{ "constrains", &r->constrains },
		{ "depends", &r->depends },
		{ "flags", &r->flags },
		{ "track_features", &r->track_features },
	};

	for (size_t i = 0; i < COUNT(strings); i++)
		if (doc_get_string(d, strings[i].key, *strings[i].ret, strings[i].ret, err) < 0)
			return -1;
	for (size_t i = 0; i < COUNT(lists); i++)
		if (doc_get_strings(a, d, lists[i].key, lists[i].ret, NULL, err) < 0)
			return -1;
	if (get_noarch(d, &r->noarch, err) < 0 || get_extras(a, d, r, err) < 0)
		return -1;
	return get_numbers(d, r, err);
}

/* What stands in a record only where it is not what the URL says. */
static int get_place(const struct doc *d, struct record *r, struct err *err)
{
	const struct {
		const char *key, **ret;
	} strings[] = {
		{ "build", &r->build },
		{ "channel", &r->channel },
		{ "fn", &r->fn },
		{ "subdir", &r->subdir },
	};

	for (size_t i = 0; i < COUNT(strings); i++)
		if (doc_get_string(d, strings[i].key, *strings[i].ret, strings[i].ret, err) < 0)
			return -1;
	return 0;
}

int lock_record_parse(struct arena *a, const char *json, struct record *ret, struct err *err)
{
	const struct doc *d = doc_parse_json(a, json, strlen(json), "its record", err);

	if (!d)
		return -1;
	if (d->type != DOC_MAP)
		return doc_fault(d, err, "is a %s, expected a map", doc_type_name(d->type));
	return get_place(d, ret, err) < 0 ? -1 : lock_record_read(a, d, ret, err);
}
