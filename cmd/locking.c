#include "cmd/locking.h"

#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "cmd/base_image.h"

#define LOCK_MAX ((uint64_t)64 << 20)

int locking_read(const char *path, struct lock *ret, struct err *err)
{
	auto_buf text = { 0 };

	if (fs_read(AT_FDCWD, path, LOCK_MAX, &text, err) < 0)
		return -1;
	return lock_parse(buf_cstr(&text), text.n, path, ret, err);
}

/* A tag is looked up once: what it means now is what is locked, for all platforms. */
int locking_pin_base(const struct options *o, struct settings *s, struct registries *r, struct arena *a,
		     const char **ret, struct err *err)
{
	struct dest *d = &s->base;

	if (!s->has_base || d->type != DEST_REGISTRY || o->check)
		return 0;
	if (registries_attach(r, o, d, err) < 0)
		return -1;
	if (!d->ref.has_digest && dest_digest(d, &d->ref.digest, err) < 0)
		return err_at(err, "--base");
	d->ref.has_digest = true;
	*ret = dest_text(a, d);
	return 0;
}

/* What the lock says that the base has: --check asks no network, and so no registry. */
static const char *glibc_in_lock(const char *path, const struct platform *p, struct arena *a)
{
	const struct lock_platform *lp;
	struct err none = ERR_INIT;
	auto_lock lock = { 0 };

	if (!fs_exists(AT_FDCWD, path) || locking_read(path, &lock, &none) < 0 || !(lp = lock_find(&lock, p->subdir)))
		return NULL;
	for (const char *const *v = lp->virtuals; v && *v; v++) {
		struct str rest = str_of(*v), part;

		str_cut(&rest, '=', &part);
		if (!str_eq(part, "__glibc"))
			continue;
		str_cut(&rest, '=', &part);
		return arena_strndup(a, part.p, part.n);
	}
	return NULL;
}

static int glibc_of_base(const struct options *o, const struct settings *s, struct registries *r,
			 const struct platform *p, struct arena *a, const char **ret, struct err *err)
{
	auto_blobs *base = NULL;
	struct dest d = s->base;

	*ret = NULL;
	if (!s->has_base)
		return 0;
	if (o->check && d.type == DEST_REGISTRY) {
		*ret = glibc_in_lock((o->lockfile ? o->lockfile : input_lock_path(a, o->args[0])), p, a);
		return 0;
	}
	if (registries_attach(r, o, &d, err) == 0)
		base = dest_open(&d, p->oci_os, p->oci_arch, err);
	if (!base || base_image_glibc(a, base, ret, err) < 0)
		return err_at(err, "--base %s", dest_text(a, &s->base));
	return 0;
}

static int subdir_cmp(const void *a, const void *b)
{
	return strcmp((*(const struct platform *const *)a)->subdir, (*(const struct platform *const *)b)->subdir);
}

/* The platforms to lock, by subdir: those that were said, or all of the file's, or this machine's. */
size_t locking_platforms(const struct settings *s, const struct env *env, struct arena *a, const struct platform ***ret,
			 struct err *err)
{
	size_t n = 0, kept = 0;

	if (s->n_platforms) {
		*ret = arena_dup(a, s->platforms, s->n_platforms * sizeof(**ret));
		return s->n_platforms;
	}
	while (env->platforms[n])
		n++;
	*ret = arena_array(a, n + 1, sizeof(**ret));
	(*ret)[0] = s->host;
	for (size_t i = 0; i < n; i++) {
		err_clear(err);
		(*ret)[kept] = platform_parse(env->platforms[i], err);
		if ((*ret)[kept])
			kept++;
		else
			log_info("%s names %s, for which no image can be built: it is left out", env->file,
				 env->platforms[i]);
	}
	if (n && !kept)
		return 0;
	err_clear(err);
	qsort(*ret, kept, sizeof(**ret), subdir_cmp);
	return n ? kept : 1;
}

static int ask_one(const struct options *o, const struct settings *s, struct registries *r, const struct env *env,
		   const struct platform *p, struct arena *a, struct question *q, struct err *err)
{
	const char *glibc;

	return glibc_of_base(o, s, r, p, a, &glibc, err) < 0 ? -1 : question_make(env, o, s, p, glibc, q, err);
}

void locking_release(struct locking *l)
{
	for (size_t i = 0; i < l->n; i++) {
		input_release(&l->inputs[i]);
		question_release(&l->questions[i]);
	}
	free(l->inputs);
	free(l->questions);
	free(l->answers);
}

int locking_ask(const struct options *o, const struct settings *s, struct registries *r,
		const struct input_files *files, const struct platform *const *platforms, size_t n, struct arena *a,
		struct locking *l, struct err *err)
{
	*l = (struct locking){ mem_array(n, sizeof(*l->inputs)), mem_array(n, sizeof(*l->questions)),
			       mem_array(n, sizeof(*l->answers)), n };
	for (size_t i = 0; i < n; i++)
		if (input_read(files, platforms[i]->subdir, &l->inputs[i], err) < 0 ||
		    ask_one(o, s, r, &l->inputs[i].env, platforms[i], a, &l->questions[i], err) < 0)
			return -1;
	return 0;
}
