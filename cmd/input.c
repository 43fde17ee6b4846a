#include "cmd/input.h"

#include <string.h>

#include "base/doc.h"
#include "base/fs.h"

#define INPUT_MAX ((uint64_t)64 << 20)

/* Whether a document has the keys of a lock and not those of an environment. */
static bool looks_like_lock(const char *p)
{
	return (str_starts(p, "package:") || strstr(p, "\npackage:")) &&
	       (str_starts(p, "metadata:") || strstr(p, "\nmetadata:"));
}

static int read_stdin(struct buf *ret, struct err *err)
{
	auto_source *in = source_file(AT_FDCWD, "/dev/stdin", err);

	return in ? io_slurp(in, INPUT_MAX, ret, err) : -1;
}

int input_read(const char *path, const char *subdir, struct input *ret, struct err *err)
{
	auto_buf text = { 0 };
	int rc;

	*ret = (struct input){ .path = path };
	rc = strcmp(path, "-") == 0 ? read_stdin(&text, err) : fs_read(AT_FDCWD, path, INPUT_MAX, &text, err);
	if (rc < 0)
		return -1;
	ret->is_lock = looks_like_lock(buf_cstr(&text));
	if (ret->is_lock)
		return lock_parse(buf_cstr(&text), text.n, path, &ret->lock, err);
	return env_parse(buf_cstr(&text), text.n, path, subdir, &ret->env, err);
}

void input_release(struct input *in)
{
	env_release(&in->env);
	lock_release(&in->lock);
}

const char *input_dir(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

const char *input_lock_path(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) + 1 : 0;

	return arena_printf(a, "%.*sconda-lock.yml", (int)dir, path);
}
