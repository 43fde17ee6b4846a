#include "fuzz.h"

#include <string.h>

#include "conda/script.h"

static enum script_file look(void *arg, const char *path)
{
	(void)arg;
	return (enum script_file)(strlen(path) % (SCRIPT_UNKNOWN + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script_host host = { .look = look, .is_process = size % 2 };
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	auto_script_env e = { 0 };
	int rc;

	script_env_init(&e, &a);
	script_env_set(&e, "A", "a b");
	script_env_set(&e, "CONDA_PREFIX", "/p");
	rc = script_run(&e, (struct str){ (const char *)data, size }, &host, &err);
	FUZZ_CHECK((rc == 0) == (err.code == ERR_NONE), "%zu bytes: %s", size, err.text);
	FUZZ_CHECK(rc == 0 || strcmp(script_env_get(&e, "A"), "a b") == 0, "%zu bytes", size);
	return 0;
}
