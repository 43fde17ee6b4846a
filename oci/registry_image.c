/* Images in registries: opened as any other, and written to. */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/work.h"
#include "oci/index.h"
#include "oci/parcel.h"
#include "oci/registry.h"

/* ---- reading ---- */

struct remote {
	struct blobs base;
	struct registry *registry;
};

static struct source *remote_get(struct blobs *b, const struct digest *d, uint64_t size, struct err *err)
{
	return registry_get_blob(((struct remote *)b)->registry, d, size, err);
}

static int remote_manifest(struct blobs *b, const struct descriptor *d, struct buf *ret, struct err *err)
{
	struct remote *m = (struct remote *)b;
	auto_free char *which = mem_printf("sha256:%s", digest_hex(&d->digest).hex);
	struct descriptor found;
	auto_arena a = { 0 };
	int got = registry_get_manifest(m->registry, &a, which, &found, ret, err);

	if (got == 0)
		return err_set(err, ERR_NET, "the registry has no manifest %s", which);
	return got < 0 ? -1 : 0;
}

static void remote_free(struct blobs *b)
{
	struct remote *m = (struct remote *)b;

	registry_free(m->registry);
	blobs_release(b);
	free(m);
}

static const struct blobs_ops remote_ops = { remote_get, remote_manifest, remote_free };

const struct ref *registry_image_ref(const struct blobs *b)
{
	return b && b->ops == &remote_ops ? registry_ref(((const struct remote *)b)->registry) : NULL;
}

static struct remote *remote_open(const struct dest *d, struct err *err)
{
	struct registry *r = registry_open(d->hub, &d->ref, REGISTRY_PULL, err);
	struct remote *m = r ? NEW(struct remote) : NULL;

	if (!m)
		return NULL;
	m->base.ops = &remote_ops;
	m->registry = r;
	return m;
}

static int load_trunk(struct remote *m, const struct dest *d, struct err *err)
{
	struct blobs *b = &m->base;
	struct ref ref = d->ref;
	struct descriptor root;
	const char *which;
	int got;

	ref.tag = d->tag;
	which = ref_wanted(&b->arena, &ref);
	got = registry_get_manifest(m->registry, &b->arena, which, &root, &b->manifest, err);
	if (got == 0)
		return err_set(err, ERR_NET, "the registry has no image '%s' there", which);
	if (got < 0)
		return -1;
	b->type = root.media_type;
	b->digest = root.digest;
	return 0;
}

struct blobs *registry_image_trunk(const struct dest *d, struct err *err)
{
	struct remote *m = remote_open(d, err);

	if (!m)
		return NULL;
	if (load_trunk(m, d, err) == 0)
		return &m->base;
	remote_free(&m->base);
	return NULL;
}

/* From an index to the manifest of a platform. */
static int choose(struct blobs *b, const char *os, const char *arch, struct err *err)
{
	struct index_want want = { .os = os, .arch = arch };
	struct descriptor d = { .media_type = b->type };
	auto_buf index = { 0 };

	if (!index_is_one(&d))
		return 0;
	buf_add(&index, b->manifest.p, b->manifest.n);
	if (index_choose(&b->arena, buf_cstr(&index), index.n, "the index of the image", &want, &d, err) < 0)
		return -1;
	if (index_is_one(&d))
		return err_set(err, ERR_FORMAT, "the index of the image leads to another index");
	b->manifest.n = 0;
	b->type = d.media_type;
	return blobs_manifest_of(b, &d, &b->manifest, err);
}

struct blobs *registry_image_open(const struct dest *d, const char *os, const char *arch, struct err *err)
{
	struct blobs *b = registry_image_trunk(d, err);

	if (!b)
		return NULL;
	if (choose(b, os, arch, err) == 0 && blobs_load(b, os, arch, err) == 0)
		return b;
	blobs_free(b);
	return NULL;
}

/* ---- writing ---- */

