/*
 * "package", then "path KIND SHA256|- =|~ PATH" lines (KIND: f, l or d; ~: rewritten for the prefix), "script PATH", "file BYTES
 * PATH" and "links BYTES" with that many bytes and a newline behind them; "listed" where the paths are all of them; then "end".
 */
#include "cmd/layer_facts.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"

static const char path_kinds[] = { [PATH_FILE] = 'f', [PATH_SYMLINK] = 'l', [PATH_DIR] = 'd' };

/* ---- write ---- */

static void write_path(const struct linked_path *p, struct buf *ret)
{
	buf_addf(ret, "path %c %s %c %s\n", path_kinds[p->type], p->has_sha256 ? digest_hex(&p->sha256).hex : "-",
		 p->rewritten ? '~' : '=', p->path);
}

/* A name with a newline in it cannot stand on a line; such a package is asked itself. */
static bool can_list(const struct package_facts *f)
{
	if (!f->has_list)
		return false;
	for (size_t i = 0; i < f->list.n; i++)
		if (strchr(f->list.paths[i].path, '\n'))
			return false;
	for (const char *const *s = f->list.scripts; s && *s; s++)
		if (strchr(*s, '\n'))
			return false;
	return true;
}

void layer_facts_write(const struct package_facts *f, struct buf *ret)
{
	buf_adds(ret, "package\n");
	if (can_list(f)) {
		for (size_t i = 0; i < f->list.n; i++)
			write_path(&f->list.paths[i], ret);
		for (const char *const *s = f->list.scripts; s && *s; s++)
			buf_addf(ret, "script %s\n", *s);
		for (size_t i = 0; i < f->n_files; i++)
			buf_addf(ret, "file %zu %s\n%s\n", strlen(f->files[i].text), f->files[i].path,
				 f->files[i].text);
		buf_adds(ret, "listed\n");
	}
	if (f->links)
		buf_addf(ret, "links %zu\n%s\n", strlen(f->links), f->links);
	buf_adds(ret, "end\n");
}

/* ---- read ---- */

struct reading {
	struct arena *a;
	struct str rest;
	struct linked_path *paths;
	const char **scripts;
	struct activation_file *files;
	size_t n, n_scripts, n_files;
};

static const char *keep(struct reading *r, struct str s)
{
	return arena_strndup(r->a, s.p, s.n);
}

/* A path relative to the prefix, or NULL. */
static const char *keep_path(struct reading *r, struct str s)
{
	const char *path = s.p ? keep(r, s) : "";

	return memchr(path, '\0', s.n + 1) == path + s.n && !tree_path_fault(path) ? path : NULL;
}

static bool read_path(struct reading *r, struct str line)
{
	struct linked_path p = { 0 };
	struct str kind, sha256, how;
	const char *at;

	if (!str_cut(&line, ' ', &kind) || kind.n != 1 || !str_cut(&line, ' ', &sha256) || !str_cut(&line, ' ', &how) ||
	    !line.p)
		return false;
	at = memchr(path_kinds, kind.p[0], sizeof(path_kinds));
	p.path = keep_path(r, line);
	if (!at || !p.path || (r->n && strcmp(r->paths[r->n - 1].path, p.path) >= 0))
		return false;
	p.type = (enum path_type)(at - path_kinds);
	p.has_sha256 = !str_eq(sha256, "-");
	if (p.has_sha256 && !digest_parse(keep(r, sha256), &p.sha256))
		return false;
	p.rewritten = str_eq(how, "~");
	mem_grow(r->paths, r->n);
	r->paths[r->n++] = p;
	return true;
}

static bool read_script(struct reading *r, struct str line)
{
	const char *path = keep_path(r, line);

	if (!path)
		return false;
	mem_grow(r->scripts, r->n_scripts);
	r->scripts[r->n_scripts++] = path;
	return true;
}

/* The bytes that number says, and a newline. NULL: there are not so many. */
static const char *read_bytes(struct reading *r, struct str number)
{
	uint64_t n;
	const char *ret;

	if (!num_parse(keep(r, number), r->rest.n, &n) || n >= r->rest.n || r->rest.p[n] != '\n' ||
	    memchr(r->rest.p, '\0', (size_t)n))
		return NULL;
	ret = arena_strndup(r->a, r->rest.p, (size_t)n);
	r->rest.p += n + 1;
	r->rest.n -= (size_t)n + 1;
	return ret;
}

static bool read_file(struct reading *r, struct str line)
{
	struct activation_file f = { 0 };
	struct str number;

	if (!str_cut(&line, ' ', &number) || !line.p)
		return false;
	f.path = keep_path(r, line);
	f.text = f.path ? read_bytes(r, number) : NULL;
	if (!f.text)
		return false;
	mem_grow(r->files, r->n_files);
	r->files[r->n_files++] = f;
	return true;
}

static bool read_line(struct reading *r, struct str line, struct package_facts *ret)
{
	struct str kind;

	if (str_eq(line, "listed")) {
		ret->has_list = true;
		return true;
	}
	if (!str_cut(&line, ' ', &kind) || !line.p)
		return false;
	if (str_eq(kind, "path"))
		return read_path(r, line);
	if (str_eq(kind, "script"))
		return read_script(r, line);
	if (str_eq(kind, "file"))
		return read_file(r, line);
	if (str_eq(kind, "links"))
		return (ret->links = read_bytes(r, line)) != NULL;
	return false;
}

static bool read_package(struct reading *r, struct package_facts *ret)
{
	struct str line;

	if (!str_cut(&r->rest, '\n', &line) || !str_eq(line, "package"))
		return false;
	while (str_cut(&r->rest, '\n', &line)) {
		if (str_eq(line, "end"))
			return true;
		if (!read_line(r, line, ret))
			return false;
	}
	return false;
}

bool layer_facts_read(struct arena *a, struct str text, struct package_facts *ret, size_t n)
{
	struct reading r = { .a = a, .rest = text };
	bool good = true;

	for (size_t i = 0; good && i < n; i++) {
		ret[i] = (struct package_facts){ 0 };
		r.n = r.n_scripts = r.n_files = 0;
		r.paths = NULL;
		r.scripts = NULL;
		r.files = NULL;
		good = read_package(&r, &ret[i]);
		ret[i].list = (struct linked_list){ arena_dup(a, r.paths, r.n * sizeof(*r.paths)), r.n,
						    arena_strlist(a, r.scripts, r.n_scripts) };
		ret[i].files = arena_dup(a, r.files, r.n_files * sizeof(*r.files));
		ret[i].n_files = r.n_files;
		free(r.paths);
		free(r.scripts);
		free(r.files);
	}
	return good && !r.rest.n;
}
