#include "cmd/delivery.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "cmd/output.h"

/* What stands behind the last ':' of "name:tag", or NULL. */
static const char *tag_part(const char *tag)
{
	const char *colon = strrchr(tag, ':');

	return colon && !strchr(colon, '/') ? colon + 1 : NULL;
}

/* Where the place has a name of its own, only the tag of NAME:TAG is of interest. */
static const char *tag_for(const struct dest *d, const char *tag)
{
	bool only_tag = d->type == DEST_OCI || d->type == DEST_REGISTRY;

	return only_tag && tag_part(tag) ? tag_part(tag) : tag;
}

static void add(struct delivery *d, struct arena *a, const struct dest *to)
{
	const char *text = dest_text(a, to);

	for (size_t i = 0; i < d->n; i++)
		if (strcmp(dest_text(a, &d->dests[i]), text) == 0)
			return;
	mem_grow(d->dests, d->n);
	d->dests[d->n++] = *to;
}

static int add_named(struct delivery *d, const char *name, struct arena *a, struct err *err)
{
	struct dest to;

	if (dest_parse(a, arena_printf(a, "oci:%s", name), &to, err) < 0)
		return err_at(err, "-t %s", name);
	add(d, a, &to);
	return 0;
}

/* A layout or repository takes as many names as there are; an archive is written once. */
static int check_names(const struct settings *s, struct err *err)
{
	size_t n = s->n_tags + (s->output.tag != NULL);

	if (n < 2 || s->output.type == DEST_OCI || s->output.type == DEST_REGISTRY)
		return 0;
	return err_set(err, ERR_USAGE,
		       "an archive has one name, and there are %zu of -t and -o: condaimg copy makes more", n);
}

static int add_places(struct delivery *d, const struct options *o, const struct settings *s, struct registries *r,
		      struct arena *a, struct err *err)
{
	struct dest to = s->output;

	for (size_t i = 0; !s->has_output && i < s->n_tags; i++)
		if (add_named(d, s->tags[i], a, err) < 0)
			return -1;
	if (!s->has_output)
		return 0;
	if (check_names(s, err) < 0 || output_check_archive(o, &to, err) < 0 || registries_attach(r, o, &to, err) < 0)
		return -1;
	if (to.tag || !s->n_tags)
		add(d, a, &to);
	for (size_t i = 0; i < s->n_tags; i++) {
		to.tag = tag_for(&to, s->tags[i]);
		add(d, a, &to);
	}
	return 0;
}

static int add_pushes(struct delivery *d, const struct options *o, struct registries *r, struct arena *a,
		      struct err *err)
{
	for (size_t i = 0; i < o->n_pushes; i++) {
		struct dest to;

		if (registries_ref(r, o, a, o->pushes[i], &to, err) < 0)
			return err_at(err, "--push %s", o->pushes[i]);
		add(d, a, &to);
	}
	return 0;
}

static int open_stream(struct delivery *d, struct err *err)
{
	for (size_t i = 0; !i || i < d->n; i++)
		if (!d->n || d->dests[i].type != DEST_REGISTRY ||
		    strcmp(d->dests[i].ref.host, d->dests[0].ref.host) != 0 ||
		    strcmp(d->dests[i].ref.repo, d->dests[0].ref.repo) != 0)
			return err_set(err, ERR_USAGE,
				       "--no-store sends layers to a registry while they are made, so the image can go "
				       "nowhere else: use --push alone, or -o docker://HOST/REPO");
	d->stream = registry_open(d->dests[0].hub, &d->dests[0].ref, REGISTRY_PUSH, err);
	return d->stream ? 0 : -1;
}

int delivery_open(struct delivery *d, const struct options *o, const struct settings *s, struct registries *r,
		  struct arena *a, struct err *err)
{
	*d = (struct delivery){ .how.told = &d->told.base };
	registries_told_begin(&d->told, NULL);
	if (registries_media_types(o, &d->how.docker_types, err) < 0)
		return -1;
	if (d->how.docker_types && s->codec.type == CODEC_ZSTD)
		return err_set(err, ERR_USAGE, "--media-types docker has no type for zstd; use --compression gzip");
	/* With --push alone nothing is kept but in the registry. */
	if (add_places(d, o, s, r, a, err) < 0)
		return -1;
	d->n_named = d->n;
	if (add_pushes(d, o, r, a, err) < 0)
		return -1;
	return o->no_store ? open_stream(d, err) : 0;
}

int delivery_name(struct delivery *d, const char *name, struct arena *a, struct err *err)
{
	return d->n ? 0 : add_named(d, name, a, err);
}

int delivery_write(struct delivery *d, const struct dest_image *images, size_t n, struct progress *progress,
		   struct digest *ret, struct digest *broken, struct err *err)
{
	d->told.progress = progress;
	for (size_t i = 0; i < d->n; i++) {
		int rc = dest_write_all(&d->dests[i], images, n, &d->how, ret, broken, err);

		registries_told_end(&d->told);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static bool went_to_registry(const struct delivery *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->dests[i].type == DEST_REGISTRY)
			return true;
	return false;
}

void delivery_print(const struct delivery *d, struct arena *a, const struct digest *digest)
{
	if (went_to_registry(d))
		log_info("%zu blobs uploaded (%s), %zu mounted, %zu were there", d->told.base.uploaded,
			 num_bytes(d->told.base.bytes).s, d->told.base.mounted, d->told.base.there);
	for (size_t i = 0; i < d->n; i++)
		printf("%s@sha256:%s\n", dest_text(a, &d->dests[i]), digest_hex(digest).hex);
}

void delivery_json(const struct delivery *d, struct arena *a, const struct digest *digest, struct json *j)
{
	json_put_string(j, "image", dest_text(a, &d->dests[0]));
	if (d->n_named && d->n_named < d->n)
		json_put_string(j, "pushed", dest_text(a, &d->dests[d->n_named]));
	json_key(j, "places");
	json_array(j);
	for (size_t i = 0; i < d->n; i++)
		json_string(j, dest_text(a, &d->dests[i]));
	json_end(j);
	json_put_string(j, "digest", arena_printf(a, "sha256:%s", digest_hex(digest).hex));
	if (!went_to_registry(d))
		return;
	json_put_int(j, "blobs_uploaded", (int64_t)d->told.base.uploaded);
	json_put_int(j, "blobs_mounted", (int64_t)d->told.base.mounted);
	json_put_int(j, "blobs_there", (int64_t)d->told.base.there);
	json_put_int(j, "bytes_uploaded", (int64_t)d->told.base.bytes);
}

void delivery_release(struct delivery *d)
{
	registry_free(TAKE(d->stream));
	free(d->dests);
}
