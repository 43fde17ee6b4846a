#include "conda/pixi_lock.h"

#include <string.h>

#include "base/doc.h"
#include "base/num.h"
#include "base/tree.h"
#include "conda/lock_record.h"
#include "conda/lock_url.h"
#include "conda/platform.h"

#define PIXI_BYTES_MAX ((size_t)64 << 20)
#define PACKAGES_MAX ((size_t)100000)
#define VERSION_MIN 6
#define VERSION_MAX 7
#define NAMED_MAX 8 /* packages that a refusal names */

/* A key of an entry that says what kind it is, and where. */
static const char *const kinds[] = { "conda", "conda_source", "pypi" };
enum kind { KIND_CONDA, KIND_SOURCE, KIND_PYPI, KIND_UNKNOWN };

struct pixi_entry {
	enum kind kind;
	const char *where;
	const struct doc *map;
};

struct reader {
	struct lock *l;
	const char *dir;
	const struct doc *top;
	const struct doc *environment;
	const char *environment_name;
	const char *platform_name; /* behind '@', or NULL */
	struct pixi_entry *entries; /* of "packages", sorted by kind and place */
	size_t n_entries;
	struct err *err;
};

/* ---- small things ---- */

static bool is_scalar(const struct doc *d)
{
	return d->type != DOC_LIST && d->type != DOC_MAP && d->type != DOC_NULL;
}

/* A scalar as written (a build may be 0, a version 1.10); dflt where there is none. */
static int get_text(struct reader *r, const struct doc *map, const char *key, const char *dflt, const char **ret)
{
	const struct doc *v = doc_find(map, key);

	*ret = dflt;
	if (!v || v->type == DOC_NULL)
		return 0;
	if (!is_scalar(v))
		return doc_fault(v, r->err, "'%s' is a %s, expected a string", key, doc_type_name(v->type));
	*ret = v->text;
	return 0;
}

static int read_entry(struct reader *r, const struct doc *d, struct pixi_entry *ret)
{
	if (d->type != DOC_MAP)
		return doc_fault(d, r->err, "a package is a %s, expected a map such as 'conda: URL'",
				 doc_type_name(d->type));
	*ret = (struct pixi_entry){ KIND_UNKNOWN, NULL, d };
	for (size_t k = 0; k < COUNT(kinds) && ret->kind == KIND_UNKNOWN; k++) {
		const struct doc *v = doc_find(d, kinds[k]);

		if (v && v->type != DOC_STRING)
			return doc_fault(v, r->err, "'%s' is a %s, expected a string", kinds[k],
					 doc_type_name(v->type));
		if (v)
			*ret = (struct pixi_entry){ (enum kind)k, v->text, d };
	}
	if (ret->kind == KIND_UNKNOWN)
		return doc_fault(d, r->err, "has none of 'conda', 'conda_source' and 'pypi', so it is no package");
	return 0;
}

/* A folder to build a package from, which version 6 writes like a package. */
static bool is_source(const struct pixi_entry *e)
{
	size_t stem;

	return e->kind == KIND_SOURCE || (e->kind == KIND_CONDA && !record_is_package_file(e->where, &stem));
}

static int entry_cmp(const void *x, const void *y)
{
	const struct pixi_entry *a = x, *b = y;
	int c = a->kind < b->kind ? -1 : a->kind > b->kind;

	return c ? c : strcmp(a->where, b->where);
}

static int entry_place_cmp(const void *x, const void *y)
{
	const struct pixi_entry *a = x, *b = y;
	int c = entry_cmp(a, b);

	return c ? c : a->map < b->map ? -1 : a->map > b->map;
}

static int read_entries(struct reader *r)
{
	const struct doc *list = doc_need(r->top, "packages", DOC_LIST, r->err);

	if (!list)
		return -1;
	if (list->n > PACKAGES_MAX)
		return doc_fault(list, r->err, "has %zu packages, expected at most %zu", list->n, PACKAGES_MAX);
	r->entries = mem_array(list->n, sizeof(*r->entries));
	for (size_t i = 0; i < list->n; i++)
		if (read_entry(r, &list->items[i], &r->entries[r->n_entries++]) < 0)
			return -1;
	if (r->n_entries)
		qsort(r->entries, r->n_entries, sizeof(*r->entries), entry_place_cmp);
	return 0;
}

static const struct pixi_entry *find_entry(const struct reader *r, const struct pixi_entry *want)
{
	return r->n_entries ? bsearch(want, r->entries, r->n_entries, sizeof(*want), entry_cmp) : NULL;
}

