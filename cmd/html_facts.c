#include "cmd/html_facts.h"

#include <string.h>

#include "conda/license.h"

#define NOBODY UINT32_MAX

/* ---- whose file is it ---- */

/* By file of the overlay: the package whose record names it, or NOBODY. */
static uint32_t *find_owners(const struct contents *c)
{
	const struct overlay *o = &c->files;
	uint32_t *owners = mem_array(o->n ? o->n : 1, sizeof(*owners));

	for (size_t i = 0; i < o->n; i++)
		owners[i] = NOBODY;
	for (uint32_t i = 0; i < c->n_packages; i++) {
		const struct contents_package *p = &c->packages[i];
		const char *slash = *p->prefix ? "/" : "";
		auto_free char *record = mem_printf("%s%sconda-meta/%s.json", p->prefix, slash, p->dist);
		const struct overlay_file *f = overlay_find(o, record);

		if (f)
			owners[f - o->files] = i;
		for (size_t k = 0; k < p->meta.n; k++) {
			auto_free char *path = mem_printf("%s%s%s", p->prefix, slash, p->meta.files[k].path);

			f = overlay_find(o, path);
			if (f && f->layer == p->layer)
				owners[f - o->files] = i;
		}
	}
	return owners;
}

/* ---- items ---- */

static const char *rest_name(struct html_facts *f, uint32_t layer)
{
	const char *part = f->layers[layer].holding.part;

	if (strcmp(part, "system") == 0)
		return "system files";
	if (strcmp(part, "environment") == 0)
		return "environment files";
	if (strcmp(part, "app") == 0)
		return "application";
	if (strcmp(part, "libc") == 0)
		return "C library";
	if (!*part)
		return arena_printf(&f->arena, "layer %u", layer + 1);
	return "other files";
}

static void license_of(struct html_facts *f, struct html_item *it)
{
	const struct record *r = it->record;
	const char *expression = r->license ? license_expression(&f->arena, r->license) : NULL;

	it->kind = license_kind_of(expression, r->license, r->license_family);
	it->license = expression ? expression : it->kind == LICENSE_KIND_UNTOLD ? NULL : r->license;
}

/* Packages first, then one item for what else is in each layer. */
static void make_items(struct html_facts *f)
{
	const struct contents *c = f->contents;

	f->n_items = c->n_packages + f->n_layers;
	f->items = arena_array(&f->arena, f->n_items, sizeof(*f->items));
	for (size_t i = 0; i < c->n_packages; i++) {
		struct html_item *it = &f->items[i];

		it->record = &c->packages[i].meta.record;
		it->name = it->record->name;
		it->layer = c->packages[i].layer;
	}
	for (uint32_t i = 0; i < f->n_layers; i++) {
		struct html_item *it = &f->items[c->n_packages + i];
		bool is_libc = c->libc && strcmp(f->layers[i].holding.part, "libc") == 0;

		it->record = is_libc ? c->libc : NULL;
		it->name = is_libc ? c->libc->name : rest_name(f, i);
		it->layer = i;
	}
	for (size_t i = 0; i < f->n_items; i++)
		if (f->items[i].record)
			license_of(f, &f->items[i]);
}

static int file_cmp(const void *x, const void *y)
{
	const struct html_file *a = x, *b = y;

	if (a->item != b->item)
		return a->item < b->item ? -1 : 1;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return strcmp(a->path, b->path);
}

static void take_files(struct html_facts *f)
{
	const struct contents *c = f->contents;
	auto_free uint32_t *owners = find_owners(c);

	f->files = mem_array(c->files.n ? c->files.n : 1, sizeof(*f->files));
	for (size_t i = 0; i < c->files.n; i++) {
		const struct overlay_file *o = &c->files.files[i];
		uint32_t item = owners[i] != NOBODY ? owners[i] : (uint32_t)c->n_packages + o->layer;

		if (o->hidden && o->type == MEMBER_FILE)
			f->hidden += o->size;
		if (o->hidden || o->type == MEMBER_DIR)
			continue;
		f->files[f->n_files++] = (struct html_file){ o->path, o->type == MEMBER_FILE ? o->size : 0, item };
	}
	qsort(f->files, f->n_files, sizeof(*f->files), file_cmp);
	for (size_t i = 0; i < f->n_files; i++) {
		struct html_item *it = &f->items[f->files[i].item];

		if (!it->n_files)
			it->files = &f->files[i];
		it->n_files++;
		it->bytes += f->files[i].size;
		f->bytes += f->files[i].size;
	}
}

static int item_cmp(const void *x, const void *y)
{
	const struct html_item *a = x, *b = y;
	int cmp;

	if (a->layer != b->layer)
		return a->layer < b->layer ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	cmp = strcmp(a->name, b->name);
	if (cmp || !a->record || !b->record)
		return cmp ? cmp : (a->record != NULL) - (b->record != NULL);
	return record_cmp(a->record, b->record);
}

