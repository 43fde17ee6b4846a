#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "cmd/commands.h"
#include "cmd/html.h"
#include "cmd/output.h"
#include "cmd/registries.h"
#include "cmd/settings.h"
#include "oci/attach.h"

#define COMPARES_MAX 20 /* images to compare with */

struct inspection {
	struct arena arena;
	struct registries registries;
	struct dest dest;
	struct blobs *blobs;
	struct html_other *others;
	size_t n_others;
	struct registry_referrer *referrers; /* with --referrers */
	size_t n_referrers;
	struct contents contents;
	struct html_facts facts;
	struct buf page;
};

static void inspection_release(struct inspection *w)
{
	buf_release(&w->page);
	html_facts_release(&w->facts);
	contents_release(&w->contents);
	for (size_t i = 0; i < w->n_others; i++)
		blobs_free(w->others[i].blobs);
	blobs_free(w->blobs);
	registries_release(&w->registries);
	arena_release(&w->arena);
}

/* As a terminal may see it: the image may be anybody's. */
static const char *tidy(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	str_tidy(copy);
	return copy;
}

static size_t count_packages(const char *list)
{
	size_t n = *list != '\0';

	for (; *list; list++)
		n += *list == ',';
	return n;
}

/* The packages of a layer, one below the other. */
static void print_packages(const char *list)
{
	struct str rest = str_of(list), name;
	bool first = true;

	while (*list && str_cut(&rest, ',', &name)) {
		printf("%s%.*s\n", first ? "" : "                                    ", (int)name.n, name.p);
		first = false;
	}
}

/* What a registry that has all the others lacks. */
static uint64_t bytes_to_send(const struct inspection *w, size_t *n)
{
	const struct image *im = blobs_image(w->blobs);
	uint64_t bytes = 0;

	*n = 0;
	for (size_t i = 0; i < im->n_layers; i++) {
		bool known = false;

		for (size_t k = 0; k < w->n_others; k++)
			known |= w->others[k].has[i];
		bytes += known ? 0 : im->layers[i].layer.size;
		*n += !known;
	}
	return bytes;
}

static void print_others(struct inspection *w)
{
	size_t n, n_layers = blobs_image(w->blobs)->n_layers;
	uint64_t bytes = bytes_to_send(w, &n);

	for (size_t i = 0; i < w->n_others; i++)
		printf("\n%s has %zu of these layers, %s", tidy(&w->arena, w->others[i].name), w->others[i].n_has,
		       num_bytes(w->others[i].bytes).s);
	if (w->n_others)
		printf("\na push to where %s: %zu of %zu layers, %s\n", w->n_others > 1 ? "these are" : "it is", n,
		       n_layers, num_bytes(bytes).s);
}

static const char *artifact_type(struct inspection *w, const struct registry_referrer *r)
{
	return *r->artifact_type ? tidy(&w->arena, r->artifact_type) : "(no type)";
}

static void print_referrers(struct inspection *w, const struct options *o)
{
	if (!o->referrers)
		return;
	printf("\n%zu attached\n", w->n_referrers);
	for (size_t i = 0; i < w->n_referrers; i++)
		printf("%-40s  sha256:%s\n", artifact_type(w, &w->referrers[i]),
		       digest_hex(&w->referrers[i].d.digest).hex);
}

static void json_referrers(struct inspection *w, struct json *j)
{
	json_key(j, "referrers");
	json_array(j);
	for (size_t i = 0; i < w->n_referrers; i++) {
		const struct registry_referrer *r = &w->referrers[i];

		json_object(j);
		json_put_string(j, "artifact_type", r->artifact_type);
		json_put_string(j, "digest", arena_printf(&w->arena, "sha256:%s", digest_hex(&r->d.digest).hex));
		json_put_string(j, "media_type", r->d.media_type);
		json_end(j);
	}
	json_end(j);
}

