#include "fuzz.h"

#include <string.h>

#include "oci/registry_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registry_conf c = { 0 };
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct ref ref = { .host = "example.com", .repo = "foo/bar" };
	int rc = registry_conf_parse(&c, (const char *)data, size, "f", &err);
	size_t n = 0;

	FUZZ_CHECK((rc == 0) == (err.code == ERR_NONE), "%zu bytes", size);
	FUZZ_CHECK(rc == 0 || strncmp(err.text, "f:", 2) == 0, "%zu bytes: %s", size, err.text);
	registry_conf_places(&c, &a, &ref, &n);
	FUZZ_CHECK(n > 0, "%zu bytes", size);
	registry_conf_release(&c);
	return 0;
}
