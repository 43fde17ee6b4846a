#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/diff_tell.h"
#include "cmd/patching.h"

/* Layers that are not the old image's. */
struct sums {
	size_t kept, made;
	uint64_t bytes; /* of those made */
};

static struct sums sums_of(const struct patched *one)
{
	struct sums s = { 0 };

	for (size_t i = 0; i < one->assembly.n_layers; i++) {
		const struct part_layer *l = &one->assembly.layers[i];
		bool stays = l->foreign || l->given;

		s.kept += stays;
		s.made += !stays;
		s.bytes += stays ? 0 : l->layer.size;
	}
	return s;
}

static void compare(struct patched *one)
{
	struct diff_side before = { .name = "", .packages = one->told[0] };
	struct diff_side after = before;

	told_packages_of_lock(one->was.lp, &one->told[0]);
	told_packages_of_lock(&one->lp, &one->told[1]);
	before.packages = one->told[0];
	after.packages = one->told[1];
	diff_make(&before, &after, &one->diff);
}

static const char *digest_text(struct arena *a, const struct digest *d)
{
	return arena_printf(a, "sha256:%s", digest_hex(d).hex);
}

static const char *base_text(struct arena *a, const struct patched *one)
{
	return one->base ? dest_text(a, &one->base_place) : "scratch";
}

/* ---- text ---- */

static void print_one(struct patching *p, struct patched *one, FILE *to)
{
	struct sums s = sums_of(one);

	if (p->n > 1)
		fprintf(to, "\n%s:\n", one->was.platform->subdir);
	if (p->rebases)
		fprintf(to, "\nbase: %s, %zu layers -> %s, %zu layers\n",
			one->was.base ? diff_tell_tidy(&p->arena, dest_text(&p->arena, &one->was.base_place))
				      : "scratch",
			one->was.n_base, diff_tell_tidy(&p->arena, base_text(&p->arena, one)),
			one->base ? blobs_image(one->base)->n_layers : 0);
	diff_tell_print(&p->arena, &one->diff, to);
	fprintf(to, "\nlayers: %zu new (%s), %zu stay\n", s.made, num_bytes(s.bytes).s, s.kept);
}

/* ---- JSON ---- */

static void json_layers(struct json *j, const struct patched *one)
{
	struct sums s = sums_of(one);

	json_key(j, "layers");
	json_object(j);
	json_put_int(j, "kept", (int64_t)s.kept);
	json_put_int(j, "new", (int64_t)s.made);
	json_put_int(j, "size", (int64_t)s.bytes);
	json_end(j);
}

static void json_one(struct patching *p, struct patched *one, struct json *j)
{
	struct arena *a = &p->arena;
	struct digest was = blobs_manifest_digest(one->was.blobs);

	json_object(j);
	json_put_string(j, "platform", one->was.platform->subdir);
	json_put_string(j, "from", digest_text(a, &was));
	json_put_string(j, "digest", digest_text(a, &one->digest));
	if (p->rebases)
		json_put_string(j, "base", base_text(a, one));
	diff_tell_json(a, &one->diff, j);
	json_layers(j, one);
	json_end(j);
}

static void print_json(struct patching *p, const struct digest *d)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", p->rebases ? "rebase-1" : "patch-1");
	json_key(&j, "from");
	json_object(&j);
	json_put_string(&j, "image", p->o->args[0]);
	json_put_string(&j, "digest", digest_text(&p->arena, &p->was));
	json_end(&j);
	if (p->o->dry_run) {
		json_put_string(&j, "image", NULL);
		json_put_string(&j, "digest", digest_text(&p->arena, d));
	} else {
		delivery_json(&p->delivery, &p->arena, d, &j);
	}
	json_key(&j, "platforms");
	json_array(&j);
	for (size_t i = 0; i < p->n; i++)
		json_one(p, &p->images[i], &j);
	json_end(&j);
	json_key(&j, "attached");
	attachments_json(&p->attached, &p->arena, &j);
	json_end(&j);
	puts(out.p);
}

/* What is dry is told where the result is; what was done beside it. */
void patching_tell(struct patching *p, const struct digest *d)
{
	for (size_t i = 0; i < p->n; i++)
		compare(&p->images[i]);
	if (p->o->json) {
		print_json(p, d);
		return;
	}
	if (p->o->dry_run) {
		printf("--- %s@%s\n+++ %s\n", diff_tell_tidy(&p->arena, p->o->args[0]), digest_text(&p->arena, &p->was),
		       digest_text(&p->arena, d));
		for (size_t i = 0; i < p->n; i++)
			print_one(p, &p->images[i], stdout);
		return;
	}
	if (log_get_level() >= LOG_INFO)
		for (size_t i = 0; i < p->n; i++)
			print_one(p, &p->images[i], stderr);
	delivery_print(&p->delivery, &p->arena, d);
}
