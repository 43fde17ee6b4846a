#include "fuzz.h"

#include <string.h>

#include "conda/condarc.h"

#define SOURCES_MAX 4

static const char *look_up(const char *name)
{
	return *name == 'A' ? "value" : NULL;
}

/* Several texts with "%%" between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	struct condarc sources[SOURCES_MAX], rc;
	const char *p = (const char *)data, *end = p + size;
	size_t n = 0;
	int ret = 0;

	while (ret == 0 && n < SOURCES_MAX && p < end) {
		const char *next = memmem(p, (size_t)(end - p), "%%", 2);
		size_t len = (size_t)((next ? next : end) - p);

		ret = condarc_parse(&a, p, len, "f", &sources[n++], NULL, &err);
		p += len + (next ? 2 : 0);
	}
	if (ret == 0)
		ret = condarc_merge(&a, sources, n, look_up, &rc, &err);
	FUZZ_CHECK((ret == 0) == (err.code == ERR_NONE), "%zu bytes", size);
	for (enum condarc_key k = 0; ret == 0 && k < CONDARC_KEYS; k++)
		for (size_t i = 0; i < rc.values[k].n; i++)
			FUZZ_CHECK(rc.values[k].items[i].from, "%s", condarc_name(k));
	return 0;
}
