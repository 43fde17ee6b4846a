/* Checked sums and products; text to integer within a stated range. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

/* False, and *ret untouched, where the result does not fit. */
bool num_add(uint64_t a, uint64_t b, uint64_t *ret);
bool num_mul(uint64_t a, uint64_t b, uint64_t *ret);

/* Decimal digits only, the whole of text, at most max; else false and *ret untouched. */
bool num_parse(const char *text, uint64_t max, uint64_t *ret);

/* "1.2 MB", "640 B": decimal units, for people. */
struct num_text {
	char s[24];
};
struct num_text num_bytes(uint64_t n);

#endif