/* ---- a record ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits that a build ends with, as rattler takes them where no number is told. */
static uint64_t number_of_build(const char *build)
{
	size_t n = strlen(build), at = n;
	uint64_t ret = 0;

	while (at && is_digit(build[at - 1]))
		at--;
	return num_parse(build + at, INT64_MAX, &ret) ? ret : 0;
}

/* What rattler takes for told where a noarch package's entry says nothing. */
static enum noarch noarch_of(const char *subdir, const char *build)
{
	if (strcmp(subdir, "noarch") != 0)
		return NOARCH_NO;
	return strstr(build, "py") ? NOARCH_PYTHON : NOARCH_GENERIC;
}

static bool is_set(const struct doc *map, const char *key)
{
	const struct doc *v = doc_find(map, key);

	return v && v->type != DOC_NULL;
}

static int read_channel(struct reader *r, const struct doc *at, const char *text, const char **ret)
{
	struct arena *a = &r->l->arena;
	size_t n = strlen(text);
	const char *fault;

	while (n && text[n - 1] == '/')
		n--;
	*ret = text = arena_strndup(a, text, n);
	if (!strstr(text, "://"))
		return 0;
	fault = lock_url_clean(a, text, ret);
	return fault ? doc_fault(at, r->err, "the channel's URL %s", fault) : 0;
}

static int read_hashes(struct reader *r, const struct doc *d, struct record *rec)
{
	const char *md5, *sha256;

	if (get_text(r, d, "md5", "", &md5) < 0 || get_text(r, d, "sha256", "", &sha256) < 0)
		return -1;
	rec->has_md5 = *md5;
	rec->has_sha256 = *sha256;
	if (*md5 && !digest_hex_parse(md5, rec->md5, sizeof(rec->md5)))
		return doc_fault(doc_find(d, "md5"), r->err, "md5 is '%s', expected 32 hex digits", md5);
	if (*sha256 && !digest_parse(sha256, &rec->sha256))
		return doc_fault(doc_find(d, "sha256"), r->err, "sha256 is '%s', expected 64 hex digits", sha256);
	if (!*md5 && !*sha256)
		return doc_fault(d, r->err,
				 "package %s has neither 'sha256' nor 'md5': what is downloaded could not be checked",
				 rec->fn);
	return 0;
}

/* Its place, and what pixi leaves out where the place says it. */
static int read_place(struct reader *r, const struct pixi_entry *e, struct record *rec)
{
	struct arena *a = &r->l->arena;
	const char *url = strstr(e->where, "://") ? e->where : lock_url_of_path(a, r->dir, e->where);
	const char *why = lock_url_record(a, url, rec);

	if (why)
		return doc_fault(e->map, r->err, "'%s' %s", e->where, why);
	return 0;
}

/* What differs from what the place says. */
static int read_names(struct reader *r, const struct doc *d, struct record *rec)
{
	const struct doc *channel = doc_find(d, "channel");

	if (get_text(r, d, "name", rec->name, &rec->name) < 0 ||
	    get_text(r, d, "version", rec->version, &rec->version) < 0 ||
	    get_text(r, d, "build", rec->build, &rec->build) < 0 ||
	    get_text(r, d, "subdir", rec->subdir, &rec->subdir) < 0 ||
	    get_text(r, d, "file_name", rec->fn, &rec->fn) < 0)
		return -1;
	if (!channel || !is_scalar(channel))
		return 0;
	return read_channel(r, channel, channel->text, &rec->channel);
}

/* A file may be called something else where it is fetched, but not like another package. */
static bool is_url_of(struct arena *a, const struct record *rec)
{
	const char *name, *version, *build;
	struct lock_place place;

	return lock_url_split(a, rec->url, &place) && record_split_fn(a, place.fn, &name, &version, &build) &&
	       strcmp(name, rec->name) == 0 && strcmp(version, rec->version) == 0;
}

static int check_record(struct reader *r, const struct doc *d, const char *platform, const struct record *rec)
{
	const char *name, *version, *build, *fault;

	if (strchr(rec->fn, '/') || !record_split_fn(&r->l->arena, rec->fn, &name, &version, &build) ||
	    strcmp(name, rec->name) != 0 || strcmp(version, rec->version) != 0 || strcmp(build, rec->build) != 0)
		return doc_fault(d, r->err, "package %s %s %s has the file '%s', which is of another", rec->name,
				 rec->version, rec->build, rec->fn);
	if (!is_url_of(&r->l->arena, rec))
		return doc_fault(d, r->err, "package %s is fetched from the URL of another package", rec->fn);
	if (!*rec->subdir)
		return doc_fault(d, r->err, "package %s has no 'subdir', and its place does not say it", rec->fn);
	if (strcmp(rec->subdir, "noarch") != 0 && strcmp(rec->subdir, platform) != 0)
		return doc_fault(d, r->err, "package %s is of %s, expected %s or noarch", rec->fn, rec->subdir,
				 platform);
	fault = rec->site_packages ? tree_path_fault(rec->site_packages) : NULL;
	return fault ? doc_fault(d, r->err, "package %s: python_site_packages_path %s", rec->fn, fault) : 0;
}

