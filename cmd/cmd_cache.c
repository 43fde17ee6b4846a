#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/digest.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "base/work.h"
#include "cmd/cache_rooms.h"
#include "cmd/commands.h"
#include "cmd/settings.h"
#include "cmd/workshop.h"

#define DAY (24 * 3600)
#define UNUSED_DAYS 30 /* what info counts as unused */
#define AGE_MAX_S ((uint64_t)100 * 365 * DAY)

/* What the three have in common. */
struct caching {
	struct settings settings;
	const struct options *o;
	int fd; /* the cache; -1: there is none */
	int lock; /* -1: others are at work */
	int64_t now;
	struct cache_list list;
};

static void caching_release(struct caching *c)
{
	cache_rooms_release(&c->list);
	if (c->lock >= 0)
		close(c->lock);
	if (c->fd >= 0)
		close(c->fd);
	settings_release(&c->settings);
}

static int caching_open(const struct options *o, struct caching *c, struct err *err)
{
	*c = (struct caching){ .o = o, .fd = -1, .lock = -1, .now = time(NULL) };
	if (settings_read(o, &c->settings, err) < 0)
		return -1;
	if (!fs_exists(AT_FDCWD, c->settings.cache_dir))
		return 0;
	c->fd = fs_opendir_existing(AT_FDCWD, c->settings.cache_dir, err);
	return c->fd < 0 ? err_at(err, "cache") : 0;
}

static int caching_list(struct caching *c, struct err *err)
{
	if (c->fd < 0)
		return 0;
	if (cache_rooms_list(c->fd, c->now, &c->list, err) < 0)
		return err_at(err, "cache %s", c->settings.cache_dir);
	return 0;
}

/* ---- info ---- */

struct tally {
	size_t files, unused_files;
	uint64_t size, unused;
	int64_t oldest; /* seconds without use of the longest unused; -1: there is nothing */
};

static void tally_add(struct tally *t, const struct cache_file *f, int64_t now)
{
	int64_t age = now > f->used ? now - f->used : 0;

	t->files++;
	t->size += f->size;
	if (age > UNUSED_DAYS * DAY || f->debris) {
		t->unused_files++;
		t->unused += f->size;
	}
	t->oldest = age > t->oldest ? age : t->oldest;
}

static void put_tally(struct json *j, const char *name, const struct tally *t)
{
	json_key(j, name);
	json_object(j);
	json_put_int(j, "files", (int64_t)t->files);
	json_put_int(j, "size", (int64_t)t->size);
	json_put_int(j, "unused_files", (int64_t)t->unused_files);
	json_put_int(j, "unused_size", (int64_t)t->unused);
	if (t->files)
		json_put_int(j, "longest_unused_seconds", t->oldest);
	json_end(j);
}

static void print_tally(const char *name, const struct tally *t)
{
	printf("%-10s %8zu  %10s  %10s", name, t->files, num_bytes(t->size).s, num_bytes(t->unused).s);
	if (t->files)
		printf("  %6lld days", (long long)(t->oldest / DAY));
	putchar('\n');
}

static void print_info(const struct caching *c, const struct tally rooms[ROOMS], const struct tally *all)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	if (!c->o->json) {
		printf("%s\n%-10s %8s  %10s  %10s  %11s\n", c->settings.cache_dir, "", "files", "size", "unused",
		       "longest");
		for (enum cache_room r = 0; r < ROOMS; r++)
			print_tally(cache_rooms_name(r), &rooms[r]);
		print_tally("all", all);
		printf("unused: for more than %d days, or of no use to anybody\n", UNUSED_DAYS);
		return;
	}
	json_object(&j);
	json_put_string(&j, "schema", "cache-info-1");
	json_put_string(&j, "cache", c->settings.cache_dir);
	for (enum cache_room r = 0; r < ROOMS; r++)
		put_tally(&j, cache_rooms_name(r), &rooms[r]);
	put_tally(&j, "all", all);
	json_end(&j);
	puts(out.p);
}

