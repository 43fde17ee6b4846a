#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/convert.h"
#include "cmd/lock_check.h"
#include "cmd/lock_checksums.h"
#include "cmd/locking.h"
#include "cmd/output.h"
#include "cmd/project.h"
#include "cmd/registries.h"
#include "cmd/solve_all.h"
#include "conda/explicit.h"

static int print_json(const char *path, const struct lock *l)
{
	auto_buf b = { 0 };
	struct json j = { .out = &b, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", "lock-1");
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

static const char *lock_path(const struct options *o, bool explicit, struct arena *a)
{
	if (o->lockfile)
		return o->lockfile;
	return explicit ? "-" : input_lock_path(a, o->args[0]);
}

/* ---- what is written ---- */

static int render(const struct options *o, bool explicit, const struct lock *l, struct buf *ret, struct err *err)
{
	if (!explicit) {
		lock_write(l, ret);
		return 0;
	}
	if (l->n_platforms != 1)
		return err_set(
			err, ERR_USAGE,
			"a list (--format explicit) is for one platform, and there are %zu: say which with --platform",
			l->n_platforms);
	explicit_write(&l->platforms[0], o->md5, ret);
	return 0;
}

static int write_lock(const struct options *o, bool explicit, const struct lock *l, const char *path, struct err *err)
{
	auto_buf text = { 0 };

	if (render(o, explicit, l, &text, err) < 0)
		return -1;
	if (o->dry_run && o->json)
		return print_json(NULL, l);
	if (o->dry_run || strcmp(path, "-") == 0) {
		fwrite(text.p, 1, text.n, stdout);
		return 0;
	}
	if (output_write(path, &text, err) < 0)
		return -1;
	if (o->json)
		return print_json(path, l);
	puts(path);
	return 0;
}

static int read_format(const struct options *o, bool *explicit, struct err *err)
{
	*explicit = o->format && strcmp(o->format, "explicit") == 0;
	if (o->format && !*explicit && strcmp(o->format, "conda-lock") != 0)
		return err_set(err, ERR_USAGE, "--format is '%s', expected conda-lock or explicit", o->format);
	if (*explicit && (o->check || o->n_updates))
		return err_set(err, ERR_USAGE, "--%s reads the lock, and --format explicit writes none",
			       o->check ? "check" : "update");
	if (o->json && !o->dry_run && !o->check && strcmp(o->lockfile ? o->lockfile : *explicit ? "-" : "", "-") == 0)
		return err_set(err, ERR_USAGE,
			       "--json and the lock itself both go to stdout: give it a file with --lockfile");
	if (o->md5 && !*explicit)
		return err_set(err, ERR_USAGE, "--md5 is for --format explicit");
	return 0;
}

/* ---- the lock that is there ---- */

/* --check: nothing but the question and the lock's hash. */
static int check(const struct options *o, const struct input_files *files, const char *path, const struct locking *l,
		 struct err *err)
{
	auto_lock old = { 0 };
	auto_buf b = { 0 };
	struct json j = { .out = &b, .indent = 2 };
	bool there = fs_exists(AT_FDCWD, path);

	if (there && locking_read(path, &old, err) < 0)
		return -1;
	if (!there)
		err_fill(err, ERR_FORMAT, "there is no %s: condaimg lock %s makes it", path, files->names);
	else
		lock_check(&old, path, l->questions, l->n, err);
	if (o->json) {
		json_object(&j);
		json_put_string(&j, "schema", "lock-check-1");
		json_put_string(&j, "lockfile", path);
		json_put_bool(&j, "current", err->code == ERR_NONE);
		json_put_string(&j, "reason", err->code == ERR_NONE ? NULL : err->text);
		json_end(&j);
		puts(b.p);
	} else if (err->code == ERR_NONE) {
		log_info("%s is current", path);
	}
	return err->code == ERR_NONE ? 0 : -1;
}

/* "--update numpy scipy": the second is taken for a file. */
static int check_files(const struct options *o, struct err *err)
{
	for (size_t i = 1; o->n_updates && i < o->n_args; i++)
		if (strcmp(o->args[i], "-") != 0 && !fs_exists(AT_FDCWD, o->args[i]))
			return err_set(err, ERR_USAGE,
				       "there is no file %s; several packages stand behind --update as one word: "
				       "--update %s,%s",
				       o->args[i], o->updates[0], o->args[i]);
	return 0;
}

/* What --update holds on to: every record of the lock whose name is not to move. */
static int keep_locked(const struct options *o, const char *path, struct lock *old, const struct locking *l,
		       struct kept *ret, struct err *err)
{
	if (!o->n_updates)
		return 0;
	if (!fs_exists(AT_FDCWD, path))
		return err_set(err, ERR_USAGE, "--update keeps what is locked, but there is no %s: leave it out", path);
	if (locking_read(path, old, err) < 0)
		return -1;
	return kept_init(ret, old, o->updates, o->n_updates, l->questions, l->n, err);
}

/* A lock of any kind, written as another. Nothing is solved. */
static int convert(const struct options *o, struct settings *s, struct registries *r, bool explicit,
		   const struct input_files *files, struct input *in, struct err *err)
{
	auto_workshop w = { .packages = -1, .repodata = -1, .plans = -1, .lock = -1 };
	auto_arena a = { 0 };
	struct lock lock;
	const char *path = lock_path(o, explicit, &a);

	if (o->check || o->n_updates)
		return err_set(err, ERR_USAGE, "%s is a lock already; --%s is for what a lock is made of", o->args[0],
			       o->check ? "check" : "update");
	if (in->is_conda_lock && !explicit)
		return err_set(err, ERR_USAGE,
			       "%s is a lock already; lock takes an environment.yml (--format explicit lists its URLs)",
			       o->args[0]);
	if (output_check(o, "--lockfile", path, true, err) < 0)
		return -1;
	for (const char *const *warning = in->lock.warnings; *warning; warning++)
		log_warn("%s", *warning);
	if (in->lock.unverified && (workshop_open(s, s->offline, &w, err) < 0 ||
				    lock_checksums_find(&in->lock, o->args[0], o, s, &w, err) < 0))
		return -1;
	if (convert_lock(&in->lock, o->args[0], s->platforms, s->n_platforms, &a, &lock, err) < 0)
		return -1;
	if (!explicit && convert_libc(o, s, r, o->args[0], &a, &lock, err) < 0)
		return -1;
	lock.sources = input_sources(&a, files, output_is_special(path) ? "-" : path);
	return write_lock(o, explicit, &lock, path, err);
}

int cmd_lock(const struct options *given, struct err *err)
{
	auto_project project = { 0 };
	const struct options *o = &project.options;
	auto_settings s = { 0 };
	auto_registries r = { 0 };
	const char *base = NULL;
	auto_input_files files = { 0 };
	auto_input in = { 0 };
	auto_workshop w = { .packages = -1, .repodata = -1, .plans = -1, .lock = -1 };
	auto_arena a = { 0 };
	auto_lock lock = { 0 }, old = { 0 };
	auto_kept kept = { 0 };
	struct refusal refusal = { 0 };
	auto_locking l = { 0 };
	const struct platform **platforms;
	const char *path;
	bool explicit;
	size_t n;

	if (project_open(given, &project, err) < 0 || settings_read(o, &s, err) < 0 ||
	    settings_configure(o, &s, err) < 0 || read_format(o, &explicit, err) < 0 || check_files(o, err) < 0 ||
	    input_open(o, &files, err) < 0)
		return -1;
	files.looks_up = true;
	if (input_read(&files, (s.platform ? s.platform : s.host)->subdir, &in, err) < 0)
		return -1;
	if (in.is_lock)
		return convert(o, &s, &r, explicit, &files, &in, err);
	for (const char *const *warning = in.env.warnings; *warning; warning++)
		log_warn("%s", *warning);
	n = locking_platforms(&s, &in.env, &a, &platforms, err);
	path = lock_path(o, explicit, &a);
	if (!n || (!o->check && output_check(o, "--lockfile", path, true, err) < 0) ||
	    locking_pin_base(o, &s, &r, &a, &base, err) < 0 ||
	    locking_ask(o, &s, &r, &files, platforms, n, &a, &l, err) < 0)
		return -1;
	if (o->check)
		return check(o, &files, path, &l, err);
	if (keep_locked(o, path, &old, &l, &kept, err) < 0 || workshop_open(&s, s.offline, &w, err) < 0)
		return -1;
	if (solve_all(l.questions, n, &kept, &w, &a, l.answers, &refusal, err) < 0) {
		refusal_print(&refusal, o->json, err);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		log_info("%s: %zu packages for %s", files.names, l.answers[i].n_packages, platforms[i]->subdir);
	resolve_lock(&lock, &l.questions[0], o->args[0], l.answers, n);
	lock.base = base;
	lock.sources = input_sources(&a, &files, output_is_special(path) ? "-" : path);
	return write_lock(o, explicit, &lock, path, err);
}