/* A blob to be there: layer i of a parcel, or its config. */
struct job {
	struct registry_origin base;
	const struct parcel *p;
	size_t i; /* p->n_layers: the config */
	struct descriptor d;
};

struct writing {
	struct registry *registry;
	struct job *jobs; /* largest first; each blob once */
	size_t n;
	bool blindly;
	pthread_mutex_t lock; /* of told */
	struct dest_told told;
	struct dest_told *to; /* or NULL */
};

static struct source *job_open(struct registry_origin *o, const struct descriptor *d, struct err *err)
{
	const struct job *j = (const struct job *)o;

	(void)d;
	if (j->i == j->p->n_layers)
		return source_bytes(j->p->config.p, j->p->config.n);
	return parcel_layer(j->p, j->i, err);
}

static int larger_first(const void *x, const void *y)
{
	const struct job *a = x, *b = y;

	if (a->d.size != b->d.size)
		return a->d.size > b->d.size ? -1 : 1;
	return memcmp(a->d.digest.sha256, b->d.digest.sha256, sizeof(a->d.digest.sha256));
}

/* Of one blob in several images the one that can be mounted goes first; then as the images have it. */
static int job_cmp(const void *x, const void *y)
{
	const struct job *a = x, *b = y;
	int c = larger_first(x, y);

	if (c)
		return c;
	if (!a->base.from != !b->base.from)
		return a->base.from ? -1 : 1;
	if (a->p != b->p)
		return a->p < b->p ? -1 : 1;
	return (a->i > b->i) - (a->i < b->i);
}

/* Where the blobs of another repository (or NULL) can be mounted from. */
static const char *mount_source(struct registry *r, const struct ref *base)
{
	const struct ref *to = registry_ref(r);

	return base && strcmp(base->host, to->host) == 0 && strcmp(base->repo, to->repo) != 0 ? base->repo : NULL;
}

static void add_job(struct writing *w, const struct parcel *p, size_t i, const struct descriptor *d, bool foreign)
{
	struct registry *at = i < p->n_layers ? p->layers[i].at : NULL;
	const struct blobs *in = i < p->n_layers && p->layers[i].in ? p->layers[i].in : p->base;
	const struct ref *there = at ? registry_ref(at) : foreign ? registry_image_ref(in) : NULL;
	const char *from = mount_source(w->registry, there);

	if (from)
		registry_mount_from(w->registry, from);
	w->jobs[w->n++] = (struct job){ { job_open, from }, p, i, *d };
}

static void list_jobs(struct writing *w, const struct parcel_set *s)
{
	size_t n = 0, kept = 0;

	for (size_t k = 0; k < s->n; k++)
		n += s->list[k].n_layers + 1;
	w->jobs = mem_array(n, sizeof(*w->jobs));
	for (size_t k = 0; k < s->n; k++) {
		const struct parcel *p = &s->list[k];
		struct descriptor config = { .digest = p->config_digest, .size = p->config.n };

		for (size_t i = 0; i < p->n_layers; i++)
			add_job(w, p, i, &p->layers[i].d, p->layers[i].foreign);
		add_job(w, p, p->n_layers, &config, !p->from);
	}
	qsort(w->jobs, w->n, sizeof(*w->jobs), job_cmp);
	for (size_t i = 0; i < w->n; i++)
		if (!kept || !digest_equal(&w->jobs[kept - 1].d.digest, &w->jobs[i].d.digest))
			w->jobs[kept++] = w->jobs[i];
	w->n = kept;
}

static int push_one(void *arg, size_t i, struct err *err)
{
	struct writing *w = arg;
	struct job *j = &w->jobs[i];
	enum registry_sent sent = REGISTRY_WAS_THERE;

	if (registry_push_blob(w->registry, &j->d, &j->base, w->blindly, &sent, err) < 0)
		return j->i == j->p->n_layers ? err_at(err, "config") : parcel_fault(j->p, j->i, err);
	pthread_mutex_lock(&w->lock);
	w->told.there += sent == REGISTRY_WAS_THERE;
	w->told.mounted += sent == REGISTRY_MOUNTED;
	w->told.uploaded += sent == REGISTRY_UPLOADED;
	w->told.bytes += sent == REGISTRY_UPLOADED ? j->d.size : 0;
	pthread_mutex_unlock(&w->lock);
	if (w->to && w->to->step)
		w->to->step(w->to);
	return 0;
}

