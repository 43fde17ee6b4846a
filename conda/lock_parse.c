#include "conda/lock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/doc.h"
#include "base/num.h"
#include "base/tree.h"
#include "conda/lock_record.h"
#include "conda/lock_url.h"
#include "conda/platform.h"

#define LOCK_BYTES_MAX ((size_t)64 << 20)
#define PACKAGES_MAX ((size_t)100000)
#define FORMAT "1"

/* A package that was read. */
struct item {
	struct record r;
	const struct doc *at; /* its name, for sentences */
	size_t platform; /* index in the lock's */
	bool libc;
};

struct reader {
	struct lock *l;
	const struct doc **custom; /* pointers to keys of custom_metadata, sorted by text */
	size_t n_custom;
	const struct doc *custom_map;
	struct item *items;
	size_t n_items;
	bool left_out; /* a package of another category was met */
	struct err *err;
};

/* ---- small things ---- */

/* The key's value where it is a scalar, as written; dflt where it is missing or null; else a fault. */
static int get_text(struct reader *r, const struct doc *map, const char *key, const char *dflt, const char **ret)
{
	const struct doc *v = doc_find(map, key);

	if (v && (v->type == DOC_LIST || v->type == DOC_MAP))
		return doc_fault(v, r->err, "'%s' is a %s, expected a string", key, doc_type_name(v->type));
	*ret = v && v->type != DOC_NULL ? v->text : dflt;
	if (!*ret)
		return doc_fault(v ? v : map, r->err, "has no '%s'", key);
	return 0;
}

/* Refuse keys that are not in a list of allowed ones: conda-lock's models are strict. */
static int only_keys(struct reader *r, const struct doc *map, const char *what, const char *const *allowed)
{
	if (map->type != DOC_MAP)
		return doc_fault(map, r->err, "%s is a %s, expected a map", what, doc_type_name(map->type));
	for (size_t i = 0; i < map->n; i++) {
		const char *const *k = allowed;

		while (*k && strcmp(*k, map->keys[i].text) != 0)
			k++;
		if (!*k)
			return doc_fault(&map->keys[i], r->err,
					 "'%s' is not a key of %s in a conda-lock file (version 1)", map->keys[i].text,
					 what);
	}
	return 0;
}

/* ---- custom_metadata ---- */

static int key_cmp(const void *a, const void *b)
{
	return strcmp((*(const struct doc *const *)a)->text, (*(const struct doc *const *)b)->text);
}

static int read_custom(struct reader *r, const struct doc *metadata)
{
	const struct doc *map = doc_find(metadata, "custom_metadata");

	if (!map || map->type == DOC_NULL)
		return 0;
	if (map->type != DOC_MAP)
		return doc_fault(map, r->err, "'custom_metadata' is a %s, expected a map", doc_type_name(map->type));
	r->custom = mem_array(map->n, sizeof(*r->custom));
	r->n_custom = map->n;
	r->custom_map = map;
	for (size_t i = 0; i < map->n; i++) {
		if (map->items[i].type == DOC_LIST || map->items[i].type == DOC_MAP)
			return doc_fault(&map->items[i], r->err, "'%s' is a %s, expected a string", map->keys[i].text,
					 doc_type_name(map->items[i].type));
		r->custom[i] = &map->keys[i];
	}
	qsort(r->custom, r->n_custom, sizeof(*r->custom), key_cmp);
	return 0;
}

/* The value of a key of ours, or NULL. */
static const struct doc *custom(const struct reader *r, const char *key)
{
	const struct doc want = { .text = key }, *p = &want, *const * found;

	if (!r->n_custom)
		return NULL;
	found = bsearch(&p, r->custom, r->n_custom, sizeof(*r->custom), key_cmp);
	return found ? &r->custom_map->items[*found - r->custom_map->keys] : NULL;
}

static const char *custom_text(const struct reader *r, const char *key, const char *dflt)
{
	const struct doc *v = custom(r, key);

	return v && v->type != DOC_NULL ? v->text : dflt;
}

