#include "channels/publish.h"

#include <inttypes.h>
#include <string.h>

#include "conda/record_json.h"

void publish_begin(struct publish *p, const char *subdir)
{
	*p = (struct publish){ 0 };
	p->subdir = arena_strdup(&p->arena, subdir);
}

void publish_release(struct publish *p)
{
	free(p->entries);
	free(p->by_name);
	free(p->removed);
	arena_release(&p->arena);
	*p = (struct publish){ 0 };
}

/* ---- a record as JSON ---- */

static void put_digests(struct json *j, const struct record *r)
{
	char md5[33];

	if (r->has_md5) {
		digest_hex_of(r->md5, sizeof(r->md5), md5);
		json_put_string(j, "md5", md5);
	} else {
		json_put_string(j, "md5", NULL);
	}
}

/* Keys in their order. */
static void put_record(struct json *j, const struct record *r)
{
	json_object(j);
	json_put_string(j, "build", r->build);
	json_put_int(j, "build_number", (int64_t)r->build_number);
	json_put_known_strings(j, "constrains", r->constrains);
	json_put_strings(j, "depends", r->depends);
	record_json_extras(j, r);
	json_put_known_strings(j, "flags", r->flags);
	json_put_known_int(j, "indexed_timestamp", r->indexed_timestamp);
	json_put_known_string(j, "legacy_bz2_md5", r->legacy_bz2_md5);
	json_put_known_string(j, "license", r->license);
	json_put_known_string(j, "license_family", r->license_family);
	put_digests(j, r);
	json_put_string(j, "name", r->name);
	record_json_noarch(j, r);
	json_put_known_string(j, "python_site_packages_path", r->site_packages);
	json_put_string(j, "sha256", digest_hex(&r->sha256).hex);
	json_put_int(j, "size", (int64_t)r->size);
	json_put_string(j, "subdir", r->subdir);
	json_put_known_int(j, "timestamp", r->timestamp);
	record_json_features(j, r);
	json_put_string(j, "version", r->version);
	json_end(j);
}

/* What readers that know no v3 would take for something else (CEP 43, 44, 45). */
static bool has_condition(const char *const *specs)
{
	for (; specs && *specs; specs++) {
		const char *brackets = strchr(*specs, '[');

		if (brackets &&
		    (strstr(brackets, "when=") || strstr(brackets, "extras=") || strstr(brackets, "flags=")))
			return true;
	}
	return false;
}

static bool needs_v3(const struct record *r)
{
	return r->n_extras || (r->flags && *r->flags) || has_condition(r->depends) || has_condition(r->constrains);
}

/* ---- entries ---- */

static const char *text_of(const struct doc *map, const char *key)
{
	const struct doc *d = doc_find(map, key);

	return d && d->type == DOC_STRING ? d->text : NULL;
}

static void append(struct publish *p, const struct publish_entry *e)
{
	mem_grow(p->entries, p->n);
	p->entries[p->n++] = *e;
}

static struct publish_entry *find(struct publish *p, const char *fn)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->entries[i].fn, fn) == 0)
			return &p->entries[i];
	return NULL;
}

int publish_add(struct publish *p, const struct record *r, struct err *err)
{
	auto_buf text = { 0 };
	struct json j = { .out = &text };
	struct publish_entry e = { .v3 = needs_v3(r), .fn = arena_strdup(&p->arena, r->fn) }, *old;
	const char *was;

	if (!r->has_sha256)
		return err_set(err, ERR_FORMAT, "%s has no sha256", r->fn);
	put_record(&j, r);
	e.record = doc_parse_json(&p->arena, text.p, text.n, "record", err);
	if (!e.record)
		return err_at(err, "%s", r->fn);
	e.name = text_of(e.record, "name");
	old = find(p, r->fn);
	was = old ? text_of(old->record, "sha256") : NULL;
	if (was && strcmp(was, digest_hex(&r->sha256).hex) != 0)
		return err_set(
			err, ERR_FORMAT,
			"%s/%s is there with other bytes (sha256:%s, and now sha256:%s): two channels have one file "
			"of this name; give each its own folder",
			p->subdir, r->fn, was, digest_hex(&r->sha256).hex);
	if (old)
		*old = e;
	else
		append(p, &e);
	return 0;
}

/* ---- what is there already ---- */

static int read_section(struct publish *p, const struct doc *map, const char *suffix, bool v3, struct err *err)
{
	if (!map || map->type == DOC_NULL)
		return 0;
	if (map->type != DOC_MAP)
		return doc_fault(map, err, "a section of packages is a %s, expected a map", doc_type_name(map->type));
	for (size_t i = 0; i < map->n; i++) {
		struct publish_entry e = { .v3 = v3,
					   .fn = v3 ? arena_printf(&p->arena, "%s.%s", map->keys[i].text, suffix)
						    : map->keys[i].text,
					   .name = text_of(&map->items[i], "name"),
					   .record = &map->items[i] };

		if (!e.name)
			return doc_fault(map, err, "the record of %s has no name", e.fn);
		append(p, &e);
	}
	return 0;
}

