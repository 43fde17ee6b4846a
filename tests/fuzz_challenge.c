#include "fuzz.h"

#include <string.h>

#include "oci/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena a = { 0 };
	struct challenge c = challenge_parse(&a, arena_strndup(&a, (const char *)data, size));

	FUZZ_CHECK(c.realm && c.service && c.scope, "%zu bytes", size);
	FUZZ_CHECK(strlen(c.realm) + strlen(c.service) + strlen(c.scope) <= size, "%zu bytes", size);
	return 0;
}