/* The JSON in the value of a key of ours; NULL, without a failure, where there is none. */
static int custom_json(struct reader *r, const char *key, enum doc_type type, const struct doc **ret)
{
	const struct doc *v = custom(r, key);
	struct err why = ERR_INIT;

	*ret = NULL;
	if (!v)
		return 0;
	*ret = doc_parse_json(&r->l->arena, v->text, strlen(v->text), "its value", &why);
	if (!*ret)
		return doc_fault(v, r->err, "'%s': %s", key, why.text);
	if ((*ret)->type != type)
		return doc_fault(v, r->err, "'%s' holds a %s, expected a %s", key, doc_type_name((*ret)->type),
				 doc_type_name(type));
	for (size_t i = 0; i < (*ret)->n; i++)
		if ((*ret)->items[i].type != DOC_STRING)
			return doc_fault(v, r->err, "'%s' holds a %s, expected only strings in it", key,
					 doc_type_name((*ret)->items[i].type));
	return 0;
}

static int custom_strings(struct reader *r, const char *key, const char *const **ret)
{
	const struct doc *list;
	const char **strings;

	if (custom_json(r, key, DOC_LIST, &list) < 0)
		return -1;
	strings = arena_array(&r->l->arena, (list ? list->n : 0) + 1, sizeof(*strings));
	for (size_t i = 0; list && i < list->n; i++)
		strings[i] = list->items[i].text;
	*ret = strings;
	return 0;
}

static int variable_cmp(const void *a, const void *b)
{
	return strcmp(((const struct env_variable *)a)->name, ((const struct env_variable *)b)->name);
}

static int custom_variables(struct reader *r)
{
	const struct doc *map;
	struct env_variable *list;

	if (custom_json(r, "condaimg.variables", DOC_MAP, &map) < 0)
		return -1;
	if (!map || !map->n)
		return 0;
	list = arena_array(&r->l->arena, map->n, sizeof(*list));
	for (size_t i = 0; i < map->n; i++)
		list[i] = (struct env_variable){ map->keys[i].text, map->items[i].text };
	qsort(list, map->n, sizeof(*list), variable_cmp);
	r->l->variables = list;
	r->l->n_variables = map->n;
	return 0;
}

static int read_ours(struct reader *r)
{
	const char *format = custom_text(r, "condaimg.format", NULL);

	r->l->foreign = !format;
	r->l->priority = "";
	if (format && strcmp(format, FORMAT) != 0)
		return doc_fault(
			custom(r, "condaimg.format"), r->err,
			"is a lock of condaimg's format '%s', expected '%s': it was made by another version of condaimg",
			format, FORMAT);
	if (custom_strings(r, "condaimg.requested", &r->l->requested) < 0)
		return -1;
	if (r->l->foreign)
		return 0;
	r->l->name = custom_text(r, "condaimg.name", NULL);
	r->l->priority = custom_text(r, "condaimg.channel-priority", "");
	r->l->exclude_newer = custom_text(r, "condaimg.exclude-newer", NULL);
	r->l->base = custom_text(r, "condaimg.base", NULL);
	if (custom_strings(r, "condaimg.pins", &r->l->pins) < 0)
		return -1;
	return custom_variables(r);
}

/* ---- metadata ---- */

/* Channels may be names, which have no credentials to lose. */
static int clean_channel(struct reader *r, const struct doc *at, const char *url, const char **ret)
{
	const char *fault;

	*ret = url;
	if (!strstr(url, "://"))
		return 0;
	fault = lock_url_clean(&r->l->arena, url, ret);
	return fault ? doc_fault(at, r->err, "the channel's URL %s", fault) : 0;
}

