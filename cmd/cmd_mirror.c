#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "base/work.h"
#include "cmd/channel_docs.h"
#include "cmd/commands.h"
#include "cmd/gather.h"
#include "cmd/input.h"

#define REPODATA_MAX ((uint64_t)1 << 30)
#define DOC_MAX ((uint64_t)1 << 30)
#define WEEK (7 * 24 * 3600)

/* One lock of several. */
struct mirror_input {
	struct input_files files;
	struct input in;
};

struct mirror {
	const struct options *o;
	struct settings settings;
	struct workshop workshop;
	struct mirror_input *inputs;
	size_t n_inputs;
	struct gathering g;
	const char *dir;
	int fd; /* of dir */
	bool *copied; /* by record of g */
	size_t n_docs; /* documents that were written */
};

static void mirror_release(struct mirror *m)
{
	gather_release(&m->g);
	for (size_t i = 0; i < m->n_inputs; i++) {
		input_release(&m->inputs[i].in);
		input_close(&m->inputs[i].files);
	}
	free(m->inputs);
	free(m->copied);
	if (m->fd >= 0)
		close(m->fd);
	workshop_release(&m->workshop);
	settings_release(&m->settings);
}

/* ---- which packages ---- */

static bool is_wanted(const struct settings *s, const char *subdir)
{
	for (size_t i = 0; i < s->n_platforms; i++)
		if (strcmp(s->platforms[i]->subdir, subdir) == 0)
			return true;
	return !s->n_platforms;
}

static int gather_lock(struct mirror *m, const struct lock *l, const char *path, struct err *err)
{
	bool some = false;

	for (size_t i = 0; i < l->n_platforms; i++) {
		const struct lock_platform *lp = &l->platforms[i];

		if (!is_wanted(&m->settings, lp->subdir))
			continue;
		if (lp->refused)
			return err_set(err, ERR_FORMAT, "%s: %s", path, lp->refused);
		if (gather_platform(&m->g, &m->settings, &m->workshop, l, lp, err) < 0)
			return -1;
		some = true;
	}
	if (!some)
		return err_set(err, ERR_USAGE, "%s has nothing for the platforms that --platform names", path);
	return 0;
}

static int gather_input(struct mirror *m, const char *path, struct err *err)
{
	const struct options one = { .args = &path, .n_args = 1, .environment = m->o->environment };
	const struct platform *p = m->settings.platform ? m->settings.platform : m->settings.host;
	struct mirror_input *in = &m->inputs[m->n_inputs++];

	if (input_open(&one, &in->files, err) < 0 || input_read(&in->files, p->subdir, &in->in, err) < 0)
		return -1;
	if (!in->in.is_lock)
		return err_set(
			err, ERR_USAGE,
			"%s is an environment, and a mirror is of what is locked: condaimg lock %s, and then mirror "
			"its lock",
			path, path);
	for (const char *const *warning = in->in.lock.warnings; *warning; warning++)
		log_warn("%s", *warning);
	return gather_lock(m, &in->in.lock, path, err);
}

/* ---- packages ---- */

/* Whether a file is what it should be; what is not there is not. */
static bool is_right(int dirfd, const char *path, const struct record *r)
{
	struct err err = ERR_INIT;
	struct stat st;
	auto_source *in = NULL;

	if (fstatat(dirfd, path, &st, 0) < 0 || (uint64_t)st.st_size != r->size)
		return false;
	in = source_verify(source_file(dirfd, path, &err), &r->sha256, r->size);
	return in && io_drain(in, &err) == 0;
}

static int put_package(void *arg, size_t i, struct err *err)
{
	struct mirror *m = arg;
	const struct record *r = &m->g.records[i];
	auto_free char *from = mem_printf("sha256/%s", digest_hex(&r->sha256).hex);
	auto_free char *to = mem_printf("%s/%s", r->subdir, r->fn);
	auto_source *in = NULL;
	auto_sink *out = NULL;

	if (is_right(m->fd, to, r))
		return 0;
	m->copied[i] = true;
	if (m->o->dry_run)
		return 0;
	in = source_verify(source_file(m->workshop.packages, from, err), &r->sha256, r->size);
	out = in ? sink_file(m->fd, to, 0644, err) : NULL;
	if (!out || io_copy(in, out, NULL, err) < 0 || sink_finish(out, err) < 0)
		return err_at(err, "%s/%s", m->dir, to);
	return 0;
}

/* ---- documents ---- */

static int read_there(const struct mirror *m, const char *subdir, struct publish *p, struct err *err)
{
	auto_free char *path = mem_printf("%s/repodata.json", subdir);
	auto_buf text = { 0 };

	if (m->fd < 0 || !fs_exists(m->fd, path))
		return 0;
	if (fs_read(m->fd, path, REPODATA_MAX, &text, err) < 0 ||
	    publish_read(p, buf_cstr(&text), text.n, path, err) < 0)
		return err_at(err, "%s", m->dir);
	return 0;
}

