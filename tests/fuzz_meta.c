#include "fuzz.h"

#include <string.h>

#include "conda/license.h"
#include "conda/meta.h"
#include "conda/purl.h"

/* A record of an image is anybody's: what was read is sorted, and every text of it can be told. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const char *expression, *again;
	struct meta m;

	if (meta_read(&a, (const char *)data, size, "f", &m, &err) < 0) {
		FUZZ_CHECK(err.code == ERR_FORMAT || err.code == ERR_LIMIT, "%s", err.text);
		return 0;
	}
	for (size_t i = 1; i < m.n; i++)
		FUZZ_CHECK(strcmp(m.files[i - 1].path, m.files[i].path) <= 0, "%s", m.files[i].path);
	FUZZ_CHECK(strncmp(purl_conda(&a, &m.record), "pkg:conda/", 10) == 0, "%s", m.record.name);
	expression = m.record.license ? license_expression(&a, m.record.license) : NULL;
	again = expression ? license_expression(&a, expression) : NULL;
	FUZZ_CHECK(!expression || (again && strcmp(again, expression) == 0), "%s", expression);
	return 0;
}
