#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/base_image.h"
#include "cmd/commands.h"
#include "cmd/project.h"
#include "cmd/resolve.h"

static int print_json(const char *path, const struct lock *l)
{
	auto_buf b = { 0 };
	struct json j = { .out = &b, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "lockfile", path);
	json_key(&j, "platforms");
	json_array(&j);
	for (size_t i = 0; i < l->n_platforms; i++) {
		const struct lock_platform *p = &l->platforms[i];

		json_object(&j);
		json_put_string(&j, "platform", p->subdir);
		json_put_string(&j, "content_hash", p->content_hash);
		json_put_strings(&j, "virtual_packages", p->virtuals);
		json_key(&j, "packages");
		json_array(&j);
		for (size_t k = 0; k < p->n_packages; k++) {
			json_object(&j);
			json_put_string(&j, "name", p->packages[k].name);
			json_put_string(&j, "version", p->packages[k].version);
			json_put_string(&j, "build", p->packages[k].build);
			json_put_string(&j, "url", p->packages[k].url);
			json_put_int(&j, "size", (int64_t)p->packages[k].size);
			json_end(&j);
		}
		json_end(&j);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	puts(buf_cstr(&b));
	return 0;
}

static int glibc_of_base(const struct settings *s, const struct platform *p, struct arena *a, const char **ret,
			 struct err *err)
{
	auto_blobs *base = NULL;

	*ret = NULL;
	if (!s->has_base)
		return 0;
	base = dest_open(&s->base, p->oci_os, p->oci_arch, err);
	if (!base || base_image_glibc(a, base, ret, err) < 0)
		return err_at(err, "--base %s", dest_text(a, &s->base));
	return 0;
}

/* The platforms to lock: the one that was said, or all of the file's, or this machine's. */
static size_t list_platforms(const struct settings *s, const struct env *env, struct arena *a,
			     const struct platform ***ret, struct err *err)
{
	size_t n = 0;

	while (env->platforms[n])
		n++;
	*ret = arena_array(a, n + 1, sizeof(**ret));
	if (s->platform || !n) {
		(*ret)[0] = s->platform ? s->platform : platform_host();
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		if (!((*ret)[i] = platform_parse(env->platforms[i], err)))
			return 0;
	return n;
}

static int lock_one(const struct options *o, const struct settings *s, struct workshop *w, const struct env *env,
		    const struct platform *p, struct arena *a, struct question *q, struct lock_platform *ret,
		    struct err *err)
{
	const char *glibc;

	if (glibc_of_base(s, p, a, &glibc, err) < 0 || question_make(env, o, s, p, glibc, q, err) < 0)
		return -1;
	return resolve(q, w, a, ret, err);
}

static int subdir_cmp(const void *a, const void *b)
{
	return strcmp(((const struct lock_platform *)a)->subdir, ((const struct lock_platform *)b)->subdir);
}

static int write_lock(const struct options *o, const struct lock *l, const char *path, struct err *err)
{
	auto_buf text = { 0 };

	lock_write(l, &text);
	if (o->dry_run) {
		fputs(text.p, stdout);
		return 0;
	}
	if (strcmp(path, "-") == 0) {
		fwrite(text.p, 1, text.n, stdout);
		return 0;
	}
	if (fs_write(AT_FDCWD, path, text.p, text.n, 0644, err) < 0)
		return -1;
	if (o->json)
		return print_json(path, l);
	puts(path);
	return 0;
}

/* One reading of the file for each platform, because selectors depend on it. */
struct locking {
	struct input *inputs;
	struct question *questions;
	struct lock_platform *answers;
	size_t n;
};

static void locking_release(struct locking *l)
{
	for (size_t i = 0; i < l->n; i++) {
		input_release(&l->inputs[i]);
		question_release(&l->questions[i]);
	}
	free(l->inputs);
	free(l->questions);
	free(l->answers);
}

static int lock_all(const struct options *o, const struct settings *s, struct workshop *w, const char *path,
		    const struct platform *const *platforms, size_t n, struct arena *a, struct locking *l,
		    struct err *err)
{
	*l = (struct locking){ mem_array(n, sizeof(*l->inputs)), mem_array(n, sizeof(*l->questions)),
			       mem_array(n, sizeof(*l->answers)), n };
	for (size_t i = 0; i < n; i++) {
		if (input_read(path, platforms[i]->subdir, &l->inputs[i], err) < 0 ||
		    lock_one(o, s, w, &l->inputs[i].env, platforms[i], a, &l->questions[i], &l->answers[i], err) < 0)
			return -1;
		log_info("%s: %zu packages for %s", path, l->answers[i].n_packages, platforms[i]->subdir);
	}
	qsort(l->answers, n, sizeof(*l->answers), subdir_cmp);
	return 0;
}

int cmd_lock(const struct options *given, struct err *err)
{
	auto_project project = { 0 };
	const struct options *o = &project.options;
	auto_settings s = { 0 };
	auto_input in = { 0 };
	auto_workshop w = { .packages = -1, .repodata = -1, .plans = -1 };
	auto_arena a = { 0 };
	auto_lock lock = { 0 };
	CLEANUP(locking_release) struct locking l = { 0 };
	const struct platform **platforms;
	const char *path, *slash;
	size_t n;

	if (project_open(given, &project, err) < 0 || settings_read(o, &s, err) < 0 ||
	    input_read(o->args[0], (s.platform ? s.platform : platform_host())->subdir, &in, err) < 0)
		return -1;
	if (in.is_lock)
		return err_set(err, ERR_USAGE, "%s is a lock already; lock takes an environment.yml", o->args[0]);
	for (const char *const *warning = in.env.warnings; *warning; warning++)
		log_warn("%s", *warning);
	n = list_platforms(&s, &in.env, &a, &platforms, err);
	if (!n || workshop_open(&s, o->offline, &w, err) < 0 ||
	    lock_all(o, &s, &w, o->args[0], platforms, n, &a, &l, err) < 0)
		return -1;
	path = o->lockfile ? o->lockfile : arena_printf(&a, "%s/conda-lock.yml", input_dir(&a, o->args[0]));
	if (!o->lockfile && !strchr(o->args[0], '/'))
		path = "conda-lock.yml";
	slash = strrchr(o->args[0], '/');
	resolve_lock(&lock, &l.questions[0], slash ? slash + 1 : o->args[0], l.answers, n);
	return write_lock(o, &lock, path, err);
}
