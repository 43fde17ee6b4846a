/* What condaimg build says: what it would do, and what it did. */
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/building.h"

/* ---- dry run ---- */

/* As inspect and verify count them: the base's lowest, from 1. */
static size_t layer_number(const struct build *b, size_t i)
{
	return i + 1 + (b->base ? blobs_image(b->base)->n_layers : 0);
}

/* Which layer package i is in. */
static size_t layer_of(const struct build *b, size_t i)
{
	const struct assembly *a = &b->assembly;

	for (size_t k = 0; k < a->n_layers; k++) {
		const struct group *g = a->layers[k].group;

		for (size_t m = 0; g && m < g->n; m++)
			if (g->members[m] == i)
				return layer_number(b, k);
	}
	return 0;
}

static void print_package(const struct record *r, size_t layer)
{
	printf("%5zu  %-28s %-16s %-24s %10s\n", layer, r->name, r->version, r->build, num_bytes(r->size).s);
}

/* A line a package, from the lowest layer up. */
static void print_layers(const struct build *b)
{
	static const char *const others[] = { [PART_SYSTEM] = "(system files)",
					      [PART_ENVIRONMENT] = "(conda-meta/history and its like)",
					      [PART_APP] = "(copied files)" };
	const struct assembly *a = &b->assembly;

	printf("layer  %-28s %-16s %-24s %10s\n", "package", "version", "build", "size");
	for (size_t k = 0; k < a->n_layers; k++) {
		const struct part_layer *l = &a->layers[k];

		if (l->part == PART_LIBC)
			print_package(&b->lp->libc_packages[0], layer_number(b, k));
		for (size_t m = 0; l->group && m < l->group->n; m++)
			print_package(&b->lp->packages[l->group->members[m]], layer_number(b, k));
		if (l->part != PART_LIBC && !l->group)
			printf("%5zu  %s\n", layer_number(b, k), others[l->part]);
	}
}

static void preview_text(const struct build *b)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < b->lp->n_packages; i++)
		bytes += b->lp->packages[i].size;
	print_layers(b);
	printf("%zu packages, %s, in %zu layers for %s\n", b->lp->n_packages, num_bytes(bytes).s, b->assembly.n_layers,
	       b->platform->subdir);
}

static void preview_json(struct json *j, const struct build *b)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < b->lp->n_packages; i++)
		bytes += b->lp->packages[i].size;
	json_put_string(j, "platform", b->platform->subdir);
	json_put_int(j, "layers", (int64_t)b->assembly.n_layers);
	json_put_int(j, "size", (int64_t)bytes);
	json_key(j, "packages");
	json_array(j);
	for (size_t i = 0; i < b->lp->n_packages; i++) {
		const struct record *p = &b->lp->packages[i];

		json_object(j);
		json_put_string(j, "name", p->name);
		json_put_string(j, "version", p->version);
		json_put_string(j, "build", p->build);
		json_put_int(j, "size", (int64_t)p->size);
		json_put_int(j, "layer", (int64_t)layer_of(b, i));
		json_end(j);
	}
	json_end(j);
}

struct sums {
	uint64_t bytes;
	size_t made;
};

static struct sums sums_of(const struct assembly *a)
{
	struct sums s = { 0 };

	for (size_t i = 0; i < a->n_layers; i++) {
		s.bytes += a->layers[i].layer.size;
		s.made += !a->layers[i].known;
	}
	return s;
}

static void json_build(struct json *j, const struct build *b)
{
	struct sums s = sums_of(&b->assembly);

	json_put_string(j, "platform", b->platform->subdir);
	json_put_int(j, "packages", (int64_t)b->lp->n_packages);
	json_put_int(j, "layers", (int64_t)b->assembly.n_layers);
	json_put_int(j, "layers_new", (int64_t)s.made);
	json_put_int(j, "size", (int64_t)s.bytes);
}

/* One build's members stand in the result itself, several in "images". */
static void json_builds(struct json *j, const struct order *r, void (*put)(struct json *j, const struct build *b))
{
	if (r->n == 1) {
		put(j, &r->builds[0]);
		return;
	}
	json_key(j, "images");
	json_array(j);
	for (size_t i = 0; i < r->n; i++) {
		json_object(j);
		put(j, &r->builds[i]);
		json_end(j);
	}
	json_end(j);
}

void building_preview(const struct order *r)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	for (size_t i = 0; !r->o->json && i < r->n; i++)
		preview_text(&r->builds[i]);
	if (!r->o->json)
		return;
	json_object(&j);
	json_put_string(&j, "schema", "build-dry-run-1");
	json_builds(&j, r, preview_json);
	json_end(&j);
	puts(out.p);
}

static void remark(struct order *r, const struct digest *d)
{
	for (size_t i = 0; i < r->delivery.n; i++)
		progress_image(r->builds[0].workshop.progress, r->n == 1 ? r->builds[0].platform->subdir : NULL,
			       dest_text(&r->arena, &r->delivery.dests[i]), d);
	for (size_t i = 0; i < r->n; i++) {
		const struct build *b = &r->builds[i];
		struct sums s = sums_of(&b->assembly);

		log_info("%s%s%zu packages in %zu layers, %s; %zu layers new", r->n > 1 ? b->platform->subdir : "",
			 r->n > 1 ? ": " : "", b->lp->n_packages, b->assembly.n_layers, num_bytes(s.bytes).s, s.made);
	}
}

void building_report(struct order *r, const struct digest *d)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	remark(r, d);
	if (!r->o->json) {
		delivery_print(&r->delivery, &r->arena, d);
		return;
	}
	json_object(&j);
	json_put_string(&j, "schema", "build-1");
	delivery_json(&r->delivery, &r->arena, d, &j);
	json_builds(&j, r, json_build);
	if (r->attach.any) {
		json_key(&j, "attached");
		attachments_json(&r->attached, &r->arena, &j);
	}
	json_end(&j);
	puts(out.p);
}

void building_report_digest(struct order *r, const struct digest *d)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };
	const char *text = arena_printf(&r->arena, "sha256:%s", digest_hex(d).hex);

	if (!r->o->json) {
		puts(text);
		return;
	}
	json_object(&j);
	json_put_string(&j, "schema", "digest-1");
	json_put_string(&j, "digest", text);
	json_builds(&j, r, json_build);
	json_end(&j);
	puts(out.p);
}
