/*
 * A package of any bytes never crashes, and what its tree gives is fit for a layer.
 * The first byte: how the rest becomes a package.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "conda/linked.h"
#include "pack.h"

#define ROOT "opt/e"

static const struct prefix prefix = { "/" ROOT, "3.11", NULL };

static int drain(struct tree *t, struct err *err)
{
	auto_arena a = { 0 };
	const char **seen = NULL;
	struct source *content;
	size_t n = 0;
	struct entry e;
	int rc;

	while ((rc = tree_next(t, &e, &content, err)) > 0) {
		auto_buf text = { 0 };
		bool target_seen = e.type != ENTRY_HARDLINK;

		FUZZ_CHECK(!tree_path_fault(e.path), "%s", e.path);
		FUZZ_CHECK(e.type == ENTRY_DIR || str_starts(e.path, ROOT "/"), "%s", e.path);
		FUZZ_CHECK((e.mode & ~0777u) == 0, "%o", e.mode);
		for (size_t i = 0; i < n; i++) {
			FUZZ_CHECK(strcmp(seen[i], e.path) != 0, "%s a second time", e.path);
			target_seen = target_seen || strcmp(seen[i], e.target) == 0;
		}
		FUZZ_CHECK(target_seen, "%s -> %s", e.path, e.target);
		mem_grow(seen, n);
		seen[n++] = arena_strdup(&a, e.path);
		if (content && (rc = io_slurp(content, UINT64_MAX, &text, err)) < 0)
			break;
		FUZZ_CHECK(text.n == e.size, "%s: %zu bytes", e.path, text.n);
	}
	free(seen);
	return rc;
}

static void link_package(const void *p, size_t n, const char *fn)
{
	struct err err = ERR_INIT;
	auto_fd fd = memfd_create("package", MFD_CLOEXEC);
	auto_free char *path = mem_printf("/proc/self/fd/%d", fd);
	struct package *package;
	struct record r;
	int rc = -1;

	FUZZ_CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n, "memfd");
	package = package_open(AT_FDCWD, path, fn, &err);
	if (package) {
		r = package_info(package)->index;
		r.bare = true;
		auto_tree *t = linked_tree(package, &r, &prefix, NULL, &err);

		if (t)
			rc = drain(t, &err);
	}
	FUZZ_CHECK((rc < 0) == (err.code != ERR_NONE), "%d %s", rc, err.text);
}

/* The rest is texts between NULs: index.json, paths.json, link.json, files, has_prefix; then a tar. */
static void pack_texts(struct pack *k, const uint8_t *data, size_t size)
{
	static const char *const names[] = { "info/index.json", "info/paths.json", "info/link.json", "info/files",
					     "info/has_prefix" };

	for (size_t i = 0; i < COUNT(names) && size; i++) {
		size_t n = strnlen((const char *)data, size);

		if (n)
			pack_member(k, names[i], '0', 0644, NULL, data, n);
		data += n, size -= n;
		if (size)
			data++, size--;
	}
	buf_add(&k->payload, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pack k = { 0 };
	auto_buf bytes = { 0 };
	const char *fn;

	if (!size)
		return 0;
	fn = data[0] & 1 ? "x-1-0.conda" : "x-1-0.tar.bz2";
	switch (data[0] >> 1 & 3) {
	case 0:
		buf_add(&bytes, data + 1, size - 1);
		break;
	case 1: /* a tar with everything */
		buf_add(&k.info, data + 1, size - 1);
		if (data[0] & 1)
			buf_add(&k.payload, data + 1, size - 1);
		pack_bytes_of(&k, fn, &bytes);
		break;
	default:
		k.info_last = data[0] >> 1 & 1;
		pack_texts(&k, data + 1, size - 1);
		pack_bytes_of(&k, fn, &bytes);
		break;
	}
	link_package(bytes.p, bytes.n, fn);
	return 0;
}
