#include "fuzz.h"

#include <string.h>

#include "base/doc.h"

/* YAML and JSON are read or refused; a scalar that was read is written so that it reads the same. */
static void walk(const struct doc *d, unsigned depth)
{
	FUZZ_CHECK(depth < 100, "%s", "wrong");
	if (d->type == DOC_STRING && d->line) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		auto_buf b = { 0 };
		const struct doc *again;

		doc_write_yaml(&b, d->text);
		again = doc_parse_yaml(&a, b.p, b.n, "again", &err);
		FUZZ_CHECK(again && again->type == DOC_STRING && strcmp(again->text, d->text) == 0, "%s", "wrong");
	}
	for (size_t i = 0; i < d->n && (d->type == DOC_LIST || d->type == DOC_MAP); i++)
		walk(&d->items[i], depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const struct doc *d = doc_parse_yaml(&a, (const char *)data, size, "f", &err);

	FUZZ_CHECK(!d == (err.code != ERR_NONE), "%s", "wrong");
	if (d)
		walk(d, 0);
	err_clear(&err);
	d = doc_parse_json(&a, (const char *)data, size, "f", &err);
	FUZZ_CHECK(!d == (err.code != ERR_NONE), "%s", "wrong");
	if (d)
		walk(d, 0);
	return 0;
}