static void print_text(struct inspection *w, const struct options *o)
{
	struct arena *a = &w->arena;
	const struct dest *d = &w->dest;
	const struct blobs *b = w->blobs;
	const struct image *im = blobs_image(b);
	struct digest md = blobs_manifest_digest(b);
	uint64_t bytes = 0;
	size_t packages = 0;

	for (size_t i = 0; i < im->n_layers; i++) {
		struct holding h = holding_of(a, &im->layers[i]);

		bytes += im->layers[i].layer.size;
		if (strcmp(h.part, "packages") == 0)
			packages += count_packages(h.packages);
	}
	printf("%s@sha256:%s\n", dest_text(a, d), digest_hex(&md).hex);
	printf("%s/%s%s%s, %zu packages, %zu layers, %s\n", tidy(a, im->os), tidy(a, im->arch), im->variant ? "/" : "",
	       tidy(a, im->variant ? im->variant : ""), packages, im->n_layers, num_bytes(bytes).s);
	if (im->user)
		printf("user %s, directory %s\n", tidy(a, im->user), tidy(a, im->working_dir ? im->working_dir : "/"));
	printf("\nlayer  digest               size  holds\n");
	for (size_t i = 0; i < im->n_layers; i++) {
		const struct image_layer *l = &im->layers[i];
		struct holding h = holding_of(a, l);

		printf("%5zu  %.12s  %10s  ", i + 1, digest_hex(&l->layer.digest).hex, num_bytes(l->layer.size).s);
		if (*h.packages)
			print_packages(tidy(a, h.packages));
		else
			printf("(%s)\n", tidy(a, *h.part ? h.part : l->created_by ? l->created_by : "base"));
	}
	print_others(w);
	print_referrers(w, o);
}

static void json_strings_of(struct json *j, const char *key, const char *list)
{
	struct str rest = str_of(list), name;

	json_key(j, key);
	json_array(j);
	while (*list && str_cut(&rest, ',', &name)) {
		auto_free char *text = mem_printf("%.*s", (int)name.n, name.p);

		json_string(j, text);
	}
	json_end(j);
}

static void json_others(struct inspection *w, struct json *j)
{
	size_t n;
	uint64_t bytes = bytes_to_send(w, &n);

	json_key(j, "compared");
	json_array(j);
	for (size_t i = 0; i < w->n_others; i++) {
		struct digest d = blobs_manifest_digest(w->others[i].blobs);

		json_object(j);
		json_put_string(j, "image", w->others[i].name);
		json_put_string(j, "digest", arena_printf(&w->arena, "sha256:%s", digest_hex(&d).hex));
		json_put_int(j, "layers_shared", (int64_t)w->others[i].n_has);
		json_put_int(j, "size_shared", (int64_t)w->others[i].bytes);
		json_end(j);
	}
	json_end(j);
	json_key(j, "push");
	json_object(j);
	json_put_int(j, "layers", (int64_t)n);
	json_put_int(j, "size", (int64_t)bytes);
	json_end(j);
}

static void print_json(struct inspection *w, const struct options *o, const char *html)
{
	struct arena *a = &w->arena;
	const struct dest *d = &w->dest;
	const struct blobs *b = w->blobs;
	const struct image *im = blobs_image(b);
	struct digest md = blobs_manifest_digest(b);
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", "inspect-1");
	json_put_string(&j, "image", dest_text(a, d));
	json_put_string(&j, "digest", arena_printf(a, "sha256:%s", digest_hex(&md).hex));
	json_put_string(&j, "os", im->os);
	json_put_string(&j, "architecture", im->arch);
	json_put_string(&j, "user", im->user);
	json_put_string(&j, "working_dir", im->working_dir);
	json_put_strings(&j, "env", im->env);
	json_key(&j, "layers");
	json_array(&j);
	for (size_t i = 0; i < im->n_layers; i++) {
		const struct image_layer *l = &im->layers[i];
		struct holding h = holding_of(a, l);

		json_object(&j);
		json_put_string(&j, "digest", arena_printf(a, "sha256:%s", digest_hex(&l->layer.digest).hex));
		json_put_string(&j, "diffid", arena_printf(a, "sha256:%s", digest_hex(&l->layer.diffid).hex));
		json_put_int(&j, "size", (int64_t)l->layer.size);
		json_put_string(&j, "media_type", l->media_type);
		json_put_string(&j, "part", h.part);
		json_strings_of(&j, "packages", h.packages);
		json_key(&j, "shared_with");
		json_array(&j);
		for (size_t k = 0; k < w->n_others; k++)
			if (w->others[k].has[i])
				json_string(&j, w->others[k].name);
		json_end(&j);
		json_end(&j);
	}
	json_end(&j);
	json_others(w, &j);
	if (o->referrers)
		json_referrers(w, &j);
	if (html)
		json_put_string(&j, "html", html);
	json_end(&j);
	puts(out.p);
}