static int info(struct caching *c, struct err *err)
{
	struct tally rooms[ROOMS] = { 0 }, all = { 0 };

	if (caching_list(c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->list.n; i++) {
		tally_add(&rooms[c->list.files[i].room], &c->list.files[i], c->now);
		tally_add(&all, &c->list.files[i], c->now);
	}
	print_info(c, rooms, &all);
	return 0;
}

/* ---- prune ---- */

/* "30d": digits and a unit of the table. */
struct unit {
	const char *name;
	uint64_t times;
};

static int read_amount(const char *option, const char *text, const struct unit *units, uint64_t max,
		       const char *expected, uint64_t *ret, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	auto_free char *number = mem_printf("%.*s", (int)digits, text);
	uint64_t n;

	for (; units->name; units++)
		if (strcasecmp(text + digits, units->name) == 0 && num_parse(number, max, &n) &&
		    num_mul(n, units->times, ret) && *ret <= max)
			return 0;
	return err_set(err, ERR_USAGE, "--%s is '%s', expected %s", option, text, expected);
}

static int read_age(const char *text, uint64_t *ret, struct err *err)
{
	static const struct unit units[] = { { "m", 60 }, { "h", 3600 }, { "d", DAY }, { "w", 7 * DAY }, { NULL, 0 } };

	return read_amount("older-than", text, units, AGE_MAX_S, "a time such as 12h, 30d or 8w", ret, err);
}

static int read_size(const char *text, uint64_t *ret, struct err *err)
{
	static const struct unit units[] = { { "", 1 },
					     { "k", 1000 },
					     { "kb", 1000 },
					     { "m", 1000000 },
					     { "mb", 1000000 },
					     { "g", 1000000000 },
					     { "gb", 1000000000 },
					     { "t", 1000000000000 },
					     { "tb", 1000000000000 },
					     { "kib", (uint64_t)1 << 10 },
					     { "mib", (uint64_t)1 << 20 },
					     { "gib", (uint64_t)1 << 30 },
					     { "tib", (uint64_t)1 << 40 },
					     { NULL, 0 } };

	return read_amount("max-size", text, units, INT64_MAX, "a size such as 500M, 10G or 2GiB", ret, err);
}

static int read_limits(const struct caching *c, struct cache_limits *ret, struct err *err)
{
	uint64_t age;

	*ret = (struct cache_limits){ INT64_MIN, UINT64_MAX, INT64_MAX };
	if (c->o->all)
		ret->size = 0;
	if (c->o->max_size && read_size(c->o->max_size, &ret->size, err) < 0)
		return -1;
	if (c->o->older_than) {
		if (read_age(c->o->older_than, &age, err) < 0)
			return -1;
		ret->unused_since = c->now - (int64_t)age;
	}
	return 0;
}

/* What others may be using stays: who begins to use something touches it. */
static int keep_out(struct caching *c, struct cache_limits *limits, struct err *err)
{
	c->lock = fs_try_lock(c->fd, WORKSHOP_LOCK, err);
	if (c->lock >= 0)
		return 0;
	if (err->code)
		return err_at(err, "cache %s", c->settings.cache_dir);
	limits->busy_since = c->now - DAY;
	log_warn("others are at work in this cache: what was used within a day stays");
	return 0;
}

static void print_pruned(const struct caching *c, size_t files, uint64_t bytes, uint64_t left)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	if (!c->o->json) {
		printf("%s %zu files, %s; %s stay\n", c->o->dry_run ? "would remove" : "removed", files,
		       num_bytes(bytes).s, num_bytes(left).s);
		return;
	}
	json_object(&j);
	json_put_string(&j, "schema", "cache-prune-1");
	json_put_bool(&j, "dry_run", c->o->dry_run);
	json_put_int(&j, "removed_files", (int64_t)files);
	json_put_int(&j, "removed_size", (int64_t)bytes);
	json_put_int(&j, "size", (int64_t)left);
	json_end(&j);
	puts(out.p);
}

/* One round; what it leaves dangling is the debris of the next. */
static int prune_once(struct caching *c, const struct cache_limits *limits, size_t *files, uint64_t *bytes,
		      uint64_t *left, struct err *err)
{
	auto_free size_t *gone = NULL;
	size_t n;

	cache_rooms_release(&c->list);
	if (caching_list(c, err) < 0)
		return -1;
	gone = mem_array(c->list.n + 1, sizeof(*gone));
	n = cache_rooms_choose(&c->list, limits, gone);
	*left = 0;
	for (size_t i = 0; i < c->list.n; i++)
		*left += c->list.files[i].size;
	for (size_t i = 0; i < n; i++) {
		const struct cache_file *f = &c->list.files[gone[i]];

		log_debug("%s%s: %s, unused for %lld days", f->path, c->o->dry_run ? " would go" : "",
			  num_bytes(f->size).s, (long long)((c->now - f->used) / DAY));
		if (!c->o->dry_run && unlinkat(c->fd, f->path, 0) < 0 && errno != ENOENT)
			return err_sys(err, "cannot remove %s/%s", c->settings.cache_dir, f->path);
		++*files;
		*bytes += f->size;
		*left -= f->size;
	}
	return 0;
}

static int prune(struct caching *c, struct err *err)
{
	struct cache_limits limits;
	uint64_t bytes = 0, left = 0;
	size_t files = 0, before;

	if (read_limits(c, &limits, err) < 0)
		return -1;
	if (c->fd >= 0 && keep_out(c, &limits, err) < 0)
		return -1;
	do {
		before = files;
		if (prune_once(c, &limits, &files, &bytes, &left, err) < 0)
			return -1;
	} while (files > before && !c->o->dry_run);
	print_pruned(c, files, bytes, left);
	return 0;
}

