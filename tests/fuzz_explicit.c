#include "fuzz.h"

#include <string.h>

#include "conda/explicit.h"

static const char *variable(const char *name)
{
	return strlen(name) % 2 ? "/srv" : NULL;
}

/* A list that was read is written, and what was written reads to the same text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	const struct explicit_place place = { .cwd = "/work", .home = "/home/x", .variable = variable };
	const struct explicit_place plain = { .cwd = "/" };
	auto_lock l = { 0 }, again = { 0 };
	auto_buf first = { 0 }, second = { 0 };

	explicit_is((const char *)data, size);
	if (explicit_parse((const char *)data, size, "f", "linux-64", &place, &l, &err) < 0) {
		FUZZ_CHECK(strncmp(err.text, "f:", 2) == 0, "%zu bytes", size);
		return 0;
	}
	explicit_write(&l.platforms[0], false, &first);
	if (explicit_parse(first.p, first.n, "again", "linux-64", &plain, &again, &err) < 0) {
		fprintf(stderr, "%s\n%s", err.text, first.p);
		abort();
	}
	explicit_write(&again.platforms[0], false, &second);
	FUZZ_CHECK(first.n == second.n && memcmp(first.p, second.p, first.n) == 0, "%s----\n%s", first.p, second.p);
	return 0;
}
