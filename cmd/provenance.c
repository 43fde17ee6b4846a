#include "cmd/provenance.h"

#include "base/json.h"
#include "cmd/holding.h"

static void put_digest(struct json *j, const struct digest *d)
{
	struct digest_text hex = digest_hex(d);

	json_key(j, "digest");
	json_object(j);
	json_put_string(j, "sha256", hex.hex);
	json_end(j);
}

static const char *note(const struct attach_facts *f, const char *key)
{
	const struct image *im = blobs_image(f->image);

	return descriptor_annotation(im->annotations, im->n_annotations, key);
}

/* ---- what was asked ---- */

static void put_flag(struct json *j, const char *name, bool value)
{
	if (value)
		json_put_bool(j, name, true);
}

static void put_list(struct json *j, const char *name, const char *const *list, size_t n)
{
	if (!n)
		return;
	json_key(j, name);
	json_array(j);
	for (size_t i = 0; i < n; i++)
		json_string(j, list[i]);
	json_end(j);
}

/*
 * The options that decide what is in the image, by their long names. Those that decide which packages are taken are
 * not there: the lock says what they came to.
 */
static void put_options(struct json *j, const struct options *o)
{
	json_key(j, "options");
	json_object(j);
	put_list(j, "annotation", o->annotations, o->n_annotations);
	json_put_known_string(j, "base", o->base);
	put_list(j, "ca-file", o->ca_files, o->n_ca_files);
	json_put_known_string(j, "clobber", o->clobber);
	json_put_known_string(j, "cmd", o->cmd);
	json_put_known_string(j, "compression", o->compression);
	put_list(j, "copy", o->copies, o->n_copies);
	json_put_known_string(j, "entrypoint", o->entrypoint);
	put_list(j, "env", o->envs, o->n_envs);
	put_list(j, "ignore-file", o->ignore_files, o->n_ignore_files);
	put_list(j, "label", o->labels, o->n_labels);
	json_put_known_string(j, "layers", o->layers);
	json_put_known_string(j, "libc", o->libc);
	json_put_known_string(j, "link-scripts", o->link_scripts);
	json_put_known_string(j, "media-types", o->media_types);
	put_list(j, "port", o->ports, o->n_ports);
	json_put_known_string(j, "prefix", o->prefix);
	put_flag(j, "shell", o->shell);
	json_put_known_string(j, "user", o->user);
	put_list(j, "volume", o->volumes, o->n_volumes);
	json_put_known_string(j, "workdir", o->workdir);
	put_flag(j, "writable", o->writable);
	json_end(j);
}

static void put_parameters(struct json *j, const struct attach_facts *f, const struct buf *lock)
{
	struct digest d = digest_bytes(lock->p, lock->n);

	json_key(j, "externalParameters");
	json_object(j);
	json_key(j, "lock");
	json_object(j);
	put_digest(j, &d);
	json_put_string(j, "mediaType", ATTACH_LOCK);
	json_put_string(j, "name", "conda-lock.yml");
	json_end(j);
	put_options(j, f->o);
	json_put_string(j, "platform", f->lp->subdir);
	if (f->epoch >= 0)
		json_put_int(j, "sourceDateEpoch", f->epoch);
	json_end(j);
}

/* ---- what it is made of ---- */

static void put_package(struct json *j, const struct record *r)
{
	char md5[2 * sizeof(r->md5) + 1];
	struct digest_text sha256 = digest_hex(&r->sha256);

	digest_hex_of(r->md5, sizeof(r->md5), md5);
	json_object(j);
	json_key(j, "digest");
	json_object(j);
	if (r->has_md5)
		json_put_string(j, "md5", md5);
	if (r->has_sha256)
		json_put_string(j, "sha256", sha256.hex);
	json_end(j);
	json_put_string(j, "name", r->fn);
	json_put_string(j, "uri", r->url);
	json_end(j);
}

static void put_base(struct json *j, const struct attach_facts *f, struct arena *a)
{
	const char *name = note(f, "org.opencontainers.image.base.name");
	const char *digest = note(f, "org.opencontainers.image.base.digest");
	struct digest d;

	if (!name || !digest || !descriptor_digest(digest, &d))
		return;
	json_object(j);
	put_digest(j, &d);
	json_put_string(j, "name", "base");
	json_put_string(j, "uri", arena_printf(a, "docker://%s", name));
	json_end(j);
}

static void put_dependencies(struct json *j, const struct attach_facts *f, struct arena *a)
{
	const struct record *packages = f->packages ? f->packages : f->lp->packages;

	json_key(j, "resolvedDependencies");
	json_array(j);
	put_base(j, f, a);
	for (size_t i = 0; i < f->lp->n_libc_packages; i++)
		put_package(j, &f->lp->libc_packages[i]);
	for (size_t i = 0; i < f->lp->n_packages; i++)
		put_package(j, &packages[i]);
	json_end(j);
}

static void put_predicate(struct json *j, const struct attach_facts *f, const struct buf *lock, struct arena *a)
{
	json_key(j, "predicate");
	json_object(j);
	json_key(j, "buildDefinition");
	json_object(j);
	json_put_string(j, "buildType", PROVENANCE_BUILD_TYPE);
	put_parameters(j, f, lock);
	put_dependencies(j, f, a);
	json_end(j);
	json_key(j, "runDetails");
	json_object(j);
	json_key(j, "builder");
	json_object(j);
	json_put_string(j, "id", PROVENANCE_BUILDER);
	json_key(j, "version");
	json_object(j);
	json_put_string(j, "condaimg", CONDAIMG_VERSION);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
}

void provenance_write(const struct attach_facts *f, const struct buf *lock, struct arena *a, struct buf *ret)
{
	const char *title = holding_label(blobs_image(f->image), "org.opencontainers.image.title");
	struct digest d = blobs_manifest_digest(f->image);
	struct json j = { .out = ret };

	json_object(&j);
	json_put_string(&j, "_type", "https://in-toto.io/Statement/v1");
	put_predicate(&j, f, lock, a);
	json_put_string(&j, "predicateType", PROVENANCE_PREDICATE);
	json_key(&j, "subject");
	json_array(&j);
	json_object(&j);
	put_digest(&j, &d);
	json_put_string(&j, "name", title && *title ? title : "image");
	json_end(&j);
	json_end(&j);
	json_end(&j);
}
