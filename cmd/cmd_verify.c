#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/input.h"
#include "cmd/registries.h"
#include "cmd/rootfs.h"
#include "cmd/verify.h"
#include "oci/layer.h"

#define BUNDLE_MAX ((uint64_t)64 << 20)

struct verifying {
	struct arena arena;
	struct settings settings;
	struct workshop workshop;
	struct assembly assembly;
	struct input_files files;
	struct input input;
	struct lock made_up; /* what the image's own records come to */
	struct lock_platform claims;
	const struct platform *platform; /* that the image was built for */
	const struct lock_platform *locked; /* of --lock, or NULL */
	struct blobs *blobs;
	struct dest dest;
	struct registries registries;
	struct verify verify;
	struct ground base; /* the layers of somebody else */
};

static void verifying_release(struct verifying *w)
{
	verify_release(&w->verify);
	assembly_release(&w->assembly);
	ground_release(&w->base);
	workshop_release(&w->workshop);
	input_release(&w->input);
	input_close(&w->files);
	blobs_free(w->blobs);
	registries_release(&w->registries);
	settings_release(&w->settings);
	arena_release(&w->arena);
}

static int open_image(struct verifying *w, const struct options *o, struct err *err)
{
	const struct platform *p = w->settings.platform;

	if (registries_place(&w->registries, o, &w->arena, o->args[0], &w->dest, err) < 0)
		return -1;
	w->blobs = dest_open(&w->dest, p ? p->oci_os : NULL, p ? p->oci_arch : NULL, err);
	return w->blobs ? 0 : -1;
}

/* The image says what cannot be, not whoever called. */
static int label_fault(struct err *err, const char *label)
{
	err->code = ERR_FORMAT;
	return err_at(err, "the label %s of the image", label);
}

/* What the image was built for: its label, or what its config says. */
static const struct platform *platform_of(const struct image *im, struct err *err)
{
	const char *label = holding_label(im, "io.condaimg.platform");
	auto_free char *text = mem_printf("%s/%s", im->os, im->arch);
	const struct platform *p = platform_parse(label ? label : text, err);

	if (!p)
		label_fault(err, "io.condaimg.platform");
	return p;
}

/* ---- what it is built from ---- */

static int read_lock(struct verifying *w, const char *path, const struct platform *p, const struct lock_platform **ret,
		     struct err *err)
{
	if (input_read_one(path, p->subdir, &w->files, &w->input, err) < 0)
		return -1;
	if (!w->input.is_lock)
		return err_set(err, ERR_USAGE, "--lock %s is no lock; condaimg lock makes one of it", path);
	*ret = lock_find(&w->input.lock, p->subdir);
	return *ret ? 0 : err_set(err, ERR_FORMAT, "%s has nothing for %s, which the image is for", path, p->subdir);
}

static bool is_in_cache(const struct workshop *w, const struct record *r)
{
	auto_free char *path = mem_printf("sha256/%s", digest_hex(&r->sha256).hex);

	return r->has_sha256 && fs_exists(w->packages, path);
}

/* What a broken layer holds decides what others leave to it, so without a lock nothing is known to compare with. */
static bool some_packages_are_unknown(const struct contents *c)
{
	for (uint32_t i = c->own; i < c->image->n_layers; i++)
		if (contents_is_broken(c, i) && *c->holdings[i].packages) {
			log_info("layer %u is broken: nothing was built to compare the others with (--lock FILE does)",
				 i + 1);
			return true;
		}
	return false;
}

/* The lock that the image's own records come to. NULL: there is nothing to build, or the cache lacks packages. */
static const struct lock_platform *claims_of(struct verifying *w, const struct platform *p)
{
	const struct contents *c = &w->verify.contents;
	struct record *records = arena_array(&w->arena, c->n_packages, sizeof(*records));
	size_t n = 0, missing = 0;

	if (c->prefix && some_packages_are_unknown(c))
		return NULL;
	for (size_t i = 0; i < c->n_packages; i++) {
		if (!c->prefix || strcmp(c->packages[i].prefix, c->prefix) != 0)
			continue;
		missing += !is_in_cache(&w->workshop, &c->packages[i].meta.record);
		records[n++] = c->packages[i].meta.record;
	}
	if (missing)
		log_info("%zu of the %zu packages are not in the cache: nothing was built to compare with "
			 "(--lock FILE fetches them)",
			 missing, n);
	if (!n || missing)
		return NULL;
	w->claims = (struct lock_platform){ .subdir = p->subdir, .libc = "", .packages = records, .n_packages = n };
	if (c->libc && contents_has_part(c, "libc") && is_in_cache(&w->workshop, c->libc)) {
		w->claims.libc_packages = c->libc;
		w->claims.n_libc_packages = 1;
	}
	return &w->claims;
}