static int read_removed(struct publish *p, const struct doc *d, struct err *err)
{
	const char *const *list;
	size_t n;

	if (doc_get_strings(&p->arena, d, "removed", &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		mem_grow(p->removed, p->n_removed);
		p->removed[p->n_removed++] = list[i];
	}
	return 0;
}

int publish_read(struct publish *p, const char *text, size_t n, const char *name, struct err *err)
{
	const struct doc *d, *v3;

	if (!n)
		return 0;
	d = doc_parse_json(&p->arena, text, n, arena_strdup(&p->arena, name), err);
	if (!d)
		return -1;
	if (d->type != DOC_MAP)
		return doc_fault(d, err, "is a %s, expected a map", doc_type_name(d->type));
	if (doc_find(doc_find(d, "info"), "base_url"))
		return doc_fault(d, err, "has a base_url: its packages are elsewhere");
	v3 = doc_find(d, "v3");
	if (read_section(p, doc_find(d, "packages"), "tar.bz2", false, err) < 0 ||
	    read_section(p, doc_find(d, "packages.conda"), "conda", false, err) < 0 || read_removed(p, d, err) < 0)
		return -1;
	for (size_t i = 0; v3 && v3->type == DOC_MAP && i < v3->n; i++)
		if (read_section(p, &v3->items[i], v3->keys[i].text, true, err) < 0)
			return -1;
	return 0;
}

static int entry_cmp(const void *x, const void *y)
{
	const struct publish_entry *a = x, *b = y;

	return strcmp(a->fn, b->fn);
}

static int name_cmp(const void *x, const void *y)
{
	const struct publish_entry *const *a = x, *const *b = y;
	int c = strcmp((*a)->name, (*b)->name);

	return c ? c : strcmp((*a)->fn, (*b)->fn);
}

void publish_sort(struct publish *p)
{
	size_t kept = 0;

	free(p->by_name);
	p->by_name = mem_array(p->n + 1, sizeof(*p->by_name));
	if (p->n)
		qsort(p->entries, p->n, sizeof(*p->entries), entry_cmp);
	for (size_t i = 0; i < p->n; i++)
		p->by_name[i] = &p->entries[i];
	if (p->n)
		qsort(p->by_name, p->n, sizeof(*p->by_name), name_cmp);
	if (p->n_removed)
		qsort(p->removed, p->n_removed, sizeof(*p->removed), str_ptr_cmp);
	/* what is there is not removed */
	for (size_t i = 0; i < p->n_removed; i++)
		if (!find(p, p->removed[i]) && (!kept || strcmp(p->removed[kept - 1], p->removed[i]) != 0))
			p->removed[kept++] = p->removed[i];
	p->n_removed = kept;
}

/* ---- repodata.json ---- */

static int key_cmp(const void *x, const void *y)
{
	const struct doc *const *a = x, *const *b = y;

	return strcmp((*a)->text, (*b)->text);
}

const struct doc **publish_keys(const struct doc *map)
{
	const struct doc **ret = mem_array(map->n + 1, sizeof(*ret));

	for (size_t i = 0; i < map->n; i++)
		ret[i] = &map->keys[i];
	if (map->n)
		qsort(ret, map->n, sizeof(*ret), key_cmp);
	return ret;
}

static void put_doc(struct json *j, const struct doc *d)
{
	switch (d->type) {
	case DOC_NULL:
		json_null(j);
		return;
	case DOC_BOOL:
		json_bool(j, d->num);
		return;
	case DOC_INT:
	case DOC_FLOAT:
		json_number(j, d->text);
		return;
	case DOC_STRING:
		json_string(j, d->text);
		return;
	case DOC_LIST:
		json_array(j);
		for (size_t i = 0; i < d->n; i++)
			put_doc(j, &d->items[i]);
		json_end(j);
		return;
	case DOC_MAP: {
		auto_free const struct doc **keys = publish_keys(d);

		json_object(j);
		for (size_t i = 0; i < d->n; i++) {
			json_key(j, keys[i]->text);
			put_doc(j, &d->items[keys[i] - d->keys]);
		}
		json_end(j);
	}
	}
}

static bool has_v3(const struct publish *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->entries[i].v3)
			return true;
	return false;
}

bool publish_is_of(const struct publish_entry *e, const char *suffix, bool v3)
{
	return e->v3 == v3 && str_ends(e->fn, suffix);
}

/* The extension is the key's above it, in v3. */
static void put_section(struct json *j, const struct publish *p, const char *key, const char *suffix, bool v3)
{
	json_key(j, key);
	json_object(j);
	for (size_t i = 0; i < p->n; i++) {
		const struct publish_entry *e = &p->entries[i];
		auto_free char *stem = mem_printf("%.*s", (int)(strlen(e->fn) - strlen(suffix)), e->fn);

		if (!publish_is_of(e, suffix, v3))
			continue;
		json_key(j, v3 ? stem : e->fn);
		put_doc(j, e->record);
	}
	json_end(j);
}

void publish_repodata(const struct publish *p, struct buf *ret)
{
	struct json j = { .out = ret, .indent = 1 };

	json_object(&j);
	json_key(&j, "info");
	json_object(&j);
	json_put_string(&j, "subdir", p->subdir);
	json_end(&j);
	put_section(&j, p, "packages", ".tar.bz2", false);
	put_section(&j, p, "packages.conda", ".conda", false);
	json_key(&j, "removed");
	json_array(&j);
	for (size_t i = 0; i < p->n_removed; i++)
		json_string(&j, p->removed[i]);
	json_end(&j);
	json_put_int(&j, "repodata_version", 1);
	if (has_v3(p)) {
		json_key(&j, "v3");
		json_object(&j);
		put_section(&j, p, "conda", ".conda", true);
		put_section(&j, p, "tar.bz2", ".tar.bz2", true);
		json_end(&j);
	}
	json_end(&j);
	buf_addc(ret, '\n');
}

const char *const *publish_names(const struct publish *p, struct arena *a)
{
	const char **ret = arena_array(a, p->n + 1, sizeof(*ret));
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (!n || strcmp(ret[n - 1], p->by_name[i]->name) != 0)
			ret[n++] = p->by_name[i]->name;
	return ret;
}