static uint32_t rank_of(const struct lock *l, const char *channel)
{
	uint32_t i = 0;

	while (l->channels[i] && strcmp(l->channels[i], channel) != 0)
		i++;
	return i;
}

static int read_record(struct reader *r, const struct pixi_entry *e, const char *platform, struct record *rec)
{
	struct record derived = { 0 };
	const struct doc *d = e->map;

	*rec = (struct record){ 0 };
	if (read_place(r, e, &derived) < 0)
		return -1;
	if (lock_record_read(&r->l->arena, d, rec, r->err) < 0)
		return -1;
	rec->url = derived.url;
	rec->name = derived.name;
	rec->version = derived.version;
	rec->build = derived.build;
	rec->subdir = derived.subdir;
	rec->channel = derived.channel;
	rec->fn = derived.fn;
	if (read_names(r, d, rec) < 0 || read_hashes(r, d, rec) < 0)
		return -1;
	if (!is_set(d, "build_number"))
		rec->build_number = number_of_build(rec->build);
	if (!is_set(d, "noarch"))
		rec->noarch = noarch_of(rec->subdir, rec->build);
	rec->timestamp = record_milliseconds(rec->timestamp);
	record_defaults(rec);
	rec->channel_rank = rank_of(r->l, rec->channel);
	return check_record(r, d, platform, rec);
}

/* ---- what cannot be built ---- */

struct refusal {
	struct buf names;
	size_t n;
};

static void add_refused(struct refusal *f, const char *name)
{
	f->n++;
	if (f->n <= NAMED_MAX)
		buf_addf(&f->names, "%s%s", f->n > 1 ? ", " : "", name);
}

static void release_refusal(struct refusal *f)
{
	buf_release(&f->names);
}

/* Its name, or the place where it is. */
static const char *name_of(const struct reader *r, const struct pixi_entry *e)
{
	const struct pixi_entry *found = find_entry(r, e);
	const struct doc *name = found ? doc_find(found->map, "name") : NULL;

	return name && name->type == DOC_STRING ? name->text : e->where;
}

static const char *refusal_text(struct reader *r, const struct refusal *pypi, const struct refusal *source)
{
	const struct refusal *f = pypi->n ? pypi : source;
	auto_free char *more = f->n > NAMED_MAX ? mem_printf(" and %zu more", f->n - NAMED_MAX) : mem_strdup("");

	if (!f->n)
		return NULL;
	return arena_printf(&r->l->arena, "environment '%s' has packages %s, which condaimg does not %s yet: %s%s",
			    r->environment_name, pypi->n ? "from PyPI" : "to be built from source",
			    pypi->n ? "install" : "build", buf_cstr(&f->names), more);
}

/* ---- platforms ---- */

static int name_cmp(const void *x, const void *y)
{
	return strcmp(((const struct record *)x)->name, ((const struct record *)y)->name);
}

static int refuse_twice(struct reader *r, const struct doc *list, struct record *records, size_t n)
{
	if (n)
		qsort(records, n, sizeof(*records), name_cmp);
	for (size_t i = 1; i < n; i++)
		if (strcmp(records[i - 1].name, records[i].name) == 0)
			return doc_fault(list, r->err, "package '%s' stands here twice: %s and %s", records[i].name,
					 records[i - 1].fn, records[i].fn);
	return 0;
}

/* One item of an environment's list for a platform. */
static int read_item(struct reader *r, const struct doc *item, const char *subdir, struct record *records, size_t *n,
		     struct refusal *pypi, struct refusal *source)
{
	const struct pixi_entry *found;
	struct pixi_entry e = { 0 };

	if (read_entry(r, item, &e) < 0)
		return -1;
	if (e.kind == KIND_PYPI || is_source(&e)) {
		add_refused(e.kind == KIND_PYPI ? pypi : source, name_of(r, &e));
		return 0;
	}
	found = find_entry(r, &e);
	if (!found)
		return doc_fault(item, r->err, "%s is not among 'packages'", e.where);
	return read_record(r, found, subdir, &records[(*n)++]);
}

