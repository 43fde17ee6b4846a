#include "packed_reseal.h"

#include <string.h>

#include "channels/packed_format.h"

void packed_reseal(char *p, size_t n)
{
	struct packed_head h;
	uint64_t end, blocks;

	if (n < PACKED_HEAD)
		return;
	memcpy(&h, p, sizeof(h));
	end = h.parts[PART_CHECKS].at;
	if (end >= PACKED_HEAD && end <= n) {
		blocks = (end - PACKED_HEAD + PACKED_BLOCK - 1) / PACKED_BLOCK;
		for (uint64_t i = 0; i < blocks && end + (i + 1) * 8 <= n; i++) {
			uint64_t at = PACKED_HEAD + i * PACKED_BLOCK;
			uint64_t check = packed_check(p + at, end - at < PACKED_BLOCK ? end - at : PACKED_BLOCK);

			memcpy(p + end + i * 8, &check, 8);
		}
		if (h.parts[PART_CHECKS].len <= n - end)
			h.checks = packed_check(p + end, h.parts[PART_CHECKS].len);
	}
	h.check = packed_check(&h, offsetof(struct packed_head, check));
	memcpy(p, &h, sizeof(h));
}
