/*
 * Into one tar: an OCI layout, and for docker-archive what "docker load" of any age reads besides. The order is
 * fixed, the small files first.
 */
#include <inttypes.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "oci/parcel.h"
#include "oci/repotag.h"
#include "oci/tar.h"

/* ---- members ---- */

static int put_dir(struct sink *out, const char *path, struct err *err)
{
	return tar_put(out, &(struct entry){ .path = path, .mode = 0755, .type = ENTRY_DIR }, NULL, err);
}

static int put_text(struct sink *out, const char *path, const char *text, size_t n, struct err *err)
{
	auto_source *in = source_bytes(text, n);
	struct entry e = { .path = path, .size = n, .mode = 0644, .type = ENTRY_FILE };

	return tar_put(out, &e, in, err);
}

static int put_layer(struct sink *out, const struct parcel *p, size_t i, struct err *err)
{
	const struct descriptor *d = &p->layers[i].d;
	struct parcel_path path = parcel_path(&d->digest);
	struct entry e = { .path = path.s, .size = d->size, .mode = 0644, .type = ENTRY_FILE };
	auto_source *in = parcel_layer(p, i, err);

	return !in || tar_put(out, &e, in, err) < 0 ? parcel_fault(p, i, err) : 0;
}

/* Whether an earlier image of the set brought that blob. */
static bool was_put(const struct parcel_set *s, size_t image, const struct digest *d)
{
	for (size_t k = 0; k < image; k++) {
		if (digest_equal(&s->list[k].config_digest, d))
			return true;
		for (size_t i = 0; i < s->list[k].n_layers; i++)
			if (digest_equal(&s->list[k].layers[i].d.digest, d))
				return true;
	}
	return false;
}

static int put_image(struct sink *out, const struct parcel_set *s, size_t k, struct err *err)
{
	const struct parcel *p = &s->list[k];

	if (put_text(out, parcel_path(&p->manifest_digest).s, p->manifest.p, p->manifest.n, err) < 0)
		return -1;
	if (!was_put(s, k, &p->config_digest) &&
	    put_text(out, parcel_path(&p->config_digest).s, p->config.p, p->config.n, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n_layers; i++)
		if (parcel_is_first(p, i) && !digest_equal(&p->layers[i].d.digest, &p->config_digest) &&
		    !was_put(s, k, &p->layers[i].d.digest) && put_layer(out, p, i, err) < 0)
			return -1;
	return 0;
}

static int put_blobs(struct sink *out, const struct parcel_set *s, struct err *err)
{
	if (put_dir(out, "blobs", err) < 0 || put_dir(out, "blobs/sha256", err) < 0)
		return -1;
	if (s->index.n && put_text(out, parcel_path(&s->index_digest).s, s->index.p, s->index.n, err) < 0)
		return -1;
	for (size_t k = 0; k < s->n; k++)
		if (put_image(out, s, k, err) < 0)
			return -1;
	return 0;
}

/* ---- documents ---- */

static int oci_index(const struct dest *d, const struct parcel_set *s, struct buf *ret, struct err *err)
{
	struct annotation name = { ANNOTATION_REF_NAME, d->tag ? d->tag : "latest" };

	return parcel_set_layout(s, &name, 1, NULL, 0, "index.json", ret, err);
}

/* What "docker save" of Docker 25 and later says, which is where containerd takes the name from. */
static int docker_index(const struct repotag *ref, const struct parcel_set *s, struct buf *ret, struct err *err)
{
	struct annotation names[] = { { "io.containerd.image.name", ref->full }, { ANNOTATION_REF_NAME, ref->tag } };

	return parcel_set_layout(s, names, ref->full ? COUNT(names) : 0, NULL, 0, "index.json", ret, err);
}

/* Docker's own description of the image, which is all that Docker before 25 looks at. */
static void docker_manifest(const struct repotag *ref, const struct parcel *p, struct buf *ret)
{
	struct json j = { .out = ret };

	json_array(&j);
	json_object(&j);
	json_put_string(&j, "Config", parcel_path(&p->config_digest).s);
	json_key(&j, "Layers");
	json_array(&j);
	for (size_t i = 0; i < p->n_layers; i++)
		json_string(&j, parcel_path(&p->layers[i].d.digest).s);
	json_end(&j);
	json_key(&j, "RepoTags");
	if (ref->given) {
		json_array(&j);
		json_string(&j, ref->given);
		json_end(&j);
	} else {
		json_null(&j);
	}
	json_end(&j);
	json_end(&j);
}

/* ---- files ---- */

static int check_place(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return 0;
	return err_set(err, ERR_USAGE, "%s is %s, expected a file to write", path,
		       S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
}

static int check_layers(const struct dest *d, const struct parcel_set *s, struct err *err)
{
	const struct parcel *p = &s->list[0];

	if (d->type != DEST_DOCKER_ARCHIVE)
		return 0;
	if (s->index.n)
		return err_set(
			err, ERR_USAGE,
			"a docker archive holds one image, and this is an index of %zu: say which with --platform, "
			"or use oci-archive:",
			s->n);
	for (size_t i = 0; i < p->n_layers; i++) {
		const struct parcel_layer *l = &p->layers[i];

		if (strcmp(l->d.media_type, MEDIA_LAYER_ZSTD) == 0 ||
		    strcmp(l->d.media_type, MEDIA_DOCKER_LAYER_ZSTD) == 0)
			return err_set(
				err, ERR_USAGE,
				"layer %zu of %zu%s is compressed with zstd, which docker load cannot read everywhere; use %s",
				i + 1, p->n_layers, l->foreign ? ", of the base image," : "",
				l->foreign ? "oci-archive:" : "--compression gzip, or oci-archive:");
	}
	return 0;
}

static int put_all(struct sink *out, const struct dest *d, const struct parcel_set *s, struct err *err)
{
	bool docker = d->type == DEST_DOCKER_ARCHIVE;
	auto_buf index = { 0 }, manifest = { 0 };
	auto_arena a = { 0 };
	struct repotag ref = { 0 };

	if (docker && d->tag && repotag_parse(&a, d->tag, &ref, err) < 0)
		return -1;
	if ((docker ? docker_index(&ref, s, &index, err) : oci_index(d, s, &index, err)) < 0 ||
	    put_text(out, LAYOUT_FILE, LAYOUT_TEXT, strlen(LAYOUT_TEXT), err) < 0 ||
	    put_text(out, "index.json", index.p, index.n, err) < 0)
		return -1;
	if (docker)
		docker_manifest(&ref, &s->list[0], &manifest);
	if (docker && put_text(out, "manifest.json", manifest.p, manifest.n, err) < 0)
		return -1;
	return put_blobs(out, s, err) < 0 ? -1 : tar_end(out, err);
}

int pack_write(const struct dest *d, const struct parcel_set *s, struct err *err)
{
	auto_sink *out = NULL;

	if (check_place(d->path, err) < 0 || check_layers(d, s, err) < 0)
		return -1;
	out = sink_file(AT_FDCWD, d->path, 0644, err);
	if (!out)
		return -1;
	if (put_all(out, d, s, err) < 0)
		return err_at(err, "%s", d->path);
	return sink_finish(out, err);
}