/* Where all of a layer is packages, the rest is left out. */
static void settle_items(struct html_facts *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_items; i++)
		if (f->items[i].record || f->items[i].n_files)
			f->items[n++] = f->items[i];
	f->n_items = n;
	qsort(f->items, n, sizeof(*f->items), item_cmp);
	for (size_t i = 0; i < n; i++) {
		struct html_layer *l = &f->layers[f->items[i].layer];

		if (!l->n)
			l->first = i;
		l->n++;
		l->bytes += f->items[i].bytes;
		l->n_files += f->items[i].n_files;
	}
}

/* ---- lists of items ---- */

struct row {
	const struct html_item *item;
	size_t i;
};

static int by_name(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int cmp = record_cmp(a->item->record, b->item->record);

	return cmp ? cmp : (a->i > b->i) - (a->i < b->i);
}

static int by_licence(const void *x, const void *y)
{
	const struct html_item *a = ((const struct row *)x)->item, *b = ((const struct row *)y)->item;
	int cmp;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	cmp = strcmp(a->license ? a->license : "", b->license ? b->license : "");
	return cmp ? cmp : by_name(x, y);
}

static int licence_cmp(const void *x, const void *y)
{
	const struct html_licence *a = x, *b = y;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return strcmp(a->text ? a->text : "", b->text ? b->text : "");
}

static bool is_same_licence(const struct html_licence *l, const struct html_item *it)
{
	return l->kind == it->kind && strcmp(l->text ? l->text : "", it->license ? it->license : "") == 0;
}

static void group_licences(struct html_facts *f, const struct row *rows, size_t n)
{
	size_t *items = arena_array(&f->arena, n, sizeof(*items));

	f->licences = arena_array(&f->arena, n, sizeof(*f->licences));
	for (size_t i = 0; i < n; i++) {
		const struct html_item *it = rows[i].item;
		struct html_licence *l = f->n_licences ? &f->licences[f->n_licences - 1] : NULL;

		items[i] = rows[i].i;
		if (!l || !is_same_licence(l, it)) {
			l = &f->licences[f->n_licences++];
			*l = (struct html_licence){ it->license, it->kind, &items[i], 0, 0 };
		}
		l->n++;
		l->bytes += it->bytes;
	}
	if (f->n_licences)
		qsort(f->licences, f->n_licences, sizeof(*f->licences), licence_cmp);
}

static void list_packages(struct html_facts *f)
{
	auto_free struct row *rows = mem_array(f->n_items ? f->n_items : 1, sizeof(*rows));
	size_t *list = arena_array(&f->arena, f->n_items, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < f->n_items; i++)
		if (f->items[i].record)
			rows[n++] = (struct row){ &f->items[i], i };
	qsort(rows, n, sizeof(*rows), by_name);
	for (size_t i = 0; i < n; i++)
		list[i] = rows[i].i;
	f->packages = list;
	f->n_packages = n;
	qsort(rows, n, sizeof(*rows), by_licence);
	group_licences(f, rows, n);
}

/* ---- other images ---- */

void html_facts_compare(struct arena *a, const struct image *im, struct html_other *o)
{
	const struct image *other = blobs_image(o->blobs);

	o->has = arena_array(a, im->n_layers, sizeof(*o->has));
	o->unpacks = arena_array(a, im->n_layers, sizeof(*o->unpacks));
	for (size_t i = 0; i < im->n_layers; i++) {
		const struct layer *l = &im->layers[i].layer;

		for (size_t k = 0; k < other->n_layers; k++) {
			o->has[i] |= digest_equal(&l->digest, &other->layers[k].layer.digest);
			o->unpacks[i] |= digest_equal(&l->diffid, &other->layers[k].layer.diffid);
		}
		o->unpacks[i] &= !o->has[i];
		o->n_has += o->has[i];
		o->bytes += o->has[i] ? l->size : 0;
	}
}

static void count_push(struct html_facts *f)
{
	for (size_t i = 0; i < f->n_layers; i++) {
		struct html_layer *l = &f->layers[i];

		for (size_t k = 0; k < f->n_others; k++)
			l->known |= f->others[k].has[i];
		f->packed += l->layer->layer.size;
		f->missing += l->known ? 0 : l->layer->layer.size;
		f->n_missing += !l->known;
	}
}

int html_facts_make(struct html_facts *f, const char *image, const struct blobs *b, const struct contents *c,
		    const struct html_other *others, size_t n_others, struct err *err)
{
	struct digest config;
	size_t n;
	const char *manifest = blobs_manifest(b, &n);

	*f = (struct html_facts){ .image = image,
				  .digest = blobs_manifest_digest(b),
				  .manifest_size = n,
				  .contents = c,
				  .others = others,
				  .n_others = n_others,
				  .n_layers = c->image->n_layers };
	if (image_config_of(manifest, n, &config, &f->config_size, err) < 0)
		return -1;
	f->layers = arena_array(&f->arena, f->n_layers, sizeof(*f->layers));
	for (size_t i = 0; i < f->n_layers; i++)
		f->layers[i] = (struct html_layer){ .layer = &c->image->layers[i], .holding = c->holdings[i] };
	make_items(f);
	take_files(f);
	settle_items(f);
	list_packages(f);
	count_push(f);
	return 0;
}

void html_facts_release(struct html_facts *f)
{
	free(f->files);
	arena_release(&f->arena);
	*f = (struct html_facts){ 0 };
}
