#include "fuzz.h"

#include <string.h>

#include "conda/env.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	auto_env e = { 0 };
	int rc = env_parse((const char *)data, size, "f", size % 2 ? "linux-64" : "linux-aarch64", &e, &err);

	FUZZ_CHECK((rc == 0) == (err.code == ERR_NONE), "%zu bytes", size);
	FUZZ_CHECK(rc == 0 || strncmp(err.text, "f:", 2) == 0, "%zu bytes", size);
	return 0;
}
