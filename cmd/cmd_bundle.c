#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/bundle.h"
#include "cmd/bundle_layers.h"
#include "cmd/channel_docs.h"
#include "cmd/commands.h"
#include "cmd/convert.h"
#include "cmd/gather.h"
#include "cmd/lock_check.h"
#include "cmd/lock_libc.h"
#include "cmd/locking.h"
#include "cmd/output.h"
#include "cmd/project.h"

struct packing {
	struct arena arena;
	struct project project;
	const struct options *o;
	struct settings settings;
	struct registries registries;
	struct workshop workshop;
	struct input_files files;
	struct input in;
	struct locking asked;
	struct question *libc_questions; /* of a lock that named no C library */
	size_t n_libc_questions;
	struct lock there; /* beside the environment */
	struct lock lock; /* that is packed */
	struct gathering g;
	struct channel_docs *docs; /* by subdir of g */
	size_t n_docs;
	struct buf lock_text;
	size_t n_layers; /* that are packed */
	struct bundle_plan plan;
	char *scratch; /* a folder of ours, or NULL */
	char *layout; /* in it: the base image, or NULL */
	int scratchfd;
};

static void packing_release(struct packing *p)
{
	struct err none = ERR_INIT;

	bundle_plan_release(&p->plan);
	buf_release(&p->lock_text);
	for (size_t i = 0; i < p->n_docs; i++)
		channel_docs_release(&p->docs[i]);
	free(p->docs);
	gather_release(&p->g);
	lock_release(&p->lock);
	lock_release(&p->there);
	for (size_t i = 0; i < p->n_libc_questions; i++)
		question_release(&p->libc_questions[i]);
	free(p->libc_questions);
	locking_release(&p->asked);
	input_release(&p->in);
	input_close(&p->files);
	workshop_release(&p->workshop);
	if (p->scratchfd >= 0)
		close(p->scratchfd);
	if (p->scratch)
		fs_remove(AT_FDCWD, p->scratch, &none);
	free(p->scratch);
	free(p->layout);
	registries_release(&p->registries);
	settings_release(&p->settings);
	project_release(&p->project);
	arena_release(&p->arena);
}

/* ---- which lock ---- */

/* Whether the lock beside the environment answers: then it is what a build would take. */
static int try_there(struct packing *p, struct err *err)
{
	const char *path = p->o->lockfile ? p->o->lockfile : input_lock_path(&p->arena, p->o->args[0]);
	struct err why = ERR_INIT;

	if (!p->o->lockfile && (strcmp(p->o->args[0], "-") == 0 || !fs_exists(AT_FDCWD, path)))
		return 0;
	if (locking_read(path, &p->there, err) < 0)
		return -1;
	if (lock_check(&p->there, path, p->asked.questions, p->asked.n, &why) == 0) {
		p->lock = p->there;
		p->lock.arena = (struct arena){ 0 };
		return 1;
	}
	if (p->o->lockfile)
		return err_set(err, ERR_FORMAT, "%s", why.text);
	log_warn("%s is not used: %s", path, why.text);
	return 0;
}

static int solve(struct packing *p, const char *base, struct err *err)
{
	struct refusal refusal = { 0 };
	auto_kept none = { 0 };

	if (solve_all(p->asked.questions, p->asked.n, &none, &p->workshop, &p->arena, p->asked.answers, &refusal, err) <
	    0) {
		refusal_print(&refusal, p->o->json, err);
		return -1;
	}
	resolve_lock(&p->lock, &p->asked.questions[0], "environment.yml", p->asked.answers, p->asked.n);
	p->lock.base = base;
	return 0;
}

static int lock_environment(struct packing *p, struct err *err)
{
	const struct platform **platforms;
	const char *base = NULL;
	size_t n = locking_platforms(&p->settings, &p->in.env, &p->arena, &platforms, err);
	int got;

	for (const char *const *warning = p->in.env.warnings; *warning; warning++)
		log_warn("%s", *warning);
	if (!n || locking_pin_base(p->o, &p->settings, &p->registries, &p->arena, &base, err) < 0 ||
	    locking_ask(p->o, &p->settings, &p->registries, &p->files, platforms, n, &p->arena, &p->asked, err) < 0)
		return -1;
	got = try_there(p, err);
	if (got < 0 || (got == 0 && solve(p, base, err) < 0))
		return -1;
	/* What no solve depends on is as the file has it now. */
	p->lock.name = p->in.env.name;
	p->lock.variables = p->in.env.variables;
	p->lock.n_variables = p->in.env.n_variables;
	return 0;
}

