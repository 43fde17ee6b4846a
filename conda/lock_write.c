#include "conda/lock.h"

#include <string.h>

#include "base/doc.h"
#include "base/json.h"
#include "conda/lock_record.h"
#include "conda/matchspec.h"

/* A package as it will be written. */
struct item {
	const struct record *r;
	const char *subdir; /* of the platform */
	const char *category;
};

static int item_cmp(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int c = strcmp(a->r->name, b->r->name);

	if (!c)
		c = strcmp(a->subdir, b->subdir);
	if (!c)
		c = strcmp(a->category, b->category);
	return c ? c : record_cmp(a->r, b->r);
}

/* front, "key: value" and the end of the line. */
static void pair(struct buf *b, const char *front, const char *key, const char *value)
{
	buf_adds(b, front);
	doc_write_yaml(b, key);
	buf_adds(b, ": ");
	doc_write_yaml(b, value);
	buf_addc(b, '\n');
}

static void list(struct buf *b, const char *key, const char *const *items)
{
	buf_addf(b, "  %s:%s\n", key, items && *items ? "" : " []");
	for (; items && *items; items++) {
		buf_adds(b, "  - ");
		doc_write_yaml(b, *items);
		buf_addc(b, '\n');
	}
}

/* ---- custom_metadata: strings by sorted keys ---- */

struct custom {
	struct env_variable *pairs; /* a name and a value: just that */
	size_t n;
	struct arena *a;
};

static void custom_add(struct custom *c, const char *key, const char *value)
{
	mem_grow(c->pairs, c->n);
	c->pairs[c->n++] = (struct env_variable){ key, value };
}

static void custom_strings(struct custom *c, const char *key, const char *const *strings)
{
	auto_buf b = { 0 };
	struct json j = { .out = &b };

	json_array(&j);
	for (; strings && *strings; strings++)
		json_string(&j, *strings);
	json_end(&j);
	custom_add(c, key, arena_strdup(c->a, buf_cstr(&b)));
}

static void custom_variables(struct custom *c, const struct lock *l)
{
	auto_buf b = { 0 };
	struct json j = { .out = &b };

	json_object(&j);
	for (size_t i = 0; i < l->n_variables; i++)
		json_put_string(&j, l->variables[i].name, l->variables[i].value);
	json_end(&j);
	custom_add(c, "condaimg.variables", arena_strdup(c->a, buf_cstr(&b)));
}

static void custom_records(struct custom *c, const char *kind, const char *subdir, const struct record *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct lock_place place = { "", "", "" };
		auto_buf b = { 0 };

		lock_url_split(c->a, r[i].url, &place);
		lock_record_write(&r[i], &place, &b);
		custom_add(c, arena_printf(c->a, "condaimg.%s.%s/%s", kind, subdir, place.fn), arena_strdup(c->a, b.p));
	}
}

static int custom_cmp(const void *a, const void *b)
{
	return strcmp(((const struct env_variable *)a)->name, ((const struct env_variable *)b)->name);
}

static void write_custom(const struct lock *l, struct buf *b)
{
	auto_arena a = { 0 };
	struct custom c = { .a = &a };

	custom_add(&c, "condaimg.format", "1");
	custom_add(&c, "condaimg.channel-priority", l->priority ? l->priority : "");
	if (l->name)
		custom_add(&c, "condaimg.name", l->name);
	if (l->base)
		custom_add(&c, "condaimg.base", l->base);
	if (l->exclude_newer)
		custom_add(&c, "condaimg.exclude-newer", l->exclude_newer);
	if (l->pins && *l->pins)
		custom_strings(&c, "condaimg.pins", l->pins);
	custom_strings(&c, "condaimg.requested", l->requested);
	custom_variables(&c, l);
	for (size_t i = 0; i < l->n_platforms; i++) {
		const struct lock_platform *p = &l->platforms[i];

		custom_add(&c, arena_printf(&a, "condaimg.libc.%s", p->subdir), p->libc ? p->libc : "");
		if (p->provenance)
			custom_add(&c, arena_printf(&a, "condaimg.repodata.%s", p->subdir), p->provenance);
		custom_strings(&c, arena_printf(&a, "condaimg.virtual-packages.%s", p->subdir), p->virtuals);
		custom_records(&c, "record", p->subdir, p->packages, p->n_packages);
		custom_records(&c, "libc-record", p->subdir, p->libc_packages, p->n_libc_packages);
	}
	qsort(c.pairs, c.n, sizeof(*c.pairs), custom_cmp);
	buf_adds(b, "  custom_metadata:\n");
	for (size_t i = 0; i < c.n; i++)
		pair(b, "    ", c.pairs[i].name, c.pairs[i].value);
	free(c.pairs);
}

/* ---- the rest of metadata ---- */