static int open_others(struct inspection *w, const struct options *o, struct err *err)
{
	const struct image *im = blobs_image(w->blobs);

	if (o->n_compares > COMPARES_MAX)
		return err_set(err, ERR_USAGE, "--compare takes at most %d images, and there are %zu", COMPARES_MAX,
			       o->n_compares);
	w->others = arena_array(&w->arena, o->n_compares, sizeof(*w->others));
	for (size_t i = 0; i < o->n_compares; i++) {
		struct html_other *other = &w->others[i];
		struct dest d;

		if (registries_place(&w->registries, o, &w->arena, o->compares[i], &d, err) < 0)
			return err_at(err, "--compare");
		other->name = dest_text(&w->arena, &d);
		other->blobs = dest_open(&d, im->os, im->arch, err);
		if (!other->blobs)
			return err_at(err, "--compare %s", o->compares[i]);
		w->n_others++;
		html_facts_compare(&w->arena, im, other);
	}
	return 0;
}

static int read_referrers(struct inspection *w, const struct options *o, struct err *err)
{
	struct digest d = blobs_manifest_digest(w->blobs);

	return o->referrers ? attach_list(&w->dest, &w->arena, &d, NULL, &w->referrers, &w->n_referrers, err) : 0;
}

static int make_page(struct inspection *w, struct err *err)
{
	const char *name = dest_text(&w->arena, &w->dest);

	if (contents_read(&w->contents, w->blobs, CONTENTS_PATHS, err) < 0)
		return err_at(err, "%s", name);
	if (html_facts_make(&w->facts, name, w->blobs, &w->contents, w->others, w->n_others, err) < 0)
		return err_at(err, "%s", name);
	html_write(&w->facts, &w->page);
	return 0;
}

static int write_page(struct inspection *w, const struct options *o, struct err *err)
{
	if (strcmp(o->html, "-") == 0)
		return fwrite(w->page.p, 1, w->page.n, stdout) == w->page.n
			       ? 0
			       : err_sys(err, "cannot write the result to stdout");
	if (output_write(o->html, &w->page, err) < 0)
		return -1;
	if (o->json)
		print_json(w, o, o->html);
	else
		puts(o->html);
	return 0;
}

int cmd_inspect(const struct options *o, struct err *err)
{
	CLEANUP(inspection_release) struct inspection w = { 0 };
	const struct platform *p = NULL;

	if (o->html && o->json && strcmp(o->html, "-") == 0)
		return err_set(err, ERR_USAGE, "--html - and --json both write to stdout: give --html a file");
	if (o->html && output_check(o, "--html", o->html, true, err) < 0)
		return -1;
	if (o->n_platforms && !(p = platform_parse(o->platforms[o->n_platforms - 1], err)))
		return -1;
	if (registries_place(&w.registries, o, &w.arena, o->args[0], &w.dest, err) < 0)
		return -1;
	w.blobs = dest_open(&w.dest, p ? p->oci_os : NULL, p ? p->oci_arch : NULL, err);
	if (!w.blobs || open_others(&w, o, err) < 0 || read_referrers(&w, o, err) < 0)
		return -1;
	if (o->html)
		return make_page(&w, err) < 0 ? -1 : write_page(&w, o, err);
	if (o->json)
		print_json(&w, o, NULL);
	else
		print_text(&w, o);
	return 0;
}
