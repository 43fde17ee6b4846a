#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/num.h"
#include "cmd/doctor.h"
#include "conda/instant.h"

#define ROOM_WRONG ((uint64_t)64 << 20) /* not even an index of a channel fits */
#define ROOM_NOTE ((uint64_t)4 << 30) /* an environment of some size, and its layers */
#define MEMORY_NOTE ((uint64_t)128 << 20)
#define NUMBER_MAX ((uint64_t)1 << 20)
#define YEAR_2025 1735689600

/* ---- the cache ---- */

struct filesystem {
	unsigned long magic;
	const char *name, *note; /* note: what people should know of it; or NULL */
};

static const struct filesystem filesystems[] = {
	{ 0xef53, "ext4", NULL },
	{ 0x58465342, "xfs", NULL },
	{ 0x9123683e, "btrfs", NULL },
	{ 0x2fc12fc1, "zfs", NULL },
	{ 0xf2f52010, "f2fs", NULL },
	{ 0xca451a4e, "bcachefs", NULL },
	{ 0x794c7630, "overlay", "it is in a container's own layer and goes with it; a volume would stay" },
	{ 0x01021994, "tmpfs", "it is memory, and counts as such" },
	{ 0x6969, "nfs", "locks between machines need NFS 4, or a running lockd" },
	{ 0xff534d42, "cifs", "it is slow for many small files" },
	{ 0xfe534d42, "smb2", "it is slow for many small files" },
	{ 0x65735546, "fuse", "whether locks and renames are safe is up to the program behind it" },
	{ 0x01021997, "9p", "it is slow for many small files" },
};

static const struct filesystem *filesystem_of(const char *path)
{
	static const struct filesystem other = { 0, "another file system", NULL };
	struct statfs st;

	if (statfs(path, &st) == 0)
		for (size_t i = 0; i < COUNT(filesystems); i++)
			if (filesystems[i].magic == ((unsigned long)st.f_type & 0xffffffff))
				return &filesystems[i];
	return &other;
}

/* The nearest directory above path that exists, or path. In a. */
static const char *existing(struct arena *a, const char *path)
{
	char *at = arena_strdup(a, path);

	while (!fs_exists(AT_FDCWD, at)) {
		char *slash = strrchr(at, '/');

		if (!slash)
			return ".";
		slash[slash == at] = '\0';
		if (slash == at)
			break;
	}
	return at;
}

/* A file that is written, locked and renamed, as the cache does it all the time. */
static int try_directory(struct arena *a, const char *dir, struct err *err)
{
	char *path = arena_printf(a, "%s/.condaimg-doctor-XXXXXX", dir);
	const char *other = arena_printf(a, "%s.moved", path);
	auto_fd fd = mkstemp(path);
	auto_fd lock = -1;
	int rc = 0;

	if (fd < 0)
		return err_sys(err, "cannot write to %s", dir);
	other = arena_printf(a, "%s.moved", path);
	lock = fs_lock(AT_FDCWD, path, err);
	if (lock < 0)
		rc = err_at(err, "files in %s cannot be locked", dir);
	else if (rename(path, other) < 0)
		rc = err_sys(err, "files in %s cannot be renamed", dir);
	unlink(path);
	unlink(other);
	return rc;
}

/* What sudo left behind, once. */
static const char *foreign_room(struct doctor *d, const char *cache)
{
	struct err ignored = ERR_INIT;
	const char *const *names;
	size_t n;

	if (fs_list(&d->arena, AT_FDCWD, cache, &names, &n, &ignored) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_printf(&d->arena, "%s/%s", cache, names[i]);

		if (access(path, W_OK) < 0)
			return path;
	}
	return NULL;
}

static const char *amount(struct arena *a, uint64_t bytes)
{
	return bytes >= (uint64_t)1 << 30 ? arena_printf(a, "%.1f GiB", (double)bytes / (1 << 30))
					  : arena_printf(a, "%.0f MiB", (double)bytes / (1 << 20));
}

static void tell_room(struct doctor *d, const char *cache, const char *at)
{
	const struct filesystem *fs = filesystem_of(at);
	struct statvfs st = { 0 };
	uint64_t room = statvfs(at, &st) == 0 ? (uint64_t)st.f_bavail * st.f_frsize : UINT64_MAX;
	const char *place = config_place(&d->arena, cache), *free_text = amount(&d->arena, room);

	if (room < ROOM_WRONG)
		doctor_add(d, FINDING_WRONG, "cache", "%s has %s left (condaimg cache prune makes room)", place,
			   free_text);
	else if (st.f_files && st.f_favail < 1000)
		doctor_add(d, FINDING_WRONG, "cache", "%s has no inodes left for more files", place);
	else if (room < ROOM_NOTE)
		doctor_add(d, FINDING_NOTE, "cache", "%s has %s left, which large environments need more than", place,
			   free_text);
	else
		doctor_add(d, FINDING_OK, "cache", "%s, %s free on %s", place, free_text, fs->name);
	if (fs->note)
		doctor_add(d, FINDING_NOTE, "cache", "%s is on %s: %s", place, fs->name, fs->note);
}