/* What lies under our layers, and which options there were, decides which system files we bring. */
static int settle_system(struct verifying *w, struct err *err)
{
	const struct image *im = w->verify.contents.image;
	size_t n = w->verify.contents.own;

	w->settings.app.shell = holding_label(im, LABEL_SHELL) != NULL;
	if (app_user_parse(&w->arena, holding_label(im, LABEL_USER), &w->settings.app.user, err) < 0)
		return label_fault(err, LABEL_USER);
	if (!n)
		return assembly_lay_ground(&w->assembly, NULL, err);
	w->assembly.base = im;
	if (ground_of_base(w->blobs, n, &w->workshop, &w->base, err) < 0)
		return -1;
	return assembly_lay_ground(&w->assembly, &w->base, err);
}

/* The text of a file as the image has it; NULL where it has none. ERR_LIMIT, and what reading a layer fails with. */
static int read_file(struct verifying *w, const char *path, struct buf *ret, bool *found, struct err *err)
{
	const struct contents *c = &w->verify.contents;
	const struct overlay_file *f = overlay_find(&c->files, path);
	struct source *content;
	struct member m;
	int got = -1;

	*found = false;
	if (!f || f->type != MEMBER_FILE || contents_is_broken(c, f->layer))
		return 0;
	auto_layer_reader *in = layer_open(w->blobs, &c->image->layers[f->layer], err);

	while (in && (got = layer_next(in, &m, &content, err)) > 0) {
		const char *is = overlay_path(&w->arena, m.path, err);

		if (!is)
			return -1;
		if (strcmp(is, path) != 0 || !content)
			continue;
		*found = true;
		return io_slurp(content, BUNDLE_MAX, ret, err);
	}
	return got;
}

/*
 * The certificates that --ca-file added are what the bundle has behind the environment's, if the label's digest says so;
 * then the system files can be made once more.
 */
static int settle_certificates(struct verifying *w, struct err *err)
{
	const char *label = holding_label(w->verify.contents.image, LABEL_CERTIFICATES);
	const char *path = w->assembly.base
				   ? arena_printf(&w->arena, "%s/" ROOTFS_BUNDLE_IN_PREFIX, w->verify.contents.prefix)
				   : ROOTFS_BUNDLE;
	auto_buf front = { 0 }, text = { 0 };
	struct digest d;
	bool found;

	if (!label)
		return 0;
	if (assembly_read_cacert(&w->assembly, &front, err) < 0 || read_file(w, path, &text, &found, err) < 0)
		return -1;
	if (!found) {
		verify_add(&w->verify, "image", path, "is missing",
			   "expected the certificates that its label tells of");
		return 0;
	}
	if (text.n < front.n || memcmp(text.p, buf_cstr(&front), front.n) != 0) {
		verify_add(&w->verify, "image", path, "does not begin with the environment's certificates", "");
		return 0;
	}
	d = digest_bytes(text.p + front.n, text.n - front.n);
	if (strcmp(label, arena_printf(&w->arena, "sha256:%s", digest_hex(&d).hex)) == 0)
		w->settings.app.certificates = arena_strndup(&w->arena, text.p + front.n, text.n - front.n);
	else
		verify_add(&w->verify, "image", path,
			   arena_printf(&w->arena, "has added certificates of sha256:%s", digest_hex(&d).hex),
			   arena_printf(&w->arena, "expected %s, as the label " LABEL_CERTIFICATES " says", label));
	return 0;
}

static int rebuild(struct verifying *w, const struct lock *lock, const struct lock_platform *lp,
		   const struct platform *p, struct err *err)
{
	const struct contents *c = &w->verify.contents;

	w->settings.prefix = arena_printf(&w->arena, "/%s", c->prefix);
	w->settings.libc_none = !contents_has_part(c, "libc");
	if (prefix_check(w->settings.prefix, err) < 0)
		return label_fault(err, "io.condaimg.prefix");
	if (assembly_plan(&w->assembly, &w->settings, &w->workshop, lock, lp, p, NULL, err) < 0)
		return -1;
	if (settle_system(w, err) < 0 || assembly_fetch(&w->assembly, err) < 0 || settle_certificates(w, err) < 0)
		return -1;
	return verify_rebuild(&w->verify, &w->assembly, lock != &w->made_up, err);
}

/* All that does not depend on what is in the image's layers. */
static int prepare(struct verifying *w, const struct options *o, struct err *err)
{
	const struct image *im = blobs_image(w->blobs);
	const char *prefix;

	w->platform = platform_of(im, err);
	if (!w->platform || workshop_open(&w->settings, w->settings.offline || !o->lock, &w->workshop, err) < 0)
		return -1;
	if (!o->lock)
		return 0;
	prefix = holding_label(im, "io.condaimg.prefix");
	if (!prefix || *prefix != '/')
		return err_set(err, ERR_FORMAT,
			       "the image has no label io.condaimg.prefix: condaimg did not build it, and cannot "
			       "build it once more");
	return read_lock(w, o->lock, w->platform, &w->locked, err);
}