static int read_channels(struct reader *r, const struct doc *metadata)
{
	static const char *const allowed[] = { "url", "used_env_vars", NULL };
	const struct doc *list = doc_need(metadata, "channels", DOC_LIST, r->err);
	const char **channels;

	if (!list)
		return -1;
	channels = arena_array(&r->l->arena, list->n + 1, sizeof(*channels));
	for (size_t i = 0; i < list->n; i++) {
		const struct doc *c = &list->items[i];
		const char *url = c->text;

		if (c->type != DOC_STRING &&
		    (only_keys(r, c, "a channel", allowed) < 0 || get_text(r, c, "url", NULL, &url) < 0))
			return -1;
		if (clean_channel(r, c, url, &channels[i]) < 0)
			return -1;
	}
	r->l->channels = channels;
	return 0;
}

static int platform_cmp(const void *a, const void *b)
{
	return strcmp(((const struct lock_platform *)a)->subdir, ((const struct lock_platform *)b)->subdir);
}

static int read_platform(struct reader *r, const struct doc *hashes, const struct doc *at, struct lock_platform *p)
{
	struct arena *a = &r->l->arena;

	if (at->type != DOC_STRING || !platform_is_subdir(at->text) || strcmp(at->text, "noarch") == 0)
		return doc_fault(at, r->err, "'%s' is not a platform such as linux-64", at->text ? at->text : "");
	p->subdir = at->text;
	p->libc = custom_text(r, arena_printf(a, "condaimg.libc.%s", p->subdir), "");
	p->provenance = custom_text(r, arena_printf(a, "condaimg.repodata.%s", p->subdir), NULL);
	if (get_text(r, hashes, p->subdir, "", &p->content_hash) < 0)
		return -1;
	return custom_strings(r, arena_printf(a, "condaimg.virtual-packages.%s", p->subdir), &p->virtuals);
}

static int read_platforms(struct reader *r, const struct doc *metadata)
{
	const struct doc *list = doc_need(metadata, "platforms", DOC_LIST, r->err);
	const struct doc *hashes = list ? doc_need(metadata, "content_hash", DOC_MAP, r->err) : NULL;
	struct lock_platform *p;

	if (!hashes)
		return -1;
	p = arena_array(&r->l->arena, list->n, sizeof(*p));
	for (size_t i = 0; i < list->n; i++)
		if (read_platform(r, hashes, &list->items[i], &p[i]) < 0)
			return -1;
	if (list->n)
		qsort(p, list->n, sizeof(*p), platform_cmp);
	for (size_t i = 1; i < list->n; i++)
		if (strcmp(p[i - 1].subdir, p[i].subdir) == 0)
			return doc_fault(list, r->err, "platform '%s' stands here twice", p[i].subdir);
	r->l->platforms = p;
	r->l->n_platforms = list->n;
	return 0;
}

static int read_metadata(struct reader *r, const struct doc *top)
{
	static const char *const allowed[] = { "content_hash",	  "channels",	     "platforms",
					       "sources",	  "time_metadata",   "git_metadata",
					       "inputs_metadata", "custom_metadata", NULL };
	const struct doc *metadata = doc_need(top, "metadata", DOC_MAP, r->err);

	if (!metadata || only_keys(r, metadata, "'metadata'", allowed) < 0 || read_custom(r, metadata) < 0 ||
	    read_ours(r) < 0 || read_channels(r, metadata) < 0 || read_platforms(r, metadata) < 0)
		return -1;
	return doc_get_strings(&r->l->arena, metadata, "sources", &r->l->sources, NULL, r->err);
}

/* ---- packages ---- */

static int read_hashes(struct reader *r, const struct doc *d, struct record *rec)
{
	static const char *const allowed[] = { "md5", "sha256", NULL };
	const struct doc *map = doc_need(d, "hash", DOC_MAP, r->err);
	const char *md5, *sha256;

	if (!map || only_keys(r, map, "'hash'", allowed) < 0 || get_text(r, map, "md5", "", &md5) < 0 ||
	    get_text(r, map, "sha256", "", &sha256) < 0)
		return -1;
	rec->has_md5 = *md5;
	rec->has_sha256 = *sha256;
	if (*md5 && !digest_hex_parse(md5, rec->md5, sizeof(rec->md5)))
		return doc_fault(map, r->err, "md5 is '%s', expected 32 hex digits", md5);
	if (*sha256 && !digest_parse(sha256, &rec->sha256))
		return doc_fault(map, r->err, "sha256 is '%s', expected 64 hex digits", sha256);
	if (!*md5 && !*sha256)
		return doc_fault(map, r->err,
				 "has neither 'sha256' nor 'md5': what is downloaded could not be checked");
	return 0;
}

