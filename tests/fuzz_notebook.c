#include "fuzz.h"

#include "conda/notebook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	auto_env e = { 0 };
	int rc = notebook_parse((const char *)data, size, "f", &e, &err);

	FUZZ_CHECK((rc == 0) == (err.code == ERR_NONE), "%zu bytes", size);
	FUZZ_CHECK(rc < 0 || e.n_specs > 0, "%zu bytes", size);
	return 0;
}
