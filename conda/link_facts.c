#include "conda/link_facts.h"

#include <string.h>

#include "base/num.h"

#define MACHINE_MAX 65535

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "libz.so", "libz.so.1.2", "ld-linux-x86-64.so.2", "_ssl.cpython-311-x86_64-linux-gnu.so" */
static bool is_library(const char *name)
{
	for (const char *at = strstr(name, ".so"); at; at = strstr(at + 1, ".so"))
		if (at != name && (!at[3] || at[3] == '.'))
			return true;
	return false;
}

static void add(struct link_facts *f, const char ***list, size_t *n, const char *text)
{
	if (!*text || strchr(text, '\n'))
		return;
	mem_grow(*list, *n);
	(*list)[(*n)++] = arena_strdup(&f->arena, text);
}

void link_facts_add_path(struct link_facts *f, const char *path)
{
	if (is_library(last_part(path)))
		add(f, &f->libraries, &f->n_libraries, last_part(path));
}

void link_facts_add_special(struct link_facts *f, const char *path)
{
	add(f, &f->special, &f->n_special, path);
}

void link_facts_add_need(struct link_facts *f, const char *library, const char *path, unsigned machine)
{
	if (!*library || strpbrk(library, " \n") || !*path || strchr(path, '\n'))
		return;
	mem_grow(f->needs, f->n_needs);
	f->needs[f->n_needs++] =
		(struct link_need){ arena_strdup(&f->arena, library), arena_strdup(&f->arena, path), machine };
}

bool link_facts_is_vital(const char *path)
{
	return str_starts(path, "bin/") || str_starts(path, "sbin/") || str_starts(path, "libexec/") ||
	       (str_starts(path, "lib/") && !strchr(path + strlen("lib/"), '/'));
}

static int need_cmp(const void *x, const void *y)
{
	const struct link_need *a = x, *b = y;
	int c = strcmp(a->library, b->library);

	if (!c)
		c = (a->machine > b->machine) - (a->machine < b->machine);
	if (!c)
		c = link_facts_is_vital(b->path) - link_facts_is_vital(a->path);
	return c ? c : strcmp(a->path, b->path);
}

static size_t unique(const char **list, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(list, n, sizeof(*list), str_ptr_cmp);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(list[kept - 1], list[i]) != 0)
			list[kept++] = list[i];
	return kept;
}

void link_facts_finish(struct link_facts *f)
{
	size_t kept = 0;

	if (f->n_needs)
		qsort(f->needs, f->n_needs, sizeof(*f->needs), need_cmp);
	for (size_t i = 0; i < f->n_needs; i++)
		if (!kept || strcmp(f->needs[kept - 1].library, f->needs[i].library) != 0 ||
		    f->needs[kept - 1].machine != f->needs[i].machine)
			f->needs[kept++] = f->needs[i];
	f->n_needs = kept;
	f->n_libraries = unique(f->libraries, f->n_libraries);
	f->n_special = unique(f->special, f->n_special);
}

void link_facts_write(const struct link_facts *f, struct buf *ret)
{
	for (size_t i = 0; i < f->n_libraries; i++)
		buf_addf(ret, "lib %s\n", f->libraries[i]);
	for (size_t i = 0; i < f->n_needs; i++)
		buf_addf(ret, "need %u %s %s\n", f->needs[i].machine, f->needs[i].library, f->needs[i].path);
	for (size_t i = 0; i < f->n_special; i++)
		buf_addf(ret, "special %s\n", f->special[i]);
	buf_adds(ret, "end\n");
}

/* "62 libz.so.1 bin/x" */
static bool read_need(struct link_facts *f, struct str line)
{
	struct str number, library;
	char text[8];
	uint64_t machine;
	size_t n = f->n_needs;

	if (!str_cut(&line, ' ', &number) || !line.p || !str_cut(&line, ' ', &library) || !line.p ||
	    number.n >= sizeof(text))
		return false;
	memcpy(text, number.p, number.n);
	text[number.n] = '\0';
	if (!num_parse(text, MACHINE_MAX, &machine))
		return false;
	link_facts_add_need(f, arena_strndup(&f->arena, library.p, library.n), arena_strndup(&f->arena, line.p, line.n),
			    (unsigned)machine);
	return f->n_needs == n + 1;
}

bool link_facts_read(struct link_facts *f, struct str text)
{
	struct str line, kind;

	while (str_cut(&text, '\n', &line)) {
		bool good = false;

		if (str_eq(line, "end")) {
			link_facts_finish(f);
			return true;
		}
		if (!str_cut(&line, ' ', &kind) || !line.p || memchr(line.p, '\0', line.n))
			return false;
		if (str_eq(kind, "need")) {
			good = read_need(f, line);
		} else if (str_eq(kind, "lib") || str_eq(kind, "special")) {
			const char *item = arena_strndup(&f->arena, line.p, line.n);

			good = line.n > 0;
			if (str_eq(kind, "lib"))
				add(f, &f->libraries, &f->n_libraries, item);
			else
				add(f, &f->special, &f->n_special, item);
		}
		if (!good)
			return false;
	}
	return false;
}

void link_facts_release(struct link_facts *f)
{
	free(f->needs);
	free(f->libraries);
	free(f->special);
	arena_release(&f->arena);
	*f = (struct link_facts){ 0 };
}