/* A lock of another tool names no C library: what a build would add is added now, while there is a network. */
static int add_libc(struct packing *p, struct err *err)
{
	size_t n = p->lock.n_platforms;
	struct lock_platform *list = arena_dup(&p->arena, p->lock.platforms, n * sizeof(*list));

	if (p->settings.has_base || p->lock.base || p->settings.libc_none)
		return 0;
	p->libc_questions = mem_array(n + 1, sizeof(*p->libc_questions));
	for (size_t i = 0; i < n; i++) {
		const struct platform *platform;

		if (list[i].n_libc_packages || strcmp(list[i].libc, "none") == 0)
			continue;
		platform = platform_parse(list[i].subdir, err);
		if (!platform ||
		    lock_libc_add(&p->lock, p->o->args[0], true, p->o, &p->settings, platform, &p->workshop,
				  &p->libc_questions[p->n_libc_questions++], &p->arena, &list[i], err) < 0)
			return -1;
	}
	p->lock.platforms = list;
	return 0;
}

static int take_lock(struct packing *p, struct err *err)
{
	for (const char *const *warning = p->in.lock.warnings; *warning; warning++)
		log_warn("%s", *warning);
	if (convert_lock(&p->in.lock, p->o->args[0], p->settings.platforms, p->settings.n_platforms, &p->arena,
			 &p->lock, err) < 0)
		return -1;
	return add_libc(p, err);
}

static int find_lock(struct packing *p, struct err *err)
{
	const struct platform *first = p->settings.platform ? p->settings.platform : p->settings.host;

	if (input_open(p->o, &p->files, err) < 0 || input_read(&p->files, first->subdir, &p->in, err) < 0)
		return -1;
	return p->in.is_lock ? take_lock(p, err) : lock_environment(p, err);
}

/* ---- what goes into it ---- */

static int add_packages(struct packing *p, struct err *err)
{
	for (size_t i = 0; i < p->lock.n_platforms; i++)
		if (gather_platform(&p->g, &p->settings, &p->workshop, &p->lock, &p->lock.platforms[i], err) < 0)
			return -1;
	for (size_t i = 0; i < p->g.n; i++) {
		const struct record *r = &p->g.records[i];
		auto_free char *path = mem_printf("channel/%s/%s", r->subdir, r->fn);
		auto_free char *from = mem_printf("sha256/%s", digest_hex(&r->sha256).hex);

		bundle_add_file(&p->plan, path, r->size, &r->sha256, p->workshop.packages, from);
	}
	return 0;
}

static int add_documents(struct packing *p, const char *subdir, struct err *err)
{
	auto_publish pub = { 0 };
	auto_arena a = { 0 };
	struct channel_docs *docs = &p->docs[p->n_docs++];
	const struct record *const *list;
	size_t n;

	publish_begin(&pub, subdir);
	list = gather_subdir(&p->g, subdir, &a, &n);
	for (size_t i = 0; i < n; i++)
		if (publish_add(&pub, list[i], err) < 0)
			return -1;
	publish_sort(&pub);
	if (channel_docs_add(docs, &pub, err) < 0)
		return -1;
	for (size_t i = 0; i < docs->n; i++)
		bundle_add_bytes(&p->plan, arena_printf(&a, "channel/%s", docs->docs[i].path), &docs->docs[i].bytes);
	return 0;
}

static int add_channel(struct packing *p, struct err *err)
{
	if (add_packages(p, err) < 0)
		return -1;
	p->docs = mem_array(p->g.n_subdirs + 1, sizeof(*p->docs));
	for (size_t i = 0; i < p->g.n_subdirs; i++)
		if (add_documents(p, p->g.subdirs[i], err) < 0)
			return -1;
	return 0;
}

/* ---- the base image ---- */

