#include "base/num.h"

#include <stdio.h>

bool num_add(uint64_t a, uint64_t b, uint64_t *ret)
{
	uint64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*ret = sum;
	return true;
}

bool num_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
	uint64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return false;
	*ret = product;
	return true;
}

bool num_parse(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (!num_mul(v, 10, &v) || !num_add(v, (uint64_t)(*text - '0'), &v) || v > max)
			return false;
	}
	*ret = v;
	return true;
}

struct num_text num_bytes(uint64_t n)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	struct num_text t;
	uint64_t tenths = n / 100 + (n % 100 >= 50);
	unsigned u = 0;

	if (n < 1000) {
		snprintf(t.s, sizeof(t.s), "%u B", (unsigned)n);
		return t;
	}
	while (tenths >= 10000 && u + 1 < sizeof(units) / sizeof(units[0])) {
		tenths = (tenths + 500) / 1000;
		u++;
	}
	snprintf(t.s, sizeof(t.s), "%u.%u %s", (unsigned)(tenths / 10), (unsigned)(tenths % 10), units[u]);
	return t;
}
