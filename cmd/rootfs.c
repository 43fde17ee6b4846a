#include "cmd/rootfs.h"

#include <stdio.h>

#include "base/json.h"
#include "oci/image.h"

static const char nsswitch[] = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n";

/* Most runtimes put theirs over it; for the others. */
static const char hosts[] = "127.0.0.1 localhost\n::1 localhost\n";

static const char os_release[] = "NAME=\"condaimg\"\nID=condaimg\nPRETTY_NAME=\"conda environment (condaimg)\"\n";

static const char services[] = "domain 53/tcp\ndomain 53/udp\nhttp 80/tcp\nhttps 443/tcp\nhttps 443/udp\n";

static const char protocols[] = "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\n";

#define TEXT(t, path, text) tree_memory_file((t), (path), 0644, (text), sizeof(text) - 1)

/* Owned by root and its group, which the user is in, as is any user that OpenShift invents. */
#define HOME_MODE 0775

static bool is_root(const struct app_user *u)
{
	return strcmp(u->uid, "0") == 0;
}

static bool is_nobody(const struct app_user *u)
{
	return strcmp(u->name, "nobody") == 0;
}

static void add_users(struct tree *t, const struct rootfs *r)
{
	const struct app_user *u = r->user;
	const char *shell = r->has_shell ? "/bin/sh" : "/sbin/nologin";
	auto_buf passwd = { 0 }, group = { 0 };

	buf_addf(&passwd, "root:x:0:0:root:/root:%s\n", shell);
	buf_adds(&group, "root:x:0:\n");
	if (!is_root(u))
		buf_addf(&passwd, "%s:x:%s:0:%s:%s:%s\n", u->name, u->uid, u->name, u->home, shell);
	if (!is_root(u) && !is_nobody(u))
		buf_addf(&group, "%s:x:%s:\n", u->name, u->uid);
	if (!is_nobody(u))
		buf_adds(&passwd, "nobody:x:65534:65534:nobody:/:/sbin/nologin\n");
	buf_adds(&group, "nogroup:x:65534:\n");
	tree_memory_file(t, "etc/group", 0644, group.p, group.n);
	TEXT(t, "etc/hosts", hosts);
	TEXT(t, "etc/nsswitch.conf", nsswitch);
	TEXT(t, "etc/os-release", os_release);
	tree_memory_file(t, "etc/passwd", 0644, passwd.p, passwd.n);
}

/* Where the prefix is the system's own place, such as /usr, the package has the file there itself. */
static void add_link(struct tree *t, const char *path, const char *target)
{
	if (strcmp(target + 1, path) != 0)
		tree_memory_symlink(t, path, target);
}

/* Where Debian, Red Hat, Go, OpenSSL and requests look for the certificates. */
static void add_certificates(struct tree *t, const struct rootfs *r)
{
	auto_free char *cacert = mem_printf("%s/ssl/cacert.pem", r->prefix->path);
	const char *target = r->bundle ? "/" ROOTFS_BUNDLE : cacert;

	tree_memory_dir(t, "etc/pki", 0755);
	tree_memory_dir(t, "etc/pki/tls", 0755);
	tree_memory_dir(t, "etc/pki/tls/certs", 0755);
	add_link(t, "etc/pki/tls/certs/ca-bundle.crt", target);
	tree_memory_dir(t, "etc/ssl", 0755);
	add_link(t, "etc/ssl/cert.pem", target);
	tree_memory_dir(t, "etc/ssl/certs", 0755);
	if (r->bundle)
		tree_memory_file(t, ROOTFS_BUNDLE, 0644, r->bundle, strlen(r->bundle));
	else
		add_link(t, ROOTFS_BUNDLE, target);
}

static void add_etc(struct tree *t, const struct rootfs *r)
{
	tree_memory_dir(t, "etc", 0755);
	add_users(t, r);
	if (r->has_cacert || r->bundle)
		add_certificates(t, r);
	TEXT(t, "etc/protocols", protocols);
	TEXT(t, "etc/services", services);
}