/* The package's URL, and what it says: subdir, file name, build, channel. */
static int read_url(struct reader *r, const struct doc *d, const char *platform, struct record *rec)
{
	struct arena *a = &r->l->arena;
	const struct doc *at = doc_find(d, "url");
	struct lock_place place;
	const char *url, *fault, *name, *version;

	if (get_text(r, d, "url", NULL, &url) < 0)
		return -1;
	fault = lock_url_clean(a, url, &rec->url);
	if (fault)
		return doc_fault(at, r->err, "the URL of %s %s", rec->name, fault);
	if (!lock_url_split(a, rec->url, &place) || !record_split_fn(a, place.fn, &name, &version, &rec->build))
		return doc_fault(at, r->err,
				 "the URL of %s does not end in a package's file name (NAME-VERSION-BUILD.conda)",
				 rec->name);
	if (strcmp(name, rec->name) != 0 || strcmp(version, rec->version) != 0)
		return doc_fault(at, r->err, "the URL is of %s %s, expected %s %s", name, version, rec->name,
				 rec->version);
	if (*place.subdir && strcmp(place.subdir, "noarch") != 0 && strcmp(place.subdir, platform) != 0)
		return doc_fault(at, r->err, "the URL of %s is of %s, expected %s or noarch", rec->name, place.subdir,
				 platform);
	rec->channel = place.channel;
	rec->subdir = place.subdir;
	rec->fn = place.fn;
	return 0;
}

/* Of a foreign lock: "name constraint". */
static int read_depends(struct reader *r, const struct doc *d, struct record *rec)
{
	const struct doc *map = doc_find(d, "dependencies");
	const char **list;

	if (!map || map->type == DOC_NULL)
		return 0;
	if (map->type != DOC_MAP)
		return doc_fault(map, r->err, "'dependencies' is a %s, expected a map", doc_type_name(map->type));
	list = arena_array(&r->l->arena, map->n + 1, sizeof(*list));
	for (size_t i = 0; i < map->n; i++) {
		const struct doc *v = &map->items[i];
		const char *name = map->keys[i].text;

		if (v->type == DOC_LIST || v->type == DOC_MAP)
			return doc_fault(v, r->err, "dependency '%s' is a %s, expected a string", name,
					 doc_type_name(v->type));
		list[i] = v->type == DOC_NULL || !*v->text ? name : arena_printf(&r->l->arena, "%s %s", name, v->text);
	}
	rec->depends = list;
	return 0;
}

/* What a record of ours says must still be of this file. */
static int check_record(struct reader *r, const struct doc *at, const char *platform, struct record *rec)
{
	const char *name, *version, *build, *fault;

	if (strchr(rec->fn, '/') || !record_split_fn(&r->l->arena, rec->fn, &name, &version, &build) ||
	    strcmp(name, rec->name) != 0 || strcmp(version, rec->version) != 0)
		return doc_fault(at, r->err, "the record of %s names the file '%s', which is of another package",
				 rec->name, rec->fn);
	if (strcmp(rec->subdir, "noarch") != 0 && strcmp(rec->subdir, platform) != 0)
		return doc_fault(at, r->err, "the record of %s is of '%s', expected %s or noarch", rec->name,
				 rec->subdir, platform);
	fault = rec->site_packages ? tree_path_fault(rec->site_packages) : NULL;
	if (fault)
		return doc_fault(at, r->err, "the record of %s: python_site_packages_path %s", rec->name, fault);
	return clean_channel(r, at, rec->channel, &rec->channel);
}

