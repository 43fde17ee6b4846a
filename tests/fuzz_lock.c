#include "fuzz.h"

#include <string.h>

#include "conda/lock.h"

/* A lock that was read is written, and what was written reads to the same text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	auto_lock l = { 0 }, again = { 0 };
	auto_buf first = { 0 }, second = { 0 };

	if (lock_parse((const char *)data, size, "f", &l, &err) < 0) {
		FUZZ_CHECK(strncmp(err.text, "f:", 2) == 0, "%zu bytes", size);
		return 0;
	}
	lock_write(&l, &first);
	if (lock_parse(first.p, first.n, "again", &again, &err) < 0) {
		fprintf(stderr, "%s\n%s", err.text, first.p);
		abort();
	}
	lock_write(&again, &second);
	if (first.n != second.n || memcmp(first.p, second.p, first.n) != 0) {
		fprintf(stderr, "%s----\n%s", first.p, second.p);
		abort();
	}
	return 0;
}
