#include "cmd/diff.h"

#include <string.h>

#include "base/json.h"
#include "conda/license.h"

const char *diff_license(struct arena *a, const struct told_package *p)
{
	const char *text = p->full ? p->record->license : NULL, *known;

	if (!p->full)
		return NULL;
	known = text ? license_expression(a, text) : "";
	return known ? known : text;
}

const char *diff_channel(const struct told_package *p)
{
	return p->full && p->record->channel && *p->record->channel ? p->record->channel : NULL;
}

/* ---- packages ---- */

/* Not told is not another one. */
static bool is_same(const struct told_package *a, const struct told_package *b)
{
	const char *x = diff_channel(a), *y = diff_channel(b);

	return strcmp(a->record->version, b->record->version) == 0 && strcmp(a->record->build, b->record->build) == 0 &&
	       (!x || !y || strcmp(x, y) == 0);
}

static void compare_licenses(struct diff *d, const struct told_package *a, const struct told_package *b)
{
	const char *x = diff_license(&d->arena, a), *y = diff_license(&d->arena, b);

	if (!x || !y || strcmp(x, y) == 0)
		return;
	mem_grow(d->licenses, d->n_licenses);
	d->licenses[d->n_licenses++] = (struct diff_package){ a, b };
}

static void add_package(struct diff *d, const struct told_package *a, const struct told_package *b)
{
	if (a && b)
		compare_licenses(d, a, b);
	if (a && b && is_same(a, b)) {
		d->n_same++;
		return;
	}
	mem_grow(d->packages, d->n_packages);
	d->packages[d->n_packages++] = (struct diff_package){ a, b };
}

static size_t run_of(const struct told_packages *t, size_t i)
{
	size_t n = 1;

	while (i + n < t->n && strcmp(t->list[i].record->name, t->list[i + n].record->name) == 0)
		n++;
	return n;
}

/* Of one name: those that are on both sides first, then the rest one by one. (Several: of several environments.) */
static void compare_run(struct diff *d, const struct told_package *a, size_t n, const struct told_package *b, size_t m)
{
	auto_free bool *used_a = mem_array(n, sizeof(*used_a)), *used_b = mem_array(m, sizeof(*used_b));
	size_t i = 0, k = 0;

	for (i = 0; i < n; i++)
		for (k = 0; k < m && !used_a[i]; k++)
			if (!used_b[k] && is_same(&a[i], &b[k])) {
				used_a[i] = used_b[k] = true;
				add_package(d, &a[i], &b[k]);
			}
	for (i = 0, k = 0; i < n || k < m;) {
		if (i < n && used_a[i])
			i++;
		else if (k < m && used_b[k])
			k++;
		else
			add_package(d, i < n ? &a[i++] : NULL, k < m ? &b[k++] : NULL);
	}
}

static void compare_packages(struct diff *d, const struct told_packages *a, const struct told_packages *b)
{
	size_t i = 0, k = 0;

	while (i < a->n || k < b->n) {
		int c = i == a->n ? 1 : k == b->n ? -1 : strcmp(a->list[i].record->name, b->list[k].record->name);
		size_t n = c <= 0 ? run_of(a, i) : 0, m = c >= 0 ? run_of(b, k) : 0;

		compare_run(d, n ? &a->list[i] : NULL, n, m ? &b->list[k] : NULL, m);
		i += n;
		k += m;
	}
}

/* ---- settings ---- */

struct flat {
	struct arena *a;
	struct diff_setting *list;
	size_t n;
};

static void put(struct flat *f, const char *key, const char *value)
{
	if (!value)
		return;
	mem_grow(f->list, f->n);
	f->list[f->n++] = (struct diff_setting){ .key = key, .a = value };
}

static void put_words(struct flat *f, const char *key, const char *const *words)
{
	auto_buf text = { 0 };
	struct json j = { .out = &text };

	if (!words || !words[0])
		return;
	json_array(&j);
	for (; *words; words++)
		json_string(&j, *words);
	json_end(&j);
	put(f, key, arena_strdup(f->a, buf_cstr(&text)));
}

