#include "cmd/rootfs.h"

#include <stdio.h>

#include "base/json.h"
#include "oci/image.h"

static const char passwd[] = "root:x:0:0:root:/root:/sbin/nologin\n" ROOTFS_USER ":x:" ROOTFS_UID ":0:" ROOTFS_USER
			     ":" ROOTFS_HOME ":/sbin/nologin\n"
			     "nobody:x:65534:65534:nobody:/:/sbin/nologin\n";

static const char group[] = "root:x:0:\n" ROOTFS_USER ":x:" ROOTFS_UID ":\nnogroup:x:65534:\n";

static const char nsswitch[] = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n";

static const char os_release[] = "NAME=\"condaimg\"\nID=condaimg\nPRETTY_NAME=\"conda environment (condaimg)\"\n";

static const char services[] = "domain 53/tcp\ndomain 53/udp\nhttp 80/tcp\nhttps 443/tcp\nhttps 443/udp\n";

static const char protocols[] = "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\n";

#define TEXT(t, path, text) tree_memory_file((t), (path), 0644, (text), sizeof(text) - 1)

struct tree *rootfs_home(void)
{
	struct tree *t = tree_memory();

	tree_memory_dir(t, "home", 0755);
	/* Owned by root and its group, which the user is in, as is any user that OpenShift invents. */
	tree_memory_dir(t, &ROOTFS_HOME[1], 0775);
	return t;
}

/* Where Debian, Red Hat, Go, OpenSSL and requests look for the certificates. */
static void add_certificates(struct tree *t, const struct prefix *prefix)
{
	auto_free char *target = mem_printf("%s/ssl/cacert.pem", prefix->path);

	tree_memory_dir(t, "etc/pki", 0755);
	tree_memory_dir(t, "etc/pki/tls", 0755);
	tree_memory_dir(t, "etc/pki/tls/certs", 0755);
	tree_memory_symlink(t, "etc/pki/tls/certs/ca-bundle.crt", target);
	tree_memory_dir(t, "etc/ssl", 0755);
	tree_memory_symlink(t, "etc/ssl/cert.pem", target);
	tree_memory_dir(t, "etc/ssl/certs", 0755);
	tree_memory_symlink(t, "etc/ssl/certs/ca-certificates.crt", target);
}

static void add_etc(struct tree *t, const struct rootfs *r)
{
	tree_memory_dir(t, "etc", 0755);
	TEXT(t, "etc/group", group);
	TEXT(t, "etc/nsswitch.conf", nsswitch);
	TEXT(t, "etc/os-release", os_release);
	TEXT(t, "etc/passwd", passwd);
	if (r->has_cacert)
		add_certificates(t, r->prefix);
	TEXT(t, "etc/protocols", protocols);
	TEXT(t, "etc/services", services);
}

struct tree *rootfs_system(const struct rootfs *r)
{
	struct tree *t = rootfs_home();

	tree_memory_dir(t, "dev", 0755);
	add_etc(t, r);
	tree_memory_dir(t, "proc", 0555);
	tree_memory_dir(t, "root", 0700);
	tree_memory_dir(t, "run", 0755);
	tree_memory_dir(t, "sys", 0555);
	tree_memory_dir(t, "tmp", 01777);
	tree_memory_dir(t, "usr", 0755);
	tree_memory_dir(t, "usr/share", 0755);
	if (r->has_zoneinfo) {
		auto_free char *target = mem_printf("%s/share/zoneinfo", r->prefix->path);

		tree_memory_symlink(t, "usr/share/zoneinfo", target);
	}
	tree_memory_dir(t, "var", 0755);
	tree_memory_dir(t, "var/tmp", 01777);
	return t;
}

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

struct tree *rootfs_environment(const struct prefix *prefix, const struct lock *lock, const struct lock_platform *lp,
				int64_t time)
{
	struct tree *t = tree_memory();
	auto_free char *history = mem_printf("%s/conda-meta/history", prefix->path + 1);
	auto_free char *state = mem_printf("%s/conda-meta/state", prefix->path + 1);
	auto_buf text = { 0 };

	write_history(lock, lp, time, &text);
	tree_memory_file(t, history, 0644, text.p, text.n);
	if (lock->n_variables) {
		text.n = 0;
		write_state(lock, &text);
		tree_memory_file(t, state, 0644, text.p, text.n);
	}
	return t;
}