static int read_record(struct reader *r, const struct doc *at, const char *platform, bool libc, struct record *rec)
{
	const char *key =
		arena_printf(&r->l->arena, "condaimg.%s.%s/%s", libc ? "libc-record" : "record", platform, rec->fn);
	const struct doc *v = custom(r, key);
	struct err why = ERR_INIT;

	if (!v)
		return doc_fault(
			at, r->err,
			"custom_metadata has no '%s': the lock was changed by hand or by another tool; lock again",
			key);
	if (lock_record_parse(&r->l->arena, v->text, rec, &why) < 0)
		return doc_fault(v, r->err, "'%s': %s", key, why.text);
	return check_record(r, v, platform, rec);
}

static uint32_t rank_of(const struct lock *l, const char *channel)
{
	uint32_t i = 0;

	while (l->channels[i] && strcmp(l->channels[i], channel) != 0)
		i++;
	return i;
}

static int read_conda(struct reader *r, const struct doc *d, struct item *it)
{
	const char *platform = r->l->platforms[it->platform].subdir, *build;
	struct record *rec = &it->r;

	if (read_url(r, d, platform, rec) < 0 || read_hashes(r, d, rec) < 0 ||
	    get_text(r, d, "build", rec->build, &build) < 0)
		return -1;
	if (strcmp(build, rec->build) != 0)
		return doc_fault(doc_find(d, "build"), r->err, "build is '%s', but the URL's is '%s'", build,
				 rec->build);
	if (r->l->foreign) {
		rec->bare = true;
		if (read_depends(r, d, rec) < 0)
			return -1;
	} else if (read_record(r, it->at, platform, it->libc, rec) < 0) {
		return -1;
	}
	rec->channel_rank = rank_of(r->l, rec->channel);
	record_defaults(rec);
	return 0;
}

/* Of another category than is built: said once, by the first. */
static void leave_out(struct reader *r, const struct doc *at, const char *category)
{
	const char **list;

	if (r->left_out)
		return;
	r->left_out = true;
	list = arena_array(&r->l->arena, 2, sizeof(*list));
	list[0] = arena_printf(&r->l->arena,
			       "%s:%u:%u: packages of other categories than 'main', such as this of '%s', are left out",
			       at->file, at->line, at->column, category);
	r->l->warnings = list;
}

static int find_platform(struct reader *r, const struct doc *d, size_t *ret)
{
	const char *platform;

	if (get_text(r, d, "platform", NULL, &platform) < 0)
		return -1;
	for (*ret = 0; *ret < r->l->n_platforms; ++*ret)
		if (strcmp(r->l->platforms[*ret].subdir, platform) == 0)
			return 0;
	return doc_fault(doc_find(d, "platform"), r->err, "platform '%s' is not among those in 'metadata'", platform);
}

static int read_package(struct reader *r, const struct doc *d)
{
	static const char *const allowed[] = { "name",	   "version",	 "manager", "platform", "dependencies",
					       "url",	   "hash",	 "source",  "build",	"category",
					       "optional", "constrains", NULL };
	struct item it = { 0 };
	const char *manager, *category;

	if (only_keys(r, d, "a package", allowed) < 0 || get_text(r, d, "name", NULL, &it.r.name) < 0 ||
	    get_text(r, d, "version", NULL, &it.r.version) < 0 || get_text(r, d, "manager", NULL, &manager) < 0 ||
	    get_text(r, d, "category", "main", &category) < 0 || find_platform(r, d, &it.platform) < 0)
		return -1;
	it.at = doc_find(d, "name");
	/* In a lock as others write it, too: condaimg lock makes such of a list of URLs. */
	it.libc = strcmp(category, "libc") == 0 && (!r->l->foreign || str_starts(it.r.name, "sysroot_"));
	if (!it.libc && strcmp(category, "main") != 0) {
		leave_out(r, it.at, category);
		return 0;
	}
	if (strcmp(manager, "pip") == 0)
		return doc_fault(it.at, r->err,
				 "package '%s' is one from PyPI (manager: pip), which condaimg does not install yet",
				 it.r.name);
	if (strcmp(manager, "conda") != 0)
		return doc_fault(doc_find(d, "manager"), r->err, "manager is '%s', expected 'conda'", manager);
	if (read_conda(r, d, &it) < 0)
		return -1;
	r->items[r->n_items++] = it;
	return 0;
}

