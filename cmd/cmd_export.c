#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/commands.h"
#include "cmd/registries.h"
#include "conda/platform.h"
#include "oci/dest.h"
#include "oci/unpack.h"

/* A directory that is new (*made), or there and empty. */
static int open_target(const char *path, bool *made, struct err *err)
{
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;
	auto_fd fd = -1;

	if (!*path)
		return err_set(err, ERR_USAGE, "DIR is '', expected a new or an empty directory");
	*made = mkdir(path, 0755) == 0;
	if (!*made && errno != EEXIST)
		return err_sys(err, "cannot make directory %s", path);
	fd = fs_opendir_existing(AT_FDCWD, path, err);
	if (fd < 0)
		return -1;
	if (fs_list(&a, fd, ".", &names, &n, err) < 0)
		return -1;
	if (n)
		return err_set(err, ERR_USAGE,
			       "%s is not empty (it has %s): an image is unpacked into a new or an empty directory",
			       path, names[0]);
	return TAKE_FD(fd);
}

/* The failure that led here is the one to tell. */
static void take_back(const char *path, int fd, bool made)
{
	struct err ignored = ERR_INIT;

	if (unpack_clear(fd, &ignored) < 0) {
		log_warn("%s: %s", path, ignored.text);
		return;
	}
	if (made)
		rmdir(path);
}

static void report(const struct options *o, struct arena *a, const struct dest *d, struct blobs *b,
		   const struct unpacked *told)
{
	struct digest md = blobs_manifest_digest(b);
	const char *image = dest_text(a, d);
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	if (told->left_out)
		log_warn("%llu devices, pipes or sockets of the image were left out",
			 (unsigned long long)told->left_out);
	if (told->set_ids)
		log_warn("%llu files lost their setuid or setgid bit, because their owner is another one now",
			 (unsigned long long)told->set_ids);
	log_info("%llu files, %s, in %s", (unsigned long long)told->files, num_bytes(told->bytes).s, o->args[1]);
	if (!o->json) {
		printf("%s\n", o->args[1]);
		return;
	}
	json_object(&j);
	json_put_string(&j, "schema", "export-rootfs-1");
	json_put_string(&j, "image", image);
	json_put_string(&j, "digest", arena_printf(a, "sha256:%s", digest_hex(&md).hex));
	json_put_string(&j, "directory", o->args[1]);
	json_put_int(&j, "files", (int64_t)told->files);
	json_put_int(&j, "directories", (int64_t)told->dirs);
	json_put_int(&j, "symlinks", (int64_t)told->symlinks);
	json_put_int(&j, "size", (int64_t)told->bytes);
	json_put_int(&j, "left_out", (int64_t)told->left_out);
	json_end(&j);
	puts(out.p);
}

int cmd_export_rootfs(const struct options *o, struct err *err)
{
	auto_arena a = { 0 };
	auto_registries r = { 0 };
	const struct platform *p = NULL;
	auto_blobs *b = NULL;
	struct unpacked told;
	struct dest d;
	auto_fd fd = -1;
	bool made;

	if (o->n_platforms && !(p = platform_parse(o->platforms[o->n_platforms - 1], err)))
		return -1;
	if (registries_place(&r, o, &a, o->args[0], &d, err) < 0)
		return -1;
	b = dest_open(&d, p ? p->oci_os : NULL, p ? p->oci_arch : NULL, err);
	if (!b)
		return -1;
	fd = open_target(o->args[1], &made, err);
	if (fd < 0)
		return -1;
	if (unpack_image(b, fd, &told, err) < 0) {
		take_back(o->args[1], fd, made);
		return err_at(err, "%s", dest_text(&a, &d));
	}
	report(o, &a, &d, b, &told);
	return 0;
}
