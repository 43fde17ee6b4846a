#include "conda/spec_file.h"

#include <string.h>

#include "base/num.h"
#include "conda/matchspec.h"
#include "conda/platform.h"
#include "conda/record.h"
#include "conda/spec_hint.h"
#include "conda/text_lines.h"

#define SPEC_FILE_BYTES_MAX ((size_t)1 << 20)
#define SPEC_BYTES_MAX 2048

struct reader {
	struct env *e;
	struct text_lines lines;
	struct env_spec *specs;
	const char **warnings;
	size_t n_warnings;
	struct err *err;
};

#define fault(r, ...) text_lines_fault(&(r)->lines, (r)->err, __VA_ARGS__)

static int read_comment(struct reader *r, struct str line)
{
	struct arena *a = &r->e->arena;
	struct str rest = str_trim((struct str){ line.p + 1, line.n - 1 });
	const char *text = arena_strndup(a, rest.p, rest.n), **list;

	if (!str_starts(text, "platform:"))
		return 0;
	rest = str_trim(str_of(text + strlen("platform:")));
	text = arena_strndup(a, rest.p, rest.n);
	if (!platform_is_subdir(text) || strcmp(text, "noarch") == 0)
		return fault(r, "platform '%s' is none that conda knows, such as linux-64", text);
	if (r->e->platforms[0] && strcmp(r->e->platforms[0], text) != 0)
		return fault(r, "is for %s, but another line says %s; one file is for one platform", text,
			     r->e->platforms[0]);
	list = arena_array(a, 2, sizeof(*list));
	list[0] = text;
	r->e->platforms = list;
	return 0;
}

/* Without " # a remark". */
static struct str without_remark(struct str line)
{
	for (size_t i = 1; i < line.n; i++)
		if (line.p[i] == '#' && (line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
			return str_trim((struct str){ line.p, i });
	return line;
}

/* What other files have in their lines, and is no spec. */
static int refuse_foreign(struct reader *r, const char *text)
{
	size_t stem;

	if (text[0] == '-')
		return fault(r, "'%s' is an option of pip, and this is read as a list of conda packages", text);
	if (str_ends(text, "=pypi_0") || str_ends(text, "=pypi"))
		return fault(r, "'%s' is a package from PyPI, which condaimg does not install yet; remove the line",
			     text);
	if (strchr(text, '/') && record_is_package_file(arena_strndup(&r->e->arena, text, strcspn(text, "#")), &stem))
		return fault(r, "'%s' is a package file; a list of those needs a line '@EXPLICIT'", text);
	return 0;
}

static int read_spec(struct reader *r, struct str line)
{
	const char *text = arena_strndup(&r->e->arena, line.p, line.n);
	struct err why = ERR_INIT;

	if (refuse_foreign(r, text) < 0)
		return -1;
	if (line.n > SPEC_BYTES_MAX)
		return fault(r, "has %zu bytes, expected at most %d", line.n, SPEC_BYTES_MAX);
	if (!matchspec_parse(&r->e->arena, text, MATCHSPEC_V3, &why)) {
		const char *hint = spec_hint(&r->e->arena, text);

		return hint ? fault(r, "'%s' is no spec: %s", text, hint) : fault(r, "%s", why.text);
	}
	if (spec_hint_unheeded(&r->e->arena, text)) {
		mem_grow(r->warnings, r->n_warnings);
		r->warnings[r->n_warnings++] = arena_printf(&r->e->arena, "%s:%u: %s", r->e->file, r->lines.line,
							    spec_hint_unheeded(&r->e->arena, text));
	}
	mem_grow(r->specs, r->e->n_specs);
	r->specs[r->e->n_specs++] = (struct env_spec){ .text = text, .file = r->e->file, .line = r->lines.line };
	return 0;
}

static int read_lines(struct reader *r)
{
	struct str line;

	while (text_lines_next(&r->lines, &line)) {
		if (text_lines_check(line))
			return fault(r, "%s", text_lines_check(line));
		if ((line.p[0] == '#' ? read_comment(r, line) : read_spec(r, without_remark(line))) < 0)
			return -1;
	}
	if (!r->e->n_specs)
		return err_set(r->err, ERR_FORMAT, "%s: has no package; write one a line, such as python=3.10",
			       r->e->file);
	return 0;
}

int spec_file_parse(const char *p, size_t n, const char *file, struct env *ret, struct err *err)
{
	static const char *const none[] = { NULL };
	struct env e = { .channels = none, .channel_files = none, .platforms = none, .warnings = none };
	struct reader r = { .e = &e, .err = err };
	int rc;

	if (n > SPEC_FILE_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s: is larger than %s, which no list of specs is", file,
			       num_bytes(SPEC_FILE_BYTES_MAX).s);
	e.file = arena_strdup(&e.arena, file);
	e.files = arena_strlist(&e.arena, &e.file, 1);
	r.lines = text_lines_begin(e.file, p, n);
	rc = read_lines(&r);
	if (rc == 0) {
		e.specs = arena_dup(&e.arena, r.specs, e.n_specs * sizeof(*r.specs));
		e.warnings = arena_strlist(&e.arena, r.warnings, r.n_warnings);
		*ret = e;
	} else {
		arena_release(&e.arena);
	}
	free(r.specs);
	free(r.warnings);
	return rc;
}
