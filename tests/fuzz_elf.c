#include "fuzz.h"

#include <string.h>

#include "conda/elf.h"

static void scan(struct elf_scan *s, const uint8_t *data, size_t size, size_t step)
{
	elf_scan_begin(s);
	for (size_t at = 0; at < size; at += step)
		elf_scan_add(s, data + at, size - at < step ? size - at : step);
}

/* A package's file is anybody's: names are fit to be told, and the same however the bytes come. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_scan s = { 0 };
	auto_arena a = { 0 };
	unsigned machine = 0;
	const char *const *whole, *const *cut;
	size_t i = 0;

	scan(&s, data, size, size + 1);
	whole = elf_scan_needed(&s, &a, &machine);
	scan(&s, data, size, 61);
	cut = elf_scan_needed(&s, &a, &machine);
	FUZZ_CHECK(!whole == !cut, "%zu bytes", size);
	for (; whole && whole[i]; i++) {
		FUZZ_CHECK(cut[i] && strcmp(whole[i], cut[i]) == 0, "%s", whole[i]);
		for (const char *c = whole[i]; *c; c++)
			FUZZ_CHECK(*c > ' ' && *c <= '~' && *c != '/', "%s", whole[i]);
	}
	elf_scan_release(&s);
	return 0;
}
