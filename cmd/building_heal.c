/* What a build does about files of the cache that are not what they are called: they go, and come again. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "cmd/building.h"

static const char *cache_dir(const struct order *r)
{
	return r->builds[0].settings.cache_dir;
}

/* ---- layers ---- */

bool building_heal_layers(struct order *r, const struct digest *broken)
{
	bool ours = false;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		ours |= assembly_forget(&r->builds[i].assembly, broken);
	/* Where one is broken others may be: all are looked at, so that nobody has to call again for each. */
	for (size_t i = 0; ours && i < r->n; i++)
		n += assembly_forget_broken(&r->builds[i].assembly);
	if (n > 1)
		log_warn(
			"%zu layers in the cache %s were broken and are made anew, one of them sha256:%s; condaimg cache "
			"verify looks at the rest",
			n, cache_dir(r), digest_hex(broken).hex);
	else if (ours)
		log_warn(
			"a layer in the cache %s was broken and is made anew, sha256:%s; condaimg cache verify looks at "
			"the rest",
			cache_dir(r), digest_hex(broken).hex);
	return ours;
}

/* ---- room ---- */

int building_tell_room(const struct order *r, struct err *err)
{
	if (err->code != ERR_IO)
		return -1;
	if (err->sys == ENOSPC || err->sys == EDQUOT)
		return err_at(err, "the cache %s (condaimg cache prune makes room there, --cache-dir names another)",
			      cache_dir(r));
	if ((err->sys == EACCES || err->sys == EROFS || err->sys == EPERM) &&
	    faccessat(AT_FDCWD, cache_dir(r), W_OK, AT_EACCESS) < 0)
		return err_at(
			err, "the cache %s cannot be written to (--cache-dir names another; this one may lie below it)",
			cache_dir(r));
	return -1;
}

/* ---- packages ---- */

static bool is_broken(int fd, const char *path, const struct digest *want)
{
	struct err none = ERR_INIT;
	struct digest is;
	auto_source *in = fs_exists(fd, path) ? source_file(fd, path, &none) : NULL;
	auto_sink *out = sink_digest(sink_null(), &is, NULL);

	return in && (io_copy(in, out, NULL, &none) < 0 || sink_finish(out, &none) < 0 || !digest_equal(&is, want));
}

static size_t drop_broken(struct build *b, const struct record *list, size_t n, const char **first)
{
	size_t dropped = 0;

	for (size_t i = 0; i < n; i++) {
		auto_free char *path = mem_printf("sha256/%s", digest_hex(&list[i].sha256).hex);

		if (!list[i].has_sha256 || !is_broken(b->workshop.packages, path, &list[i].sha256) ||
		    unlinkat(b->workshop.packages, path, 0) < 0)
			continue;
		if (!*first)
			*first = list[i].fn;
		dropped++;
	}
	return dropped;
}

bool building_heal_packages(struct order *r, struct err *err)
{
	const char *first = NULL;
	size_t n = 0;

	if (err->code != ERR_FORMAT && err->code != ERR_INTEGRITY && err->code != ERR_LIMIT && err->code != ERR_IO)
		return false;
	for (size_t i = 0; i < r->n; i++) {
		struct build *b = &r->builds[i];

		n += drop_broken(b, b->assembly.packages, b->lp->n_packages, &first);
		n += drop_broken(b, b->lp->libc_packages, b->lp->n_libc_packages, &first);
	}
	if (!n)
		return false;
	log_warn("%zu %s in the cache %s %s broken and %s fetched anew, first %s (%s)", n,
		 n == 1 ? "package" : "packages", cache_dir(r), n == 1 ? "was" : "were", n == 1 ? "is" : "are", first,
		 err->text);
	err_clear(err);
	return true;
}