static int read_list(struct reader *r, const struct doc *list, const char *subdir, struct lock_platform *p)
{
	static const char *const none[] = { NULL };
	CLEANUP(release_refusal) struct refusal pypi = { 0 }, source = { 0 };
	struct record *records;

	*p = (struct lock_platform){ .subdir = subdir, .content_hash = "", .virtuals = none, .libc = "" };
	if (list->type != DOC_LIST && list->type != DOC_NULL)
		return doc_fault(list, r->err, "is a %s, expected a list of packages", doc_type_name(list->type));
	if (list->n > PACKAGES_MAX)
		return doc_fault(list, r->err, "has %zu packages, expected at most %zu", list->n, PACKAGES_MAX);
	records = arena_array(&r->l->arena, list->n, sizeof(*records));
	for (size_t i = 0; i < list->n; i++)
		if (read_item(r, &list->items[i], subdir, records, &p->n_packages, &pypi, &source) < 0)
			return -1;
	if (refuse_twice(r, list, records, p->n_packages) < 0)
		return -1;
	lock_order(records, p->n_packages);
	p->packages = records;
	p->refused = refusal_text(r, &pypi, &source);
	return 0;
}

/* The subdir of a platform that the environment names: version 7 may call it anything. NULL: err. */
static const char *subdir_of(struct reader *r, const struct doc *name)
{
	const struct doc *list = doc_find(r->top, "platforms");
	const char *subdir = name->text;

	for (size_t i = 0; list && list->type == DOC_LIST && i < list->n; i++) {
		const struct doc *own = doc_find(&list->items[i], "name"), *s = doc_find(&list->items[i], "subdir");

		if (own && own->type == DOC_STRING && strcmp(own->text, name->text) == 0 && s && s->type == DOC_STRING)
			subdir = s->text;
	}
	if (platform_is_subdir(subdir) && strcmp(subdir, "noarch") != 0)
		return subdir;
	doc_fault(name, r->err, "platform '%s' is none that conda knows, and 'platforms' does not say its subdir",
		  name->text);
	return NULL;
}

/* The names of the environment's platforms that are of one subdir. */
static const char *names_of(struct reader *r, const struct doc *map, const char *subdir)
{
	struct err none = ERR_INIT;
	auto_buf b = { 0 };

	for (size_t i = 0; i < map->n; i++) {
		struct reader quiet = *r;
		const char *s;

		quiet.err = &none;
		s = subdir_of(&quiet, &map->keys[i]);
		err_clear(&none);
		if (s && strcmp(s, subdir) == 0)
			buf_addf(&b, "%s%s", b.n ? ", " : "", map->keys[i].text);
	}
	return arena_strdup(&r->l->arena, buf_cstr(&b));
}

static struct lock_platform *find_platform(struct lock_platform *list, size_t n, const char *subdir)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].subdir, subdir) == 0)
			return &list[i];
	return NULL;
}

/* Of several platforms for a subdir the one that is called like it is taken; else somebody has to say which. */
static int add_platform(struct reader *r, const struct doc *map, size_t i, struct lock_platform *list, size_t *n)
{
	const char *name = map->keys[i].text, *subdir = subdir_of(r, &map->keys[i]);
	struct lock_platform *there;

	if (!subdir)
		return -1;
	if (r->platform_name && strcmp(r->platform_name, name) != 0)
		return 0;
	there = find_platform(list, *n, subdir);
	if (!there)
		return read_list(r, &map->items[i], subdir, &list[(*n)++]);
	if (strcmp(name, subdir) == 0)
		return read_list(r, &map->items[i], subdir, there);
	if (!doc_find(map, subdir))
		there->refused =
			arena_printf(&r->l->arena,
				     "environment '%s' has several platforms for %s: %s; say which, as in "
				     "-e %s@%s",
				     r->environment_name, subdir, names_of(r, map, subdir), r->environment_name, name);
	return 0;
}

static int platform_cmp(const void *a, const void *b)
{
	return strcmp(((const struct lock_platform *)a)->subdir, ((const struct lock_platform *)b)->subdir);
}