/* The programs that scripts name by these paths: the shell, and what finds all others. */
static const struct {
	const char *path, *program;
} shell_links[] = { { "usr/bin/bash", "bash" }, { "usr/bin/env", "env" }, { "usr/bin/sh", "bash" } };

static void add_shell(struct tree *t, const struct prefix *prefix)
{
	tree_memory_symlink(t, "bin", "usr/bin");
	tree_memory_dir(t, "usr/bin", 0755);
	for (size_t i = 0; i < COUNT(shell_links); i++) {
		auto_free char *target = mem_printf("%s/bin/%s", prefix->path, shell_links[i].program);

		add_link(t, shell_links[i].path, target);
	}
}

struct tree *rootfs_system(const struct rootfs *r)
{
	struct tree *t = tree_memory();

	if (!is_root(r->user)) {
		tree_memory_dir(t, "home", 0755);
		tree_memory_dir(t, r->user->home + 1, HOME_MODE);
	}
	tree_memory_dir(t, "dev", 0755);
	add_etc(t, r);
	tree_memory_dir(t, "proc", 0555);
	tree_memory_dir(t, "root", 0700);
	tree_memory_dir(t, "run", 0755);
	tree_memory_dir(t, "sys", 0555);
	tree_memory_dir(t, "tmp", 01777);
	tree_memory_dir(t, "usr", 0755);
	if (r->has_shell)
		add_shell(t, r->prefix);
	tree_memory_dir(t, "usr/share", 0755);
	if (r->has_zoneinfo) {
		auto_free char *target = mem_printf("%s/share/zoneinfo", r->prefix->path);

		add_link(t, "usr/share/zoneinfo", target);
	}
	tree_memory_dir(t, "var", 0755);
	tree_memory_dir(t, "var/tmp", 01777);
	return t;
}

/* ---- on a base ---- */

/* The directories that a path is in, as the base has them. */
static void add_parents(struct tree *t, const struct ground *base, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		auto_free char *dir = mem_printf("%.*s", (int)(slash - path), path);
		const struct ground_entry *e = ground_find(base, dir);

		tree_memory_dir(t, dir, e && e->is_dir ? e->mode : 0755);
	}
}

/* Where a path really is on the base; NULL where something is there already. */
static const char *free_place(const struct ground *base, struct arena *a, const char *path)
{
	const char *ret = ground_resolve(base, a, path, false);

	return ret && *ret && !ground_find(base, ret) ? ret : NULL;
}

/* By both names: few bases have no /bin, and not all of them one that is /usr/bin. */
static void add_shell_on_base(struct tree *t, const struct rootfs *r, const struct ground *base, struct arena *a)
{
	static const struct {
		const char *path, *program;
	} links[] = { { "bin/sh", "bash" }, { "bin/bash", "bash" }, { "usr/bin/env", "env" } };

	for (size_t i = 0; i < COUNT(links); i++) {
		const char *path = free_place(base, a, links[i].path);

		if (!path)
			continue;
		add_parents(t, base, path);
		tree_memory_symlink(t, path, arena_printf(a, "%s/bin/%s", r->prefix->path, links[i].program));
	}
}

struct tree *rootfs_on_base(const struct rootfs *r, const struct ground *base)
{
	struct tree *t = tree_memory();
	auto_arena a = { 0 };
	const char *home = is_root(r->user) ? NULL : free_place(base, &a, r->user->home + 1);

	if (home) {
		add_parents(t, base, home);
		tree_memory_dir(t, home, HOME_MODE);
	}
	if (r->has_shell)
		add_shell_on_base(t, r, base, &a);
	if (r->bundle)
		tree_memory_file(t, arena_printf(&a, "%s/" ROOTFS_BUNDLE_IN_PREFIX, r->prefix->path + 1), 0644,
				 r->bundle, strlen(r->bundle));
	return t;
}

