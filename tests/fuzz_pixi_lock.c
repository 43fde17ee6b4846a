#include "fuzz.h"

#include <string.h>

#include "conda/pixi_lock.h"

/* A lock that was read can be written as one of ours, and that is read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const environments[] = { NULL, "second", "default@linux-64", "@x" };
	struct err err = ERR_INIT;
	auto_lock l = { 0 }, again = { 0 };
	auto_buf text = { 0 };

	if (pixi_lock_parse((const char *)data, size, "f", "/work", environments[size % 4], &l, &err) < 0) {
		FUZZ_CHECK(strncmp(err.text, "f:", 2) == 0, "%zu bytes", size);
		return 0;
	}
	l.foreign = false;
	lock_write(&l, &text);
	if (lock_parse(text.p, text.n, "again", &again, &err) < 0) {
		fprintf(stderr, "%s\n%s", err.text, text.p);
		abort();
	}
	FUZZ_CHECK(again.n_platforms == l.n_platforms, "%s", text.p);
	return 0;
}