static int add_folder(struct packing *p, const char *folder, struct err *err)
{
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;

	if (fs_list(&a, p->scratchfd, folder, &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *path = strcmp(folder, ".") == 0 ? names[i] : arena_printf(&a, "%s/%s", folder, names[i]);
		struct digest digest;
		uint64_t size;
		struct stat st;

		if (fstatat(p->scratchfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(err, "cannot find %s", path);
		if (S_ISDIR(st.st_mode) && add_folder(p, path, err) < 0)
			return -1;
		if (S_ISREG(st.st_mode)) {
			auto_source *in = source_file(p->scratchfd, path, err);
			auto_sink *out = sink_digest(sink_null(), &digest, &size);

			if (!in || io_copy(in, out, NULL, err) < 0 || sink_finish(out, err) < 0)
				return -1;
			bundle_add_file(&p->plan, path, size, &digest, p->scratchfd, path);
		}
	}
	return 0;
}

/* An image layout of its own, whose files are those of the bundle: as a whole it is an OCI archive then. */
static int copy_base(struct packing *p, const struct dest *from, struct err *err)
{
	const struct platform *one = p->lock.n_platforms == 1 ? platform_parse(p->lock.platforms[0].subdir, err) : NULL;
	struct dest to = { .type = DEST_OCI, .tag = "base" };
	struct dest_how how = { 0 };
	struct digest digest;

	if (err->code)
		return -1;
	p->scratch = mem_printf("%s/.bundle-XXXXXX", p->settings.cache_dir);
	if (!mkdtemp(p->scratch)) {
		free(TAKE(p->scratch));
		return err_sys(err, "cannot make a folder in %s", p->settings.cache_dir);
	}
	p->layout = mem_printf("%s/base", p->scratch);
	to.path = p->layout;
	if (dest_copy(from, one ? one->oci_os : NULL, one ? one->oci_arch : NULL, &to, &how, &digest, err) < 0)
		return -1;
	p->scratchfd = fs_opendir_existing(AT_FDCWD, p->layout, err);
	return p->scratchfd < 0 ? -1 : add_folder(p, ".", err);
}

/* That of the lock where it names one, else that of the options. */
static int add_base(struct packing *p, struct err *err)
{
	bool none = p->o->base && !p->settings.has_base;
	struct dest d = p->settings.base;

	if (none || (!p->lock.base && !p->settings.has_base))
		return 0;
	if (p->lock.base && dest_parse(&p->arena, p->lock.base, &d, err) < 0)
		return err_at(err, "the base in the lock");
	if (registries_attach(&p->registries, p->o, &d, err) < 0)
		return -1;
	p->plan.base = dest_text(&p->arena, &d);
	return copy_base(p, &d, err) < 0 ? err_at(err, "--base %s", p->plan.base) : 0;
}

/* ---- the layers ---- */

/* They would be taken for what decides the packages. */
static int check_options(const struct options *o, struct err *err)
{
	const char *const unused[][2] = { { "prefix", o->prefix },
					  { "compression", o->compression },
					  { "layers", o->layers },
					  { "user", o->user },
					  { "ca-file", o->n_ca_files ? o->ca_files[0] : NULL } };

	for (size_t i = 0; !o->with_layers && i < COUNT(unused); i++)
		if (unused[i][1])
			return err_set(
				err, ERR_USAGE,
				"--%s is about layers, which are in a bundle with --with-layers only: give it to "
				"the build, or both here",
				unused[i][0]);
	return 0;
}

static int add_lock(struct packing *p, struct err *err)
{
	lock_write(&p->lock, &p->lock_text);
	bundle_add_bytes(&p->plan, "conda-lock.yml", &p->lock_text);
	return p->o->with_layers ? bundle_layers_add(&p->plan, &p->lock_text, &p->settings, &p->workshop, p->layout,
						     &p->n_layers, err)
				 : 0;
}

/* ---- the file ---- */

static const char *file_name(struct packing *p)
{
	if (p->o->output_file)
		return p->o->output_file;
	return arena_printf(&p->arena, "%s.bundle",
			    p->project.name ? p->project.name
			    : p->lock.name  ? p->lock.name
					    : "environment");
}

static int report(const struct packing *p, const char *path, const struct digest *digest, uint64_t size)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	auto_free char *layers = p->o->with_layers ? mem_printf("%zu layers, ", p->n_layers) : NULL;

	log_info("%zu packages, %s%s%s%s", p->g.n, layers ? layers : "", num_bytes(size).s, p->plan.base ? ", on " : "",
		 p->plan.base ? p->plan.base : "");
	if (!p->o->json) {
		printf("%s@sha256:%s\n", path, digest_hex(digest).hex);
		return 0;
	}
	json_object(&j);
	json_put_string(&j, "schema", "bundle-1");
	json_put_string(&j, "bundle", path);
	json_put_string(&j, "digest", arena_printf((struct arena *)&p->arena, "sha256:%s", digest_hex(digest).hex));
	json_put_int(&j, "size", (int64_t)size);
	json_put_int(&j, "packages", (int64_t)p->g.n);
	json_put_int(&j, "layers", (int64_t)p->n_layers);
	json_put_string(&j, "base", p->plan.base);
	json_end(&j);
	puts(out.p);
	return 0;
}

static int write_bundle(struct packing *p, struct err *err)
{
	const char *path = file_name(p);
	struct digest digest;
	uint64_t size;
	auto_sink *out = sink_digest(sink_file(AT_FDCWD, path, 0644, err), &digest, &size);

	if (!out || bundle_write(&p->plan, out, err) < 0 || sink_finish(out, err) < 0)
		return err_at(err, "%s", path);
	return report(p, path, &digest, size);
}

int cmd_bundle(const struct options *given, struct err *err)
{
	CLEANUP(packing_release)
	struct packing p = { .workshop = { .packages = -1, .repodata = -1, .plans = -1, .lock = -1 }, .scratchfd = -1 };

	p.o = &p.project.options;
	if (check_options(given, err) < 0 || project_open(given, &p.project, err) < 0 ||
	    settings_read(p.o, &p.settings, err) < 0 || settings_configure(p.o, &p.settings, err) < 0 ||
	    (p.o->output_file && output_check(p.o, "-o", p.o->output_file, false, err) < 0) ||
	    workshop_open(&p.settings, p.settings.offline, &p.workshop, err) < 0 || find_lock(&p, err) < 0 ||
	    add_channel(&p, err) < 0 || add_base(&p, err) < 0 || add_lock(&p, err) < 0)
		return -1;
	return write_bundle(&p, err);
}