static void write_metadata(const struct lock *l, struct buf *b)
{
	buf_addf(b, "metadata:\n  content_hash:%s\n", l->n_platforms ? "" : " {}");
	for (size_t i = 0; i < l->n_platforms; i++)
		pair(b, "    ", l->platforms[i].subdir,
		     l->platforms[i].content_hash ? l->platforms[i].content_hash : "");
	buf_addf(b, "  channels:%s\n", l->channels && *l->channels ? "" : " []");
	for (const char *const *c = l->channels; c && *c; c++) {
		pair(b, "  - ", "url", *c);
		buf_adds(b, "    used_env_vars: []\n");
	}
	buf_addf(b, "  platforms:%s\n", l->n_platforms ? "" : " []");
	for (size_t i = 0; i < l->n_platforms; i++)
		buf_addf(b, "  - %s\n", l->platforms[i].subdir);
	list(b, "sources", l->sources);
	if (!l->foreign)
		write_custom(l, b);
}

/* ---- packages ---- */

struct depend {
	struct str name, constraint;
};

static bool same_name(const struct depend *a, const struct depend *b)
{
	return a->name.n == b->name.n && memcmp(a->name.p, b->name.p, a->name.n) == 0;
}

/* Whether an earlier dependency has the name of the i-th. */
static bool is_named_before(const struct depend *d, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (same_name(&d[k], &d[i]))
			return true;
	return false;
}

/* Several conditions on one name become one: "a >=1" and "a <2" are "a >=1,<2". A build or brackets cannot be joined. */
static const char *joined_constraint(struct arena *a, const struct depend *d, size_t i, size_t n)
{
	const char *ret = arena_strndup(a, d[i].constraint.p, d[i].constraint.n);

	for (size_t k = i + 1; k < n; k++) {
		struct str c = d[k].constraint;

		if (!same_name(&d[k], &d[i]) || !c.n || str_eq(c, "*"))
			continue;
		if (strpbrk(ret, " [|") || strpbrk(c.p, " [|"))
			continue;
		ret = *ret && strcmp(ret, "*") != 0 ? arena_printf(a, "%s,%s", ret, c.p) : c.p;
	}
	return ret;
}

static struct depend *read_depends(struct arena *a, const char *const *depends, size_t *n)
{
	struct depend *ret;

	for (*n = 0; depends && depends[*n];)
		++*n;
	ret = arena_array(a, *n, sizeof(*ret));
	for (size_t i = 0; i < *n; i++) {
		struct str name = matchspec_name_of(depends[i]);

		ret[i] = (struct depend){ name, str_trim(str_of(name.p + name.n)) };
	}
	return ret;
}

static void write_depends(const char *const *depends, struct buf *b)
{
	auto_arena a = { 0 };
	bool some = false;
	size_t n;
	struct depend *d = read_depends(&a, depends, &n);

	buf_adds(b, "  dependencies:");
	for (size_t i = 0; i < n; i++) {
		if (!d[i].name.n || is_named_before(d, i))
			continue;
		if (!some)
			buf_addc(b, '\n');
		some = true;
		pair(b, "    ", arena_strndup(&a, d[i].name.p, d[i].name.n), joined_constraint(&a, d, i, n));
	}
	buf_adds(b, some ? "" : " {}\n");
}

static void write_hashes(const struct record *r, struct buf *b)
{
	char md5[33];

	buf_adds(b, "  hash:\n");
	if (r->has_md5) {
		digest_hex_of(r->md5, sizeof(r->md5), md5);
		pair(b, "    ", "md5", md5);
	}
	if (r->has_sha256)
		pair(b, "    ", "sha256", digest_hex(&r->sha256).hex);
}

static void write_package(const struct item *it, struct buf *b)
{
	const struct record *r = it->r;

	pair(b, "- ", "name", r->name);
	pair(b, "  ", "version", r->version);
	pair(b, "  ", "manager", "conda");
	pair(b, "  ", "platform", it->subdir);
	write_depends(r->depends, b);
	pair(b, "  ", "url", r->url);
	write_hashes(r, b);
	pair(b, "  ", "category", it->category);
	/* What is optional other tools install only when they are asked for its category. */
	buf_addf(b, "  optional: %s\n", strcmp(it->category, "main") == 0 ? "false" : "true");
}

static size_t add_items(struct item *items, const char *subdir, const char *category, const struct record *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		items[i] = (struct item){ &r[i], subdir, category };
	return n;
}

static void write_packages(const struct lock *l, struct buf *b)
{
	auto_free struct item *items = NULL;
	size_t n = 0;

	for (size_t i = 0; i < l->n_platforms; i++)
		n += l->platforms[i].n_packages + l->platforms[i].n_libc_packages;
	items = mem_array(n, sizeof(*items));
	n = 0;
	for (size_t i = 0; i < l->n_platforms; i++) {
		const struct lock_platform *p = &l->platforms[i];

		n += add_items(items + n, p->subdir, "main", p->packages, p->n_packages);
		n += add_items(items + n, p->subdir, "libc", p->libc_packages, p->n_libc_packages);
	}
	qsort(items, n, sizeof(*items), item_cmp);
	buf_adds(b, n ? "package:\n" : "package: []\n");
	for (size_t i = 0; i < n; i++)
		write_package(&items[i], b);
}

void lock_write(const struct lock *l, struct buf *ret)
{
	if (!l->foreign)
		buf_adds(
			ret,
			"# Written by condaimg in the format of conda-lock (version 1). To change it, change the sources\n"
			"# and lock again.\n");
	buf_adds(ret, "version: 1\n");
	write_metadata(l, ret);
	write_packages(l, ret);
}
