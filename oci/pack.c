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
	const struct layer *l = &p->im->layers[i].layer;
	struct parcel_path path = parcel_path(&l->digest);
	struct entry e = { .path = path.s, .size = l->size, .mode = 0644, .type = ENTRY_FILE };
	auto_source *in = parcel_layer(p, i, err);

	return !in || tar_put(out, &e, in, err) < 0 ? parcel_fault(p, i, err) : 0;
}

static int put_blobs(struct sink *out, const struct parcel *p, struct err *err)
{
	if (put_dir(out, "blobs", err) < 0 || put_dir(out, "blobs/sha256", err) < 0 ||
	    put_text(out, parcel_path(&p->manifest_digest).s, p->manifest.p, p->manifest.n, err) < 0 ||
	    put_text(out, parcel_path(&p->config_digest).s, p->config.p, p->config.n, err) < 0)
		return -1;
	for (size_t i = 0; i < p->im->n_layers; i++)
		if (parcel_is_first(p, i) && put_layer(out, p, i, err) < 0)
			return -1;
	return 0;
}

/* ---- documents ---- */

static int oci_index(const struct dest *d, const struct parcel *p, struct buf *ret, struct err *err)
{
	struct annotation name = { ANNOTATION_REF_NAME, d->tag ? d->tag : "latest" };

	return parcel_index(p, &name, 1, NULL, 0, "index.json", ret, err);
}

/* What "docker save" of Docker 25 and later says, which is where containerd takes the name from. */
static int docker_index(const struct repotag *ref, const struct parcel *p, struct buf *ret, struct err *err)
{
	struct annotation names[] = { { "io.containerd.image.name", ref->full }, { ANNOTATION_REF_NAME, ref->tag } };

	return parcel_index(p, names, ref->full ? COUNT(names) : 0, NULL, 0, "index.json", ret, err);
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
	for (size_t i = 0; i < p->im->n_layers; i++)
		json_string(&j, parcel_path(&p->im->layers[i].layer.digest).s);
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

static int check_layers(const struct dest *d, const struct parcel *p, struct err *err)
{
	for (size_t i = 0; d->type == DEST_DOCKER_ARCHIVE && i < p->im->n_layers; i++) {
		const struct image_layer *l = &p->im->layers[i];

		if (strcmp(l->media_type, MEDIA_LAYER_ZSTD) == 0)
			return err_set(
				err, ERR_USAGE,
				"layer %zu of %zu%s is compressed with zstd, which docker load cannot read everywhere; use %s",
				i + 1, p->im->n_layers, l->foreign ? ", of the base image," : "",
				l->foreign ? "oci-archive:" : "--compression gzip, or oci-archive:");
	}
	return 0;
}

static int put_all(struct sink *out, const struct dest *d, const struct parcel *p, struct err *err)
{
	bool docker = d->type == DEST_DOCKER_ARCHIVE;
	auto_buf index = { 0 }, manifest = { 0 };
	auto_arena a = { 0 };
	struct repotag ref = { 0 };

	if (docker && d->tag && repotag_parse(&a, d->tag, &ref, err) < 0)
		return -1;
	if ((docker ? docker_index(&ref, p, &index, err) : oci_index(d, p, &index, err)) < 0 ||
	    put_text(out, LAYOUT_FILE, LAYOUT_TEXT, strlen(LAYOUT_TEXT), err) < 0 ||
	    put_text(out, "index.json", index.p, index.n, err) < 0)
		return -1;
	if (docker)
		docker_manifest(&ref, p, &manifest);
	if (docker && put_text(out, "manifest.json", manifest.p, manifest.n, err) < 0)
		return -1;
	return put_blobs(out, p, err) < 0 ? -1 : tar_end(out, err);
}

int pack_write(const struct dest *d, const struct parcel *p, struct err *err)
{
	auto_sink *out = NULL;

	if (check_place(d->path, err) < 0 || check_layers(d, p, err) < 0)
		return -1;
	out = sink_file(AT_FDCWD, d->path, 0644, err);
	if (!out)
		return -1;
	if (put_all(out, d, p, err) < 0)
		return err_at(err, "%s", d->path);
	return sink_finish(out, err);
}