static void put_env(struct flat *f, const char *text)
{
	const char *eq = strchr(text, '=');
	size_t n = eq ? (size_t)(eq - text) : strlen(text);

	put(f, arena_printf(f->a, "env %.*s", (int)n, text), eq ? eq + 1 : "");
}

/* The time is no setting. */
static void put_map(struct flat *f, const char *kind, const struct annotation *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].key, ANNOTATION_CREATED) != 0)
			put(f, arena_printf(f->a, "%s %s", kind, list[i].key), list[i].value);
}

static int by_key(const void *x, const void *y)
{
	return strcmp(((const struct diff_setting *)x)->key, ((const struct diff_setting *)y)->key);
}

static void flatten(const struct image *im, struct flat *f)
{
	put(f, "platform",
	    arena_printf(f->a, "%s/%s%s%s", im->os, im->arch, im->variant ? "/" : "", im->variant ? im->variant : ""));
	put(f, "user", im->user);
	put(f, "workdir", im->working_dir);
	put(f, "stop-signal", im->stop_signal);
	put_words(f, "entrypoint", im->entrypoint);
	put_words(f, "cmd", im->cmd);
	for (const char *const *e = im->env; e && *e; e++)
		put_env(f, *e);
	for (const char *const *p = im->exposed_ports; p && *p; p++)
		put(f, arena_printf(f->a, "port %s", *p), "");
	for (const char *const *v = im->volumes; v && *v; v++)
		put(f, arena_printf(f->a, "volume %s", *v), "");
	put_map(f, "label", im->labels, im->n_labels);
	put_map(f, "annotation", im->annotations, im->n_annotations);
	qsort(f->list, f->n, sizeof(*f->list), by_key);
}

static void compare_settings(struct diff *d, const struct image *x, const struct image *y)
{
	struct flat a = { .a = &d->arena }, b = { .a = &d->arena };
	size_t i = 0, k = 0;

	flatten(x, &a);
	flatten(y, &b);
	while (i < a.n || k < b.n) {
		int c = i == a.n ? 1 : k == b.n ? -1 : strcmp(a.list[i].key, b.list[k].key);
		struct diff_setting one = { .key = c <= 0 ? a.list[i].key : b.list[k].key };

		if (c <= 0)
			one.a = a.list[i++].a;
		if (c >= 0)
			one.b = b.list[k++].a;
		if (one.a && one.b && strcmp(one.a, one.b) == 0)
			continue;
		mem_grow(d->settings, d->n_settings);
		d->settings[d->n_settings++] = one;
	}
	free(a.list);
	free(b.list);
}

/* ---- layers ---- */

static bool has_layer(const struct image *im, size_t n, const struct digest *digest)
{
	for (size_t i = 0; i < n; i++)
		if (digest_equal(&im->layers[i].layer.digest, digest))
			return true;
	return false;
}

static void compare_layers(struct diff *d, const struct image *a, const struct image *b)
{
	d->pull = arena_array(&d->arena, b->n_layers, sizeof(*d->pull));
	for (size_t i = 0; i < b->n_layers; i++) {
		const struct image_layer *l = &b->layers[i];

		if (has_layer(b, i, &l->layer.digest))
			continue;
		if (has_layer(a, a->n_layers, &l->layer.digest)) {
			d->n_shared++;
			d->shared_bytes += l->layer.size;
			continue;
		}
		d->pull[d->n_pull++] = l;
		d->pull_bytes += l->layer.size;
	}
}

void diff_make(const struct diff_side *a, const struct diff_side *b, struct diff *d)
{
	compare_packages(d, &a->packages, &b->packages);
	if (!a->blobs || !b->blobs)
		return;
	compare_settings(d, blobs_image(a->blobs), blobs_image(b->blobs));
	compare_layers(d, blobs_image(a->blobs), blobs_image(b->blobs));
}

void diff_release(struct diff *d)
{
	free(d->packages);
	free(d->settings);
	free(d->licenses);
	arena_release(&d->arena);
	*d = (struct diff){ 0 };
}