/* ---- verify ---- */

struct checked {
	bool named; /* the name tells what it has to be */
	bool broken;
	struct digest is;
};

struct checking {
	struct caching *c;
	struct checked *all;
};

/* Reading is no use: the time of the last one stays. */
static struct source *open_quietly(int dirfd, const char *path, struct stat *st, int *fd, struct err *err)
{
	*fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, st) < 0) {
		err_sys(err, "cannot open %s", path);
		return NULL;
	}
	return source_file(dirfd, path, err);
}

static int check_one(void *arg, size_t i, struct err *err)
{
	struct checking *k = arg;
	struct cache_file *f = &k->c->list.files[i];
	struct checked *ret = &k->all[i];
	auto_arena a = { 0 };
	auto_free char *chunk = NULL;
	auto_source *in = NULL;
	auto_fd fd = -1;
	const char *hex;
	struct stat st;
	struct hash h;
	ssize_t n;

	if (!cache_rooms_is_named(f, &a, &hex))
		return 0;
	in = open_quietly(k->c->fd, f->path, &st, &fd, err);
	if (!in && err->sys == ENOENT) {
		err_clear(err);
		return 0;
	}
	if (!in)
		return -1;
	chunk = mem_alloc(IO_CHUNK);
	hash_init(&h);
	while ((n = source_read(in, chunk, IO_CHUNK, err)) > 0)
		hash_add(&h, chunk, (size_t)n);
	ret->is = hash_get(&h);
	hash_release(&h);
	if (n < 0)
		return -1;
	(void)futimens(fd, (const struct timespec[2]){ st.st_atim, { .tv_nsec = UTIME_OMIT } });
	ret->named = true;
	ret->broken = strcmp(digest_hex(&ret->is).hex, hex) != 0;
	return 0;
}

static void put_verified(const struct caching *c, const struct checked *all, size_t checked)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", "cache-verify-1");
	json_put_int(&j, "checked", (int64_t)checked);
	json_put_bool(&j, "dry_run", c->o->dry_run);
	json_key(&j, "broken");
	json_array(&j);
	for (size_t i = 0; i < c->list.n; i++)
		if (all[i].broken)
			json_string(&j, c->list.files[i].path);
	json_end(&j);
	json_end(&j);
	puts(out.p);
}

static int verify(struct caching *c, struct err *err)
{
	auto_free struct checked *all = NULL;
	struct checking k = { .c = c };
	size_t checked = 0, broken = 0;

	if (caching_list(c, err) < 0)
		return -1;
	k.all = all = mem_array(c->list.n + 1, sizeof(*all));
	if (work_run(c->list.n, c->settings.threads, check_one, &k, err) < 0)
		return err_at(err, "cache %s", c->settings.cache_dir);
	for (size_t i = 0; i < c->list.n; i++) {
		const char *path = c->list.files[i].path;

		checked += all[i].named;
		broken += all[i].broken;
		if (!all[i].broken)
			continue;
		log_warn("%s is sha256:%s%s", path, digest_hex(&all[i].is).hex,
			 c->o->dry_run ? "" : ", and is removed");
		if (!c->o->dry_run && unlinkat(c->fd, path, 0) < 0 && errno != ENOENT)
			return err_sys(err, "cannot remove %s/%s", c->settings.cache_dir, path);
	}
	if (c->o->json)
		put_verified(c, all, checked);
	else
		printf("%zu files are what they are called, %zu are not\n", checked - broken, broken);
	if (broken)
		return err_set(err, ERR_INTEGRITY, "cache %s: %zu of %zu files were broken", c->settings.cache_dir,
			       broken, checked);
	return 0;
}

int cmd_cache(const struct options *o, struct err *err)
{
	static const struct {
		const char *name;
		int (*run)(struct caching *c, struct err *err);
	} what[] = { { "info", info }, { "prune", prune }, { "verify", verify } };
	CLEANUP(caching_release) struct caching c = { .fd = -1, .lock = -1 };

	if (o->n_cache_dirs > 1)
		return err_set(err, ERR_USAGE, "--cache-dir names %zu caches, and cache is about one", o->n_cache_dirs);
	for (size_t i = 0; i < COUNT(what); i++)
		if (strcmp(o->args[0], what[i].name) == 0)
			return caching_open(o, &c, err) < 0 ? -1 : what[i].run(&c, err);
	return err_set(err, ERR_USAGE, "there is no 'cache %s', expected info, prune or verify", o->args[0]);
}