bool rootfs_may_write(const char *path)
{
	static const char *const paths[] = { "bin",
					     "bin/bash",
					     "bin/sh",
					     "etc/group",
					     "etc/hosts",
					     "etc/nsswitch.conf",
					     "etc/os-release",
					     "etc/passwd",
					     "etc/pki/tls/certs/ca-bundle.crt",
					     "etc/protocols",
					     "etc/services",
					     "etc/ssl/cert.pem",
					     ROOTFS_BUNDLE,
					     "usr/bin/bash",
					     "usr/bin/env",
					     "usr/bin/sh",
					     "usr/share/zoneinfo" };

	for (size_t i = 0; i < COUNT(paths); i++)
		if (strcmp(paths[i], path) == 0)
			return true;
	return false;
}

/* ---- the environment ---- */

/* A Python string literal, as conda writes and reads its specs. */
static void add_python_string(struct buf *b, const char *s)
{
	char quote = strchr(s, '\'') && !strchr(s, '"') ? '"' : '\'';

	buf_addc(b, quote);
	for (; *s; s++) {
		if (*s == quote || *s == '\\')
			buf_addc(b, '\\');
		buf_addc(b, *s);
	}
	buf_addc(b, quote);
}

static void write_history(const struct lock *lock, const struct lock_platform *lp, int64_t time, struct buf *b)
{
	struct image_time when = image_time_text(time); /* "2026-11-21T08:53:35Z" */

	buf_addf(b, "==> %.10s %.8s <==\n# cmd: condaimg build\n", when.s, when.s + 11);
	for (size_t i = 0; i < lp->n_packages; i++) {
		const struct record *r = &lp->packages[i];

		buf_addf(b, "+%s/%s::%s-%s-%s\n", r->channel, r->subdir, r->name, r->version, r->build);
	}
	buf_adds(b, "# update specs: [");
	for (size_t i = 0; lock->requested && lock->requested[i]; i++) {
		buf_adds(b, i ? ", " : "");
		add_python_string(b, lock->requested[i]);
	}
	buf_adds(b, "]\n");
}

static void write_state(const struct lock *lock, struct buf *b)
{
	struct json j = { .out = b };

	json_object(&j);
	json_key(&j, "env_vars");
	json_object(&j);
	for (size_t i = 0; i < lock->n_variables; i++)
		json_put_string(&j, lock->variables[i].name, lock->variables[i].value);
	json_end(&j);
	json_end(&j);
	buf_addc(b, '\n');
}

/* Packages' layers, which know nothing of what they lie on, tell them all as 0755. */
static void add_prefix_dirs(struct tree *t, const struct prefix *prefix, const struct ground *ground)
{
	const char *path = prefix->path + 1, *end = path;

	while (ground && *end) {
		auto_free char *dir = NULL;
		const struct ground_entry *e;

		end = strchrnul(end + 1, '/');
		dir = mem_printf("%.*s", (int)(end - path), path);
		e = ground_find(ground, dir);
		if (e && e->is_dir && (e->mode | 0755) != 0755)
			tree_memory_dir(t, dir, e->mode | 0755);
	}
}

struct tree *rootfs_prefix_dirs(const struct prefix *prefix, const struct ground *ground)
{
	struct tree *t = tree_memory();

	add_prefix_dirs(t, prefix, ground);
	return t;
}

struct tree *rootfs_environment(const struct prefix *prefix, const struct ground *ground, const struct lock *lock,
				const struct lock_platform *lp, int64_t time)
{
	struct tree *t = tree_memory();
	auto_free char *history = mem_printf("%s/conda-meta/history", prefix->path + 1);
	auto_free char *state = mem_printf("%s/conda-meta/state", prefix->path + 1);
	auto_buf text = { 0 };

	add_prefix_dirs(t, prefix, ground);
	write_history(lock, lp, time, &text);
	tree_memory_file(t, history, 0644, text.p, text.n);
	if (lock->n_variables) {
		text.n = 0;
		write_state(lock, &text);
		tree_memory_file(t, state, 0644, text.p, text.n);
	}
	return t;
}
