#include "cmd/attachments.h"

#include "cmd/holding.h"
#include "cmd/provenance.h"
#include "cmd/sbom.h"

static const struct kind {
	const char *name, *type, *file;
} kinds[KIND_COUNT] = {
	[KIND_LOCK] = { "lock", ATTACH_LOCK, "conda-lock.yml" },
	[KIND_SPDX] = { "spdx", ATTACH_SPDX, "sbom.spdx.json" },
	[KIND_CYCLONEDX] = { "cyclonedx", ATTACH_CYCLONEDX, "sbom.cdx.json" },
	[KIND_PROVENANCE] = { "provenance", ATTACH_PROVENANCE, "provenance.intoto.json" },
};

/* ---- which ---- */

static int want(struct str name, bool builds, struct attach_wanted *ret, struct err *err)
{
	bool known = str_eq(name, "sbom");

	if (known)
		ret->kinds[KIND_SPDX] = ret->kinds[KIND_CYCLONEDX] = true;
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (str_eq(name, kinds[i].name))
			known = ret->kinds[i] = true;
	if (!known)
		return err_set(err, ERR_USAGE,
			       "--attach: '%.*s' is not known; expected lock, sbom, spdx, cyclonedx%s, with commas "
			       "between them",
			       (int)(name.n > 40 ? 40 : name.n), name.p, builds ? " or provenance" : "");
	if (ret->kinds[KIND_PROVENANCE] && !builds)
		return err_set(err, ERR_USAGE,
			       "--attach provenance is for build: who was not there cannot tell how an image was made");
	ret->any = true;
	return 0;
}

int attachments_wanted(const struct options *o, bool builds, struct attach_wanted *ret, struct err *err)
{
	*ret = (struct attach_wanted){ 0 };
	for (size_t i = 0; i < o->n_attaches; i++) {
		struct str rest = str_of(o->attaches[i]), name;

		while (str_cut(&rest, ',', &name))
			if (want(name, builds, ret, err) < 0)
				return -1;
	}
	return 0;
}

/* ---- the documents ---- */

/* The part of the lock that the image is of, on the base that it has. */
static void write_lock(const struct attach_facts *f, struct arena *a, struct buf *ret)
{
	const struct image *im = blobs_image(f->image);
	const char *name =
		descriptor_annotation(im->annotations, im->n_annotations, "org.opencontainers.image.base.name");
	const char *digest =
		descriptor_annotation(im->annotations, im->n_annotations, "org.opencontainers.image.base.digest");
	struct lock one = *f->lock;

	one.platforms = f->lp;
	one.n_platforms = 1;
	if (name && digest)
		one.base = arena_printf(a, "docker://%s@%s", name, digest);
	lock_write(&one, ret);
}

static void write_sbom(const struct attach_facts *f, struct arena *a, bool cyclonedx, struct buf *ret)
{
	const struct image *im = blobs_image(f->image);
	const char *title = holding_label(im, "org.opencontainers.image.title");
	struct digest d = blobs_manifest_digest(f->image);
	auto_sbom sbom = { 0 };

	sbom_make(&sbom,
		  &(struct sbom_subject){
			  .name = title && *title ? title : "environment",
			  .is_image = true,
			  .sha256 = arena_strdup(a, digest_hex(&d).hex),
			  .arch = im->arch,
			  .created = f->epoch >= 0 ? f->epoch : im->created,
		  },
		  f->packages ? f->packages : f->lp->packages, f->lp->n_packages,
		  f->lp->n_libc_packages ? &f->lp->libc_packages[0] : NULL);
	if (cyclonedx)
		sbom_write_cyclonedx(&sbom, ret);
	else
		sbom_write_spdx(&sbom, ret);
}

static void write_document(const struct attach_facts *f, struct arena *a, enum attach_kind kind, struct buf *ret)
{
	auto_buf lock = { 0 };

	switch (kind) {
	case KIND_LOCK:
		write_lock(f, a, ret);
		break;
	case KIND_SPDX:
	case KIND_CYCLONEDX:
		write_sbom(f, a, kind == KIND_CYCLONEDX, ret);
		break;
	case KIND_PROVENANCE:
		write_lock(f, a, &lock);
		provenance_write(f, &lock, a, ret);
		break;
	case KIND_COUNT:
		break;
	}
}

/* ---- put ---- */

static int put(const struct attach_facts *f, enum attach_kind kind, const struct dest *to, struct arena *a,
	       struct attach_told *told, struct err *err)
{
	const struct image *im = blobs_image(f->image);
	struct descriptor subject = attach_subject(f->image);
	struct annotation notes[2] = { { "in-toto.io/predicate-type", PROVENANCE_PREDICATE },
				       { ANNOTATION_CREATED, NULL } };
	struct attachment one = { .type = kinds[kind].type, .title = kinds[kind].file };
	struct attach_done done = { .subject = subject.digest, .type = one.type };
	struct dest named = *to;
	auto_buf text = { 0 };

	named.ref.has_digest = false;
	done.image = dest_text(a, &named);
	notes[1].value = arena_strdup(a, image_time_text(f->epoch >= 0 ? f->epoch : im->created).s);
	one.annotations = kind == KIND_PROVENANCE ? notes : notes + 1;
	one.n_annotations = kind == KIND_PROVENANCE ? 2 : 1;
	write_document(f, a, kind, &text);
	one.p = buf_cstr(&text);
	one.n = text.n;
	if (attach_put(to, &subject, &one, &done.digest, err) < 0)
		return -1;
	mem_grow(told->list, told->n);
	told->list[told->n++] = done;
	return 0;
}

int attachments_put(const struct attach_facts *f, const struct attach_wanted *wanted, const struct dest *to,
		    struct arena *a, struct attach_told *told, struct err *err)
{
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		if (wanted->kinds[kind] && put(f, kind, to, a, told, err) < 0)
			return -1;
	return 0;
}

void attachments_json(const struct attach_told *told, struct arena *a, struct json *j)
{
	json_array(j);
	for (size_t i = 0; i < told->n; i++) {
		const struct attach_done *d = &told->list[i];

		json_object(j);
		json_put_string(j, "image", d->image);
		json_put_string(j, "subject", arena_printf(a, "sha256:%s", digest_hex(&d->subject).hex));
		json_put_string(j, "artifact_type", d->type);
		json_put_string(j, "digest", arena_printf(a, "sha256:%s", digest_hex(&d->digest).hex));
		json_end(j);
	}
	json_end(j);
}

void attachments_release(struct attach_told *told)
{
	free(told->list);
	*told = (struct attach_told){ 0 };
}
