#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "cmd/commands.h"
#include "cmd/holding.h"
#include "cmd/registries.h"
#include "cmd/settings.h"

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

static void print_text(struct arena *a, const struct dest *d, const struct blobs *b)
{
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

static void print_json(struct arena *a, const struct dest *d, const struct blobs *b)
{
	const struct image *im = blobs_image(b);
	struct digest md = blobs_manifest_digest(b);
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	json_object(&j);
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
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	puts(out.p);
}

int cmd_inspect(const struct options *o, struct err *err)
{
	auto_arena a = { 0 };
	auto_registries r = { 0 };
	const struct platform *p = NULL;
	auto_blobs *b = NULL;
	struct dest d;

	if (o->n_platforms && !(p = platform_parse(o->platforms[o->n_platforms - 1], err)))
		return -1;
	if (registries_place(&r, o, &a, o->args[0], &d, err) < 0)
		return -1;
	b = dest_open(&d, p ? p->oci_os : NULL, p ? p->oci_arch : NULL, err);
	if (!b)
		return -1;
	if (o->json)
		print_json(&a, &d, b);
	else
		print_text(&a, &d, b);
	return 0;
}
