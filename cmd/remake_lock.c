/* The lock of an image that has none attached: what its layers' own records come to. */
#include <string.h>

#include "base/doc.h"
#include "base/log.h"
#include "cmd/remake.h"
#include "oci/layer.h"

#define STATE_MAX ((uint64_t)1 << 20)
#define SPECS_LINE "# update specs: ["

/* ---- what was asked: conda-meta/history ---- */

/* One string as Python writes it; *at is behind it afterwards. NULL: there is none. */
static const char *read_string(struct arena *a, const char **at)
{
	char quote = **at;
	auto_buf b = { 0 };

	if (quote != '\'' && quote != '"')
		return NULL;
	for (++*at; **at && **at != quote; ++*at) {
		if (**at == '\\' && (*at)[1])
			++*at;
		buf_addc(&b, **at);
	}
	if (**at != quote)
		return NULL;
	++*at;
	return arena_strdup(a, buf_cstr(&b));
}

/* Those of the last request. Empty: none is told. */
static const char *const *read_specs(struct arena *a, const char *history)
{
	const char *at = NULL, **list = NULL, *spec;
	const char *const *ret;
	size_t n = 0;

	for (const char *next = history; next && (next = strstr(next, SPECS_LINE)); next++)
		at = next + strlen(SPECS_LINE);
	while (at && (spec = read_string(a, &at))) {
		mem_grow(list, n);
		list[n++] = spec;
		at += strspn(at, ", ");
	}
	ret = arena_strlist(a, list, n);
	free(list);
	return ret;
}

/* ---- variables: conda-meta/state ---- */

static int read_state(struct remake *r, struct buf *ret, struct err *err)
{
	const struct image *im = blobs_image(r->blobs);
	const char *path = arena_printf(&r->arena, "%s/conda-meta/state", r->contents.prefix);
	int got = 0;

	for (size_t i = im->n_layers; i-- > r->n_base && !ret->n;) {
		auto_layer_reader *in = NULL;
		struct source *content;
		struct member m;

		if (strcmp(r->contents.holdings[i].part, "environment") != 0)
			continue;
		in = layer_open(r->blobs, &im->layers[i], err);
		while (in && (got = layer_next(in, &m, &content, err)) > 0)
			if (content && strcmp(m.path, path) == 0 && io_slurp(content, STATE_MAX, ret, err) < 0)
				return -1;
		if (!in || got < 0)
			return -1;
	}
	return 0;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(((const struct env_variable *)x)->name, ((const struct env_variable *)y)->name);
}

static int read_variables(struct remake *r, struct lock *lock, struct err *err)
{
	auto_buf text = { 0 };
	const struct doc *d;
	struct env_variable *list;

	if (read_state(r, &text, err) < 0)
		return -1;
	if (!text.n)
		return 0;
	d = doc_parse_json(&r->arena, buf_cstr(&text), text.n, "conda-meta/state", err);
	if (!d)
		return -1;
	d = doc_find(d, "env_vars");
	list = arena_array(&r->arena, d ? d->n + 1 : 1, sizeof(*list));
	for (size_t i = 0; d && d->type == DOC_MAP && i < d->n; i++)
		if (d->items[i].type == DOC_STRING)
			list[lock->n_variables++] = (struct env_variable){ d->keys[i].text, d->items[i].text };
	if (lock->n_variables)
		qsort(list, lock->n_variables, sizeof(*list), by_name);
	lock->variables = list;
	return 0;
}

/* ---- packages ---- */

static void add_channel(struct arena *a, const char ***list, size_t *n, const char *channel)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp((*list)[i], channel) == 0)
			return;
	mem_grow(*list, *n);
	(*list)[(*n)++] = arena_strdup(a, channel);
}

/* Those of this build; a base may have an environment of its own. */
static const struct record *own_records(struct remake *r, size_t *n)
{
	const struct contents *c = &r->contents;
	struct record *list = arena_array(&r->arena, c->n_packages + 1, sizeof(*list));

	*n = 0;
	for (size_t i = 0; i < c->n_packages; i++)
		if (c->packages[i].layer >= r->n_base)
			list[(*n)++] = c->packages[i].meta.record;
	lock_order(list, *n);
	return list;
}

static const char *const *channels_of(struct remake *r, const struct lock_platform *lp)
{
	const char **list = NULL;
	const char *const *ret;
	size_t n = 0;

	for (size_t i = 0; i < lp->n_packages; i++)
		add_channel(&r->arena, &list, &n, lp->packages[i].channel);
	ret = arena_strlist(&r->arena, list, n);
	free(list);
	return ret;
}

int remake_lock(struct remake *r, struct err *err)
{
	const struct contents *c = &r->contents;
	struct lock *lock = arena_alloc(&r->arena, sizeof(*lock));
	struct lock_platform *lp = arena_alloc(&r->arena, sizeof(*lp));

	log_warn(
		"%s has no lock attached: all of its layers are read for what it was built from (--lock FILE saves that)",
		r->room->name);
	if (contents_read(&r->contents, r->blobs, CONTENTS_RECORDS, err) < 0)
		return err_at(err, "%s", r->room->name);
	*lp = (struct lock_platform){ .subdir = r->platform->subdir,
				      .content_hash = "",
				      .libc = r->n_base ? "base"
					      : c->libc ? "auto"
							: "none",
				      .libc_packages = r->n_base ? NULL : c->libc,
				      .n_libc_packages = !r->n_base && c->libc };
	lp->packages = own_records(r, &lp->n_packages);
	*lock = (struct lock){ .channels = channels_of(r, lp),
			       .requested = read_specs(&r->arena, c->history),
			       .name = holding_label(c->image, "org.opencontainers.image.title"),
			       .priority = "",
			       .platforms = lp,
			       .n_platforms = 1 };
	if (read_variables(r, lock, err) < 0)
		return err_at(err, "%s", r->room->name);
	r->lock = lock;
	r->lp = lp;
	r->lock_name = "the records in its layers";
	return 0;
}
