/*
 * layer_tool ARCHIVE PREFIX PYTHON: the tar of the layer that one package alone would have, on stdout; for tests/e2e/paths-json.py,
 * which knows by itself what has to be in it. The record is the package's own.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "conda/linked.h"
#include "oci/tar.h"

static int make(const char *path, const struct prefix *prefix, struct err *err)
{
	const char *slash = strrchr(path, '/'), *fn = slash ? slash + 1 : path;
	struct package *p = package_open(AT_FDCWD, path, fn, err);
	auto_sink *out = sink_fd(STDOUT_FILENO);
	auto_tree *t = NULL;
	struct record r;

	if (!p)
		return -1;
	/* What it says of itself goes with it, but is needed until the tree's last entry, which the package outlives. */
	r = package_info(p)->index;
	r.fn = fn;
	record_defaults(&r);
	t = linked_tree(p, &r, prefix, NULL, err);
	if (!t || tar_drain(t, out, err) < 0)
		return -1;
	return sink_finish(out, err);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (argc != 4) {
		fprintf(stderr, "usage: layer_tool ARCHIVE PREFIX PYTHON\n");
		return 2;
	}
	if (make(argv[1], &(struct prefix){ .path = argv[2], .python = argv[3] }, &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return 1;
}
