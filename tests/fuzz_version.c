/*
 * The input is lines. Each is a version and a spec at once. The order must be an
 * order; what is printed must mean what was read.
 */
#include "fuzz.h"

#include "base/str.h"
#include "conda/version.h"

#define LINES_MAX 6

struct line {
	const char *text;
	const struct version *v;
};

static size_t split(struct arena *a, const uint8_t *data, size_t size, struct line *lines)
{
	struct str rest = { (const char *)data, size }, part;
	size_t n = 0;

	while (size && n < LINES_MAX && str_cut(&rest, '\n', &part)) {
		struct err err = ERR_INIT;

		lines[n].text = arena_strndup(a, part.p, part.n);
		lines[n].v = version_parse(a, lines[n].text, &err);
		n++;
	}
	return n;
}

static void check_pair(const struct line *x, const struct line *y)
{
	int c = version_text_cmp(x->text, y->text);

	FUZZ_CHECK(c == -version_text_cmp(y->text, x->text), "'%s' '%s'", x->text, y->text);
	if (!x->v || !y->v)
		return;
	FUZZ_CHECK(c == version_cmp(x->v, y->v), "'%s' '%s'", x->text, y->text);
	if (c == 0)
		FUZZ_CHECK(version_starts_with(x->v, y->v) == version_starts_with(y->v, y->v), "'%s' '%s'", x->text,
			   y->text);
}

static void check_triple(const struct line *x, const struct line *y, const struct line *z)
{
	int xy = version_text_cmp(x->text, y->text), yz = version_text_cmp(y->text, z->text);
	int xz = version_text_cmp(x->text, z->text);

	if (xy <= 0 && yz <= 0)
		FUZZ_CHECK(xz <= 0 && (xz < 0 || (xy == 0 && yz == 0)), "'%s' '%s' '%s'", x->text, y->text, z->text);
}

static void check_version(struct arena *a, const struct line *x)
{
	struct err err = ERR_INIT;
	const char *text;
	const struct version *again;

	if (!x->v)
		return;
	text = version_text(a, x->v);
	again = version_parse(a, text, &err);
	FUZZ_CHECK(again, "'%s': %s", text, err.text);
	FUZZ_CHECK(version_cmp(x->v, again) == 0 && strcmp(version_text(a, again), text) == 0, "'%s' '%s'", x->text,
		   text);
	FUZZ_CHECK(version_starts_with(x->v, x->v), "'%s'", x->text);
	(void)version_segments(a, x->v, false);
	(void)version_segments(a, x->v, true);
	(void)version_major_minor(a, x->text);
}

static void check_spec(struct arena *a, const struct line *x, const struct line *lines, size_t n)
{
	struct err err = ERR_INIT;
	const struct version_spec *s = version_spec_parse(a, x->text, &err), *again;

	FUZZ_CHECK(s || err.code == ERR_FORMAT, "'%s'", x->text);
	if (!s)
		return;
	again = version_spec_parse(a, version_spec_text(s), &err);
	FUZZ_CHECK(again, "'%s' as '%s': %s", x->text, version_spec_text(s), err.text);
	FUZZ_CHECK(strcmp(version_spec_text(s), version_spec_text(again)) == 0, "'%s' '%s' '%s'", x->text,
		   version_spec_text(s), version_spec_text(again));
	FUZZ_CHECK(version_spec_is_any(s) == version_spec_is_any(again), "'%s'", x->text);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(version_spec_match(s, lines[i].v, lines[i].text) ==
				   version_spec_match(again, lines[i].v, lines[i].text),
			   "'%s' on '%s'", x->text, lines[i].text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena a = { 0 };
	struct line lines[LINES_MAX];
	size_t n = split(&a, data, size, lines);

	for (size_t i = 0; i < n; i++) {
		check_version(&a, &lines[i]);
		check_spec(&a, &lines[i], lines, n);
		for (size_t j = 0; j < n; j++) {
			check_pair(&lines[i], &lines[j]);
			for (size_t k = 0; k < n; k++)
				check_triple(&lines[i], &lines[j], &lines[k]);
		}
	}
	return 0;
}
