#include "cmd/told_packages.h"

#include "base/log.h"
#include "base/map.h"
#include "cmd/attachments.h"

/* ---- what the manifest says ---- */

const char *const *told_packages_dists(struct arena *a, const struct image *im, size_t *n)
{
	const char **list = NULL, *const *ret = NULL;

	*n = 0;
	for (size_t i = 0; i < im->n_layers; i++) {
		struct holding h = holding_of(a, &im->layers[i]);
		struct str rest = str_of(h.packages), name;

		while (*h.packages && str_cut(&rest, ',', &name)) {
			mem_grow(list, *n);
			list[(*n)++] = arena_strndup(a, name.p, name.n);
		}
	}
	if (*n) {
		qsort(list, *n, sizeof(*list), str_ptr_cmp);
		ret = arena_strlist(a, list, *n);
	}
	free(list);
	return ret;
}

/* ---- the list ---- */

static void add(struct told_packages *t, const struct record *r, bool full)
{
	mem_grow(t->list, t->n);
	t->list[t->n++] = (struct told_package){ r, full };
}

static int by_record(const void *x, const void *y)
{
	const struct record *a = ((const struct told_package *)x)->record,
			    *b = ((const struct told_package *)y)->record;
	int c = strcmp(a->name, b->name);

	if (!c)
		c = strcmp(a->version, b->version);
	return c ? c : strcmp(a->build, b->build);
}

static void finish(struct told_packages *t)
{
	if (t->n)
		qsort(t->list, t->n, sizeof(*t->list), by_record);
	t->all_full = true;
	for (size_t i = 0; i < t->n; i++)
		t->all_full = t->all_full && t->list[i].full;
}

void told_packages_of_lock(const struct lock_platform *lp, struct told_packages *t)
{
	for (size_t i = 0; i < lp->n_packages; i++)
		add(t, &lp->packages[i], true);
	for (size_t i = 0; i < lp->n_libc_packages && i < 1; i++)
		add(t, &lp->libc_packages[i], true);
	finish(t);
}

/* ---- from the lock that is attached ---- */

static void index_lock(struct told_packages *t, struct arena *a, const struct record **records, struct map *at)
{
	uint32_t n = 0;

	for (size_t p = 0; p < t->lock.n_platforms; p++) {
		const struct lock_platform *lp = &t->lock.platforms[p];

		for (size_t i = 0; i < lp->n_packages + lp->n_libc_packages; i++) {
			const struct record *r =
				i < lp->n_packages ? &lp->packages[i] : &lp->libc_packages[i - lp->n_packages];
			bool is_new;

			map_put(at, record_dist(a, r), n, &is_new);
			if (is_new)
				records[n++] = r;
		}
	}
}

static size_t count(const struct lock *l)
{
	size_t n = 0;

	for (size_t p = 0; p < l->n_platforms; p++)
		n += l->platforms[p].n_packages + l->platforms[p].n_libc_packages;
	return n;
}

static void take_dists(struct told_packages *t, const char *const *dists)
{
	const struct record **records = arena_array(&t->arena, count(&t->lock) + 1, sizeof(*records));
	auto_map at = { 0 };

	index_lock(t, &t->arena, records, &at);
	for (; *dists; dists++) {
		struct record *r;
		uint32_t i;

		if (map_get(&at, *dists, &i)) {
			add(t, records[i], true);
			continue;
		}
		r = arena_alloc(&t->arena, sizeof(*r));
		if (record_split_fn(&t->arena, arena_printf(&t->arena, "%s.conda", *dists), &r->name, &r->version,
				    &r->build)) {
			record_defaults(r);
			add(t, r, false);
		}
	}
	finish(t);
}

/* Whatever is wrong with it: it only adds to what is known. */
static void read_lock(const struct dest *d, const struct blobs *b, struct told_packages *t)
{
	struct digest subject = blobs_manifest_digest(b);
	struct registry_referrer *list;
	struct err err = ERR_INIT;
	auto_buf text = { 0 };
	size_t n;

	if (attach_list(d, &t->arena, &subject, ATTACH_LOCK, &list, &n, &err) < 0)
		goto fault;
	if (!n)
		return;
	if (attach_get(d, &list[n - 1], ATTACH_LOCK_MAX, &text, &err) < 0 ||
	    lock_parse(buf_cstr(&text), text.n, "the attached lock", &t->lock, &err) < 0)
		goto fault;
	return;
fault:
	log_warn("%s: its attached lock cannot be read: %s", dest_text(&t->arena, d), err.text);
}

/* ---- from the layers ---- */

static int read_contents(struct blobs *b, struct told_packages *t, struct err *err)
{
	struct contents *c = &t->contents;

	if (contents_read(c, b, CONTENTS_RECORDS, err) < 0)
		return -1;
	for (size_t i = 0; i < c->n_packages; i++)
		add(t, &c->packages[i].meta.record, true);
	if (c->libc)
		add(t, c->libc, true);
	finish(t);
	return 0;
}

int told_packages_read(const struct dest *d, struct blobs *b, struct told_packages *t, struct err *err)
{
	size_t n;
	const char *const *dists = told_packages_dists(&t->arena, blobs_image(b), &n);

	if (!dists || d->type != DEST_REGISTRY)
		return read_contents(b, t, err) < 0 ? err_at(err, "%s", dest_text(&t->arena, d)) : 0;
	read_lock(d, b, t);
	take_dists(t, dists);
	return 0;
}

void told_packages_release(struct told_packages *t)
{
	contents_release(&t->contents);
	lock_release(&t->lock);
	free(t->list);
	arena_release(&t->arena);
	*t = (struct told_packages){ 0 };
}
