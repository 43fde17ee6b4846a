#include "cmd/html_treemap.h"

#include <assert.h>
#include <stdbool.h>

#include "base/mem.h"

/* Products of a weight (64 bits) and a side, and of two areas squared (108 bits). */
typedef unsigned __int128 wide;

static uint64_t share(uint64_t length, wide part, wide whole)
{
	return whole ? (uint64_t)((length * part + whole / 2) / whole) : 0;
}

/* The worst ratio of sides in a row, as a fraction. */
struct ratio {
	wide over, under;
};

/*
 * A row of area sum along a side: its largest member is side^2 * largest / sum^2 out of square, its smallest
 * sum^2 / (side^2 * smallest).
 */
static struct ratio worst_ratio(uint64_t side, uint64_t sum, uint64_t largest, uint64_t smallest)
{
	wide square = (wide)side * side, s2 = (wide)sum * sum;
	struct ratio a = { square * largest, s2 }, b = { s2, square * smallest };

	return a.over * b.under > b.over * a.under ? a : b;
}

static bool is_better(struct ratio a, struct ratio b)
{
	return a.over * b.under <= b.over * a.under;
}

/* How many of the next areas stand in one row. */
static size_t row_length(const uint64_t *areas, size_t n, uint64_t side)
{
	uint64_t sum = areas[0];
	struct ratio best = worst_ratio(side, sum, areas[0], areas[0]);
	size_t k = 1;

	for (; k < n; k++) {
		struct ratio next = worst_ratio(side, sum + areas[k], areas[0], areas[k]);

		if (!is_better(next, best))
			break;
		best = next;
		sum += areas[k];
	}
	return k;
}

static wide sum_of(const uint64_t *weights, size_t n)
{
	wide sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += weights[i];
	return sum;
}

/* Cut a row off the box, along its shorter side, and its members off the row. */
static void place_row(const uint64_t *weights, size_t n, wide row, wide rest, struct html_box *box,
		      struct html_box *ret)
{
	bool down = box->h <= box->w; /* members below each other */
	uint32_t along = down ? box->h : box->w;
	uint32_t thick = (uint32_t)share(down ? box->w : box->h, row, rest);
	uint32_t from = 0;
	wide sum = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t to;

		sum += weights[i];
		to = (uint32_t)share(along, sum, row);
		ret[i] = down ? (struct html_box){ box->x, box->y + from, thick, to - from }
			      : (struct html_box){ box->x + from, box->y, to - from, thick };
		from = to;
	}
	if (down) {
		box->x += thick;
		box->w -= thick;
	} else {
		box->y += thick;
		box->h -= thick;
	}
}

void html_treemap(const uint64_t *weights, size_t n, struct html_box in, struct html_box *ret)
{
	wide rest = sum_of(weights, n);
	uint64_t area = (uint64_t)in.w * in.h;
	auto_free uint64_t *areas = mem_array(n ? n : 1, sizeof(*areas));

	assert(in.w <= HTML_TREEMAP_SIDE_MAX && in.h <= HTML_TREEMAP_SIDE_MAX);
	for (size_t i = 0; i < n; i++) {
		areas[i] = share(area, weights[i], rest);
		areas[i] += !areas[i];
	}
	for (size_t i = 0; i < n;) {
		size_t k = row_length(areas + i, n - i, in.w < in.h ? in.w : in.h);
		wide row = sum_of(weights + i, k);

		place_row(weights + i, k, row, rest, &in, ret + i);
		rest -= row;
		i += k;
	}
}
