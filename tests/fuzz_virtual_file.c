#include "fuzz.h"

#include <string.h>

#include "conda/virtual_file.h"

/* What was read is fit for a lock, which reads it back. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct virtual_set set = { 0 }, again = { 0 };

	if (virtual_file_apply(&a, (const char *)data, size, "f", size % 2 ? "linux-64" : "linux-aarch64", &set, &err) <
	    0) {
		FUZZ_CHECK(strncmp(err.text, "f:", 2) == 0, "%zu bytes", size);
		return 0;
	}
	FUZZ_CHECK(virtual_from_texts(&a, virtual_texts(&a, &set), &again, &err) == 0, "%s", err.text);
	FUZZ_CHECK(again.n == set.n, "%zu", set.n);
	return 0;
}
