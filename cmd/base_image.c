#include "cmd/base_image.h"

#include <string.h>

#include "base/archive.h"
#include "base/codec.h"

#define LIBC_MAX ((uint64_t)64 << 20)
#define MARK "GNU C Library"
#define RELEASE "release version "

/* "libc.so.6" of any directory, or the file that it is a link to in older releases ("libc-2.31.so"). */
static bool is_libc(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return strcmp(name, "libc.so.6") == 0 || (str_starts(name, "libc-2.") && str_ends(name, ".so"));
}

/* The banner in libc: "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36." */
static const char *version_in(struct arena *a, const char *p, size_t n)
{
	const char *mark = memmem(p, n, MARK, sizeof(MARK) - 1), *at, *end = p + n;
	size_t len = 0;

	if (!mark)
		return NULL;
	at = memmem(mark, (size_t)(end - mark) < 400 ? (size_t)(end - mark) : 400, RELEASE, sizeof(RELEASE) - 1);
	if (!at)
		return NULL;
	at += sizeof(RELEASE) - 1;
	while (at + len < end && ((at[len] >= '0' && at[len] <= '9') ||
				  (at[len] == '.' && at + len + 1 < end && at[len + 1] >= '0' && at[len + 1] <= '9')))
		len++;
	return len ? arena_strndup(a, at, len) : NULL;
}

static int look_in_layer(struct arena *a, struct blobs *b, const struct image_layer *l, const char **ret,
			 struct err *err)
{
	struct source *in = blobs_get(b, &l->layer.digest, l->layer.size, err);
	auto_archive *tar = NULL;
	struct member m;
	struct source *content;
	int got = 0;

	if (!in)
		return -1;
	tar = archive_open_tar(source_auto(in), err);
	if (!tar)
		return -1;
	while (!*ret && (got = archive_next(tar, &m, &content, err)) > 0) {
		auto_buf bytes = { 0 };

		if (m.type != MEMBER_FILE || !content || !is_libc(m.path) || m.size > LIBC_MAX)
			continue;
		if (io_slurp(content, LIBC_MAX, &bytes, err) < 0)
			return -1;
		*ret = version_in(a, bytes.p, bytes.n);
	}
	return *ret || got == 0 ? 0 : -1;
}

int base_image_glibc(struct arena *a, struct blobs *b, const char **ret, struct err *err)
{
	const struct image *im = blobs_image(b);

	*ret = NULL;
	for (size_t i = im->n_layers; i-- > 0 && !*ret;)
		if (look_in_layer(a, b, &im->layers[i], ret, err) < 0)
			return err_at(err, "layer %zu of the base", i + 1);
	if (!*ret)
		return err_set(
			err, ERR_FORMAT,
			"the base has no GNU libc (libc.so.6 in none of its %zu layers), which conda packages need",
			im->n_layers);
	return 0;
}