/* ---- all of it ---- */

static int item_cmp(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int c = a->platform < b->platform ? -1 : a->platform > b->platform;

	if (!c)
		c = a->libc - b->libc;
	if (!c)
		c = strcmp(a->r.name, b->r.name);
	return c ? c : a->at->line < b->at->line ? -1 : a->at->line > b->at->line;
}

static int refuse_twice(struct reader *r)
{
	for (size_t i = 1; i < r->n_items; i++) {
		const struct item *a = &r->items[i - 1], *b = &r->items[i];

		if (a->platform == b->platform && a->libc == b->libc && strcmp(a->r.name, b->r.name) == 0)
			return doc_fault(b->at, r->err,
					 "package '%s' stands here a second time for %s (first in line %u)", b->r.name,
					 r->l->platforms[b->platform].subdir, a->at->line);
	}
	return 0;
}

/* The items from *at on that are of one platform and kind, in the order of lock_order(). */
static const struct record *take_records(struct reader *r, size_t platform, bool libc, size_t *at, size_t *n)
{
	size_t first = *at;
	struct record *ret;

	while (*at < r->n_items && r->items[*at].platform == platform && r->items[*at].libc == libc)
		++*at;
	*n = *at - first;
	ret = arena_array(&r->l->arena, *n, sizeof(*ret));
	for (size_t i = 0; i < *n; i++)
		ret[i] = r->items[first + i].r;
	lock_order(ret, *n);
	return ret;
}

static int read_packages(struct reader *r, const struct doc *top)
{
	const struct doc *list = doc_need(top, "package", DOC_LIST, r->err);
	struct lock_platform *p = arena_dup(&r->l->arena, r->l->platforms, r->l->n_platforms * sizeof(*p));
	size_t at = 0;

	if (!list)
		return -1;
	if (list->n > PACKAGES_MAX)
		return doc_fault(list, r->err, "has %zu packages, expected at most %zu", list->n, PACKAGES_MAX);
	r->items = mem_array(list->n, sizeof(*r->items));
	for (size_t i = 0; i < list->n; i++)
		if (read_package(r, &list->items[i]) < 0)
			return -1;
	qsort(r->items, r->n_items, sizeof(*r->items), item_cmp);
	if (refuse_twice(r) < 0)
		return -1;
	for (size_t i = 0; i < r->l->n_platforms; i++) {
		p[i].packages = take_records(r, i, false, &at, &p[i].n_packages);
		p[i].libc_packages = take_records(r, i, true, &at, &p[i].n_libc_packages);
	}
	r->l->platforms = p;
	return 0;
}

static int read_lock(struct reader *r, const char *p, size_t n, const char *file)
{
	static const char *const allowed[] = { "version", "metadata", "package", NULL };
	const struct doc *d = doc_parse_yaml(&r->l->arena, p, n, file, r->err);
	int64_t version;

	if (!d || only_keys(r, d, "the lock", allowed) < 0 || doc_get_int(d, "version", 1, &version, r->err) < 0)
		return -1;
	if (version != 1)
		return doc_fault(doc_find(d, "version"), r->err, "is a lock of version %lld, expected version 1",
				 (long long)version);
	return read_metadata(r, d) < 0 ? -1 : read_packages(r, d);
}

int lock_parse(const char *p, size_t n, const char *file, struct lock *ret, struct err *err)
{
	static const char *const none[] = { NULL };
	struct lock l = { .warnings = none };
	struct reader r = { .l = &l, .err = err };
	int rc;

	if (n > LOCK_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s: is larger than %s, which no lock is", file,
			       num_bytes(LOCK_BYTES_MAX).s);
	rc = read_lock(&r, p, n, arena_strdup(&l.arena, file));
	free(r.custom);
	free(r.items);
	if (rc < 0)
		arena_release(&l.arena);
	else
		*ret = l;
	return rc;
}