static const char *keys_of(struct reader *r, const struct doc *map)
{
	auto_buf b = { 0 };

	for (size_t i = 0; i < map->n; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", map->keys[i].text);
	return arena_strdup(&r->l->arena, buf_cstr(&b));
}

static int read_platforms(struct reader *r)
{
	const struct doc *map = doc_need(r->environment, "packages", DOC_MAP, r->err);
	struct lock_platform *list;
	size_t n = 0;

	if (!map)
		return -1;
	if (r->platform_name && !doc_find(map, r->platform_name))
		return err_set(r->err, ERR_USAGE, "%s: environment '%s' has no platform '%s'; it has %s", r->top->file,
			       r->environment_name, r->platform_name, map->n ? keys_of(r, map) : "none");
	list = arena_array(&r->l->arena, map->n, sizeof(*list));
	for (size_t i = 0; i < map->n; i++)
		if (add_platform(r, map, i, list, &n) < 0)
			return -1;
	if (!n)
		return doc_fault(map, r->err, "environment '%s' has no packages for any platform", r->environment_name);
	qsort(list, n, sizeof(*list), platform_cmp);
	r->l->platforms = list;
	r->l->n_platforms = n;
	return 0;
}

/* ---- the environment ---- */

static int find_environment(struct reader *r, const char *asked)
{
	const struct doc *map = doc_need(r->top, "environments", DOC_MAP, r->err);
	const char *at = asked ? strchr(asked, '@') : NULL;
	size_t n = at ? (size_t)(at - asked) : 0;

	if (!map)
		return -1;
	r->platform_name = at ? at + 1 : NULL;
	r->environment_name = at ? arena_strndup(&r->l->arena, asked, n) : asked;
	if (!asked || (at && !n))
		r->environment_name = PIXI_LOCK_ENVIRONMENT;
	r->environment = doc_find(map, r->environment_name);
	if (!r->environment)
		return err_set(r->err, ERR_USAGE, "%s: has no environment '%s'; it has %s (choose one with -e)",
			       r->top->file, r->environment_name, map->n ? keys_of(r, map) : "none");
	if (r->environment->type != DOC_MAP)
		return doc_fault(r->environment, r->err, "environment '%s' is a %s, expected a map",
				 r->environment_name, doc_type_name(r->environment->type));
	return 0;
}

static int read_channels(struct reader *r)
{
	const struct doc *list = doc_need(r->environment, "channels", DOC_LIST, r->err);
	const char **channels;

	if (!list)
		return -1;
	channels = arena_array(&r->l->arena, list->n + 1, sizeof(*channels));
	for (size_t i = 0; i < list->n; i++) {
		const struct doc *url = doc_need(&list->items[i], "url", DOC_STRING, r->err);

		if (!url || read_channel(r, url, url->text, &channels[i]) < 0)
			return -1;
	}
	r->l->channels = channels;
	return 0;
}

static int check_version(struct reader *r)
{
	int64_t version;

	if (r->top->type != DOC_MAP)
		return doc_fault(r->top, r->err, "is a %s, expected a map", doc_type_name(r->top->type));
	if (!doc_need(r->top, "version", DOC_INT, r->err) || doc_get_int(r->top, "version", 0, &version, r->err) < 0)
		return -1;
	if (version < VERSION_MIN)
		return doc_fault(doc_find(r->top, "version"), r->err,
				 "is a pixi lock of version %lld, expected 6 or 7; pixi lock writes it anew",
				 (long long)version);
	if (version > VERSION_MAX)
		return doc_fault(doc_find(r->top, "version"), r->err,
				 "is a pixi lock of version %lld, expected 6 or 7: it needs a newer condaimg",
				 (long long)version);
	return 0;
}

static int read_lock(struct reader *r, const char *p, size_t n, const char *file, const char *asked)
{
	static const char *const none[] = { NULL };

	r->top = doc_parse_yaml(&r->l->arena, p, n, file, r->err);
	if (!r->top || check_version(r) < 0 || find_environment(r, asked) < 0 || read_entries(r) < 0 ||
	    read_channels(r) < 0 || read_platforms(r) < 0)
		return -1;
	r->l->sources = r->l->requested = r->l->warnings = none;
	r->l->priority = "";
	r->l->foreign = true;
	if (strcmp(r->environment_name, PIXI_LOCK_ENVIRONMENT) != 0)
		r->l->name = r->environment_name;
	return 0;
}

int pixi_lock_parse(const char *p, size_t n, const char *file, const char *dir, const char *environment,
		    struct lock *ret, struct err *err)
{
	struct lock l = { 0 };
	struct reader r = { .l = &l, .dir = dir, .err = err };
	int rc;

	if (n > PIXI_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s: is larger than %s, which no lock is", file,
			       num_bytes(PIXI_BYTES_MAX).s);
	if (environment)
		environment = arena_strdup(&l.arena, environment);
	rc = read_lock(&r, p, n, arena_strdup(&l.arena, file), environment);
	free(r.entries);
	if (rc < 0)
		arena_release(&l.arena);
	else
		*ret = l;
	return rc;
}