/* A registry may believe that it has a blob which is gone; what it turns out to miss is sent without asking. */
static int heal(struct writing *w, const struct digest *missing, struct err *err)
{
	struct err fault = ERR_INIT;

	w->blindly = true;
	for (size_t i = 0; i < w->n; i++) {
		if (!digest_equal(&w->jobs[i].d.digest, missing))
			continue;
		if (push_one(w, i, &fault) == 0) {
			err_clear(err);
			return 0;
		}
		*err = fault;
		return -1;
	}
	return -1;
}

static int put_manifest(struct writing *w, const char *which, const char *type, const struct buf *text, struct err *err)
{
	for (size_t tries = 0;; tries++) {
		struct registry_put put;

		if (registry_put_manifest(w->registry, which, type, text->p, text->n, &put, err) == 0)
			return 0;
		if (!put.has_missing || tries > w->n)
			return -1;
		log_debug("%s: sent once more", err->text);
		if (heal(w, &put.missing, err) < 0)
			return -1;
	}
}

/* A tag that says this already stays untouched: some registries let none be written twice. */
static int tag_root(struct writing *w, const struct dest *d, const struct parcel_set *s, struct err *err)
{
	struct descriptor root = parcel_set_root(s), there;
	const struct buf *text = s->index.n ? &s->index : &s->list[0].manifest;
	struct ref ref = d->ref;
	auto_arena a = { 0 };
	const char *which;
	int got;

	ref.tag = d->tag;
	if (ref.has_digest && !digest_equal(&ref.digest, &root.digest))
		return err_set(err, ERR_USAGE, "the image is sha256:%s, and cannot be pushed as another digest",
			       digest_hex(&root.digest).hex);
	if (ref.tag)
		ref.has_digest = false;
	which = ref_wanted(&a, &ref);
	got = registry_head_manifest(w->registry, &a, which, &there, err);
	if (got < 0)
		return -1;
	if (got > 0 && digest_equal(&there.digest, &root.digest))
		return 0;
	return put_manifest(w, which, root.media_type, text, err);
}

static int put_manifests(struct writing *w, const struct dest *d, const struct parcel_set *s, struct err *err)
{
	for (size_t k = 0; s->index.n && k < s->n; k++) {
		const struct parcel *p = &s->list[k];
		auto_free char *which = mem_printf("sha256:%s", digest_hex(&p->manifest_digest).hex);

		if (put_manifest(w, which, p->media_type, &p->manifest, err) < 0)
			return err_at(err, "image %zu of %zu", k + 1, s->n);
	}
	return tag_root(w, d, s, err);
}

int registry_image_write(const struct dest *d, const struct parcel_set *s, struct dest_told *told, struct err *err)
{
	auto_registry *r = registry_open(d->hub, &d->ref, REGISTRY_PUSH, err);
	struct writing w = { .registry = r, .to = told };
	auto_arena a = { 0 };
	int rc;

	if (!r)
		return -1;
	pthread_mutex_init(&w.lock, NULL);
	list_jobs(&w, s);
	if (told && told->begun)
		told->begun(told, w.n);
	rc = work_run(w.n, REGISTRY_AT_ONCE, push_one, &w, err);
	if (rc == 0)
		rc = put_manifests(&w, d, s, err);
	pthread_mutex_destroy(&w.lock);
	free(w.jobs);
	if (rc < 0)
		return err_at(err, "%.300s", dest_text(&a, d));
	if (!told)
		return 0;
	told->there += w.told.there;
	told->mounted += w.told.mounted;
	told->uploaded += w.told.uploaded;
	told->bytes += w.told.bytes;
	return 0;
}