static bool base_is_broken(const struct contents *c)
{
	for (uint32_t i = 0; i < c->own; i++)
		if (contents_is_broken(c, i)) {
			log_info("layer %u, of the base, is broken: nothing was built to compare the others with",
				 i + 1);
			return true;
		}
	return false;
}

static int compare_with_build(struct verifying *w, struct err *err)
{
	const struct lock *lock = w->locked ? &w->input.lock : &w->made_up;
	const struct lock_platform *lp = w->locked;

	if (lp)
		verify_lock(&w->verify, lp);
	if (base_is_broken(&w->verify.contents))
		return 0;
	if (!lp)
		lp = claims_of(w, w->platform);
	return lp ? rebuild(w, lock, lp, w->platform, err) : 0;
}

/* ---- the result ---- */

static void print_json(struct verifying *w, const char *image, const char *digest, size_t checked, size_t files)
{
	const struct verify *v = &w->verify;
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", "verify-1");
	json_put_string(&j, "image", image);
	json_put_string(&j, "digest", digest);
	json_put_bool(&j, "verified", v->n == 0);
	json_put_int(&j, "packages", (int64_t)v->contents.n_packages);
	json_put_int(&j, "files", (int64_t)checked);
	json_put_int(&j, "files_not_compared", (int64_t)(files - checked));
	json_put_int(&j, "files_replaced", (int64_t)v->n_replaced);
	json_put_int(&j, "layers", (int64_t)v->contents.image->n_layers);
	json_put_int(&j, "layers_rebuilt", (int64_t)v->rebuilt);
	json_key(&j, "differences");
	json_array(&j);
	for (size_t i = 0; i < v->n; i++) {
		json_object(&j);
		json_put_string(&j, "package", v->list[i].package);
		json_put_string(&j, "path", v->list[i].path);
		json_put_string(&j, "found", v->list[i].found);
		json_put_string(&j, "expected", v->list[i].expected);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	puts(out.p);
}

static void print_difference(struct arena *a, const struct difference *d)
{
	char *line = arena_printf(a, "%s%s%s: %s%s%s", d->package, *d->path ? ": " : "", d->path, d->found,
				  *d->expected ? ", " : "", d->expected);

	for (char *at = line; *at; at++)
		if (*at == '\n')
			*at = '?';
	str_tidy(line);
	puts(line);
}

static int report(struct verifying *w, const struct options *o, struct err *err)
{
	const struct verify *v = &w->verify;
	struct digest d = blobs_manifest_digest(w->blobs);
	const char *image = dest_text(&w->arena, &w->dest);
	const char *digest = arena_printf(&w->arena, "sha256:%s", digest_hex(&d).hex);
	size_t checked, files = verify_files(v, &checked);

	if (o->json)
		print_json(w, image, digest, checked, files);
	else if (!v->n)
		printf("%s@%s verified: %zu packages, %zu files\n", image, digest, v->contents.n_packages, checked);
	for (size_t i = 0; !o->json && i < v->n; i++)
		print_difference(&w->arena, &v->list[i]);
	if (v->n_replaced)
		log_warn("the application replaces %zu %s of packages, first %s", v->n_replaced,
			 v->n_replaced == 1 ? "file" : "files", v->replaced);
	log_info("%zu of %zu layers were built once more; %zu files have no record and are checked by their layer's "
		 "digest alone",
		 v->rebuilt, v->contents.image->n_layers, files - checked);
	if (!v->n)
		return 0;
	return err_set(err, ERR_INTEGRITY, "%s@%s is not what it says: %zu %s", image, digest, v->n,
		       v->n == 1 ? "difference" : "differences");
}

int cmd_verify(const struct options *o, struct err *err)
{
	CLEANUP(verifying_release)
	struct verifying w = { .workshop = { .packages = -1, .repodata = -1, .plans = -1, .lock = -1 } };

	if (settings_read(o, &w.settings, err) < 0 || settings_configure(o, &w.settings, err) < 0 ||
	    settings_one_platform(&w.settings, err) < 0 || open_image(&w, o, err) < 0)
		return -1;
	if (prepare(&w, o, err) < 0 || verify_records(&w.verify, w.blobs, err) < 0)
		return err_at(err, "%s", dest_text(&w.arena, &w.dest));
	/* What is known to be wrong is told, whatever else cannot be found out. */
	if (compare_with_build(&w, err) < 0) {
		if (!w.verify.n)
			return err_at(err, "%s", dest_text(&w.arena, &w.dest));
		log_warn("no build to compare with: %s", err->text);
		err_clear(err);
	}
	verify_finish(&w.verify);
	return report(&w, o, err);
}