void doctor_cache(struct doctor *d)
{
	auto_settings s = { 0 };
	struct err err = ERR_INIT;
	const char *at, *foreign;

	if (settings_read(d->options, &s, &err) < 0) {
		doctor_add(d, FINDING_WRONG, "settings", "%s", err.text);
		return;
	}
	at = existing(&d->arena, s.cache_dir);
	foreign = at && strcmp(at, s.cache_dir) == 0 ? foreign_room(d, at) : NULL;
	if (foreign)
		doctor_add(d, FINDING_WRONG, "cache", "%s may not be written to by this user: %s", foreign,
			   "was condaimg run by another one, such as root?");
	else if (try_directory(&d->arena, at, &err) < 0)
		doctor_add(d, FINDING_WRONG, "cache", "%s (--cache-dir or CONDAIMG_CACHE_DIR names another place)",
			   err.text);
	else
		tell_room(d, s.cache_dir, at);
}

void doctor_scratch(struct doctor *d)
{
	const char *dir = config_variable("TMPDIR");
	struct err err = ERR_INIT;

	dir = dir ? dir : "/tmp";
	if (try_directory(&d->arena, dir, &err) < 0)
		doctor_add(d, FINDING_NOTE, "scratch", "%s: condaimg repo2docker and verify need it (TMPDIR)",
			   err.text);
}

/* ---- memory, time ---- */

/* A number in a file of the kernel's; false: there is none. */
static bool read_number(const char *path, uint64_t *ret)
{
	auto_buf text = { 0 };
	struct err ignored = ERR_INIT;

	if (fs_read(AT_FDCWD, path, NUMBER_MAX, &text, &ignored) < 0)
		return false;
	if (text.n && text.p[text.n - 1] == '\n')
		text.p[--text.n] = '\0';
	return num_parse(buf_cstr(&text), UINT64_MAX, ret);
}

void doctor_memory(struct doctor *d)
{
	uint64_t limit;

	/* In a container these are its own: of cgroups 2 and 1. No limit is no number, or a very large one. */
	if (!read_number("/sys/fs/cgroup/memory.max", &limit) &&
	    !read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", &limit))
		return;
	if (limit < MEMORY_NOTE)
		doctor_add(d, FINDING_NOTE, "memory",
			   "this container may use %s; solving against large channels takes more",
			   amount(&d->arena, limit));
	else if (limit < (uint64_t)1 << 40)
		doctor_add(d, FINDING_OK, "memory", "this container may use %s", amount(&d->arena, limit));
}

void doctor_clock(struct doctor *d)
{
	time_t now = time(NULL);

	if (now < YEAR_2025)
		doctor_add(d, FINDING_WRONG, "clock",
			   "this machine believes that it is %s: no certificate is valid then",
			   instant_text(&d->arena, (int64_t)now * 1000));
}

/* ---- other programs ---- */

static bool in_path(struct arena *a, const char *name)
{
	const char *path = config_variable("PATH");
	struct str rest = str_of(path ? path : "/usr/bin:/bin"), dir;

	while (str_cut(&rest, ':', &dir))
		if (access(arena_printf(a, "%.*s/%s", (int)dir.n, dir.p, name), X_OK) == 0)
			return true;
	return false;
}

void doctor_programs(struct doctor *d)
{
	static const char *const engines[] = { "podman", "docker", "nerdctl" };

	if (in_path(&d->arena, "git"))
		doctor_add(d, FINDING_OK, "git", "is here, for condaimg repo2docker URL");
	else
		doctor_add(d, FINDING_NOTE, "git",
			   "is not in PATH: condaimg repo2docker takes folders and archives only");
	for (size_t i = 0; i < COUNT(engines); i++)
		if (in_path(&d->arena, engines[i])) {
			doctor_add(d, FINDING_OK, "containers", "%s is here, to run images", engines[i]);
			return;
		}
	doctor_add(d, FINDING_NOTE, "containers",
		   "neither podman nor docker is in PATH: images can be made and pushed here, and run elsewhere");
}

/* A child may try what would change us. */
static bool may_unshare(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void doctor_namespaces(struct doctor *d)
{
	if (geteuid() != 0 && !may_unshare())
		doctor_add(d, FINDING_NOTE, "namespaces",
			   "users may not make namespaces here: condaimg needs none, podman without root does");
}