/* Names that are shards no document speaks of: kept a week, for readers with an older index (CEP 16). */
static void sweep_shards(const struct mirror *m, const char *subdir, const struct channel_docs *docs)
{
	auto_free char *folder = mem_printf("%s/shards", subdir);
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const char *const *names;
	size_t n;

	if (!fs_exists(m->fd, folder) || fs_list(&a, m->fd, folder, &names, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_printf(&a, "%s/%s", folder, names[i]);
		bool used = !str_ends(path, ".msgpack.zst");
		struct stat st;

		for (size_t k = 0; !used && k < docs->n; k++)
			used = strcmp(docs->docs[k].path, path) == 0;
		if (!used && fstatat(m->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && time(NULL) - st.st_mtime > WEEK)
			unlinkat(m->fd, path, 0);
	}
}

/* What is the same stays as it is, so that whoever has it need not fetch it again. */
static int put_doc(struct mirror *m, const struct channel_doc *d, struct err *err)
{
	auto_buf old = { 0 };
	struct err none = ERR_INIT;

	if (m->fd >= 0 && fs_exists(m->fd, d->path) && fs_read(m->fd, d->path, DOC_MAX, &old, &none) == 0 &&
	    old.n == d->bytes.n && (!old.n || memcmp(old.p, d->bytes.p, old.n) == 0))
		return 0;
	m->n_docs++;
	if (m->o->dry_run)
		return 0;
	return fs_write(m->fd, d->path, d->bytes.p, d->bytes.n, 0644, err) < 0 ? err_at(err, "%s", m->dir) : 0;
}

static int make_docs(struct mirror *m, const char *subdir, struct channel_docs *docs, struct err *err)
{
	auto_publish p = { 0 };
	auto_arena a = { 0 };
	const struct record *const *list;
	size_t n;

	publish_begin(&p, subdir);
	if (read_there(m, subdir, &p, err) < 0)
		return -1;
	list = gather_subdir(&m->g, subdir, &a, &n);
	for (size_t i = 0; i < n; i++)
		if (publish_add(&p, list[i], err) < 0)
			return err_at(err, "%s", m->dir);
	publish_sort(&p);
	return channel_docs_add(docs, &p, err);
}

/* ---- all of it ---- */

/* Nothing is written before it is known that all of it can be. */
static int write_all(struct mirror *m, struct err *err)
{
	auto_free struct channel_docs *docs = mem_array(m->g.n_subdirs, sizeof(*docs));
	size_t made = 0;
	int rc = 0;

	for (; rc == 0 && made < m->g.n_subdirs; made++)
		rc = make_docs(m, m->g.subdirs[made], &docs[made], err);
	for (size_t i = 0; rc == 0 && !m->o->dry_run && i < m->g.n_subdirs; i++)
		rc = fs_mkdirs(m->fd, m->g.subdirs[i], err);
	for (size_t i = 0; rc == 0 && !m->o->dry_run && i < m->g.n_subdirs; i++) {
		auto_free char *shards = mem_printf("%s/shards", m->g.subdirs[i]);

		rc = fs_mkdirs(m->fd, shards, err);
	}
	if (rc == 0)
		rc = work_run(m->g.n, m->settings.threads, put_package, m, err);
	for (size_t i = 0; rc == 0 && i < made; i++) {
		for (size_t k = 0; rc == 0 && k < docs[i].n; k++)
			rc = put_doc(m, &docs[i].docs[k], err);
		if (rc == 0 && !m->o->dry_run)
			sweep_shards(m, m->g.subdirs[i], &docs[i]);
	}
	for (size_t i = 0; i < made; i++)
		channel_docs_release(&docs[i]);
	return rc;
}

static int report(const struct mirror *m)
{
	uint64_t bytes = 0;
	size_t copied = 0;
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	for (size_t i = 0; i < m->g.n; i++) {
		copied += m->copied[i];
		bytes += m->copied[i] ? m->g.records[i].size : 0;
	}
	log_info("%zu packages, %s; %zu of them new, %s", m->g.n, num_bytes(m->g.bytes).s, copied, num_bytes(bytes).s);
	if (!m->o->json) {
		puts(m->dir);
		return 0;
	}
	json_object(&j);
	json_put_string(&j, "schema", "mirror-1");
	json_put_string(&j, "channel", m->dir);
	json_put_bool(&j, "dry_run", m->o->dry_run);
	json_put_int(&j, "packages", (int64_t)m->g.n);
	json_put_int(&j, "size", (int64_t)m->g.bytes);
	json_put_int(&j, "packages_new", (int64_t)copied);
	json_put_int(&j, "size_new", (int64_t)bytes);
	json_put_int(&j, "documents_new", (int64_t)m->n_docs);
	json_end(&j);
	puts(out.p);
	return 0;
}

static int open_dir(struct mirror *m, struct err *err)
{
	if (m->o->dry_run && !fs_exists(AT_FDCWD, m->dir))
		return 0;
	m->fd = m->o->dry_run ? fs_opendir_existing(AT_FDCWD, m->dir, err) : fs_opendir(AT_FDCWD, m->dir, err);
	return m->fd < 0 ? -1 : 0;
}

int cmd_mirror(const struct options *o, struct err *err)
{
	CLEANUP(mirror_release)
	struct mirror m = { .o = o, .fd = -1, .workshop = { .packages = -1, .repodata = -1, .plans = -1, .lock = -1 } };
	auto_fd lock = -1;

	if (settings_read(o, &m.settings, err) < 0 || settings_configure(o, &m.settings, err) < 0 ||
	    workshop_open(&m.settings, m.settings.offline, &m.workshop, err) < 0)
		return -1;
	m.dir = o->args[o->n_args - 1];
	m.inputs = mem_array(o->n_args, sizeof(*m.inputs));
	for (size_t i = 0; i + 1 < o->n_args; i++)
		if (gather_input(&m, o->args[i], err) < 0)
			return -1;
	m.copied = mem_array(m.g.n + 1, sizeof(*m.copied));
	if (open_dir(&m, err) < 0)
		return -1;
	/* of several that add to one channel each reads what the one before it wrote */
	if (!o->dry_run && (lock = fs_lock(m.fd, ".lock", err)) < 0)
		return err_at(err, "%s", m.dir);
	return write_all(&m, err) < 0 ? -1 : report(&m);
}
