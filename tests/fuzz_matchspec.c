/* The input is a spec. Its canonical text must be stable and mean the same; its name must be found without parsing. */
#include "fuzz.h"

#include <strings.h>

#include "conda/matchspec.h"

static const struct record records[] = {
	{ .name = "pkg",
	  .version = "1.8.3",
	  .build = "py_0",
	  .subdir = "linux-64",
	  .channel = "https://conda.anaconda.org/conda-forge",
	  .fn = "pkg-1.8.3-py_0.conda",
	  .url = "https://conda.anaconda.org/conda-forge/linux-64/pkg-1.8.3-py_0.conda",
	  .license = "MIT" },
	{ .name = "numpy",
	  .version = "1!2.0rc1+local.5",
	  .build = "0",
	  .build_number = 7,
	  .subdir = "noarch",
	  .channel = "https://repo.anaconda.com/pkgs/main",
	  .fn = "a",
	  .url = "" },
	{ .name = "a", .version = "not a version", .build = "b", .subdir = "", .channel = "", .fn = "", .url = "" },
};

/* Of a URL the canonical text keeps what it says about the package, not the URL itself. */
static bool is_of_url(const struct matchspec *m, const struct matchspec *again)
{
	return m->url && !again->url;
}

static void check_canonical(struct arena *a, const struct matchspec *m)
{
	struct err err = ERR_INIT;
	const char *text = matchspec_text(a, m);
	const struct matchspec *again = matchspec_parse(a, text, MATCHSPEC_V3, &err);

	FUZZ_CHECK(again, "'%s' as '%s': %s", m->text, text, err.text);
	FUZZ_CHECK(strcmp(matchspec_text(a, again), text) == 0, "'%s': '%s' '%s'", m->text, text,
		   matchspec_text(a, again));
	for (size_t i = 0; i < COUNT(records) && !is_of_url(m, again); i++)
		FUZZ_CHECK(matchspec_match(m, &records[i], NULL) == matchspec_match(again, &records[i], NULL),
			   "'%s' as '%s' on %s", m->text, text, records[i].name);
}

static void check_name(const struct matchspec *m)
{
	struct str name = matchspec_name_of(m->text);

	if (m->name && !m->fn)
		FUZZ_CHECK(name.n == strlen(m->name) && strncasecmp(name.p, m->name, name.n) == 0, "'%s': '%.*s'",
			   m->text, (int)name.n, name.p);
}

static void check(const char *text, unsigned flags)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const struct matchspec *m = matchspec_parse(&a, text, flags, &err);

	FUZZ_CHECK(m || err.code == ERR_FORMAT, "'%s'", text);
	if (!m) {
		(void)matchspec_name_of(text);
		return;
	}
	check_canonical(&a, m);
	check_name(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena a = { 0 };
	const char *text = arena_strndup(&a, (const char *)data, size);

	check(text, 0);
	check(text, MATCHSPEC_V3);
	return 0;
}
