/*
 * Rectangles with areas in the ratio of weights, as square as they can be (Bruls, Huizing, van Wijk: "Squarified
 * Treemaps", 2000). In whole numbers, so that every machine draws the same picture.
 */
#ifndef CMD_HTML_TREEMAP_H
#define CMD_HTML_TREEMAP_H

#include <stddef.h>
#include <stdint.h>

#define HTML_TREEMAP_SIDE_MAX 16384

struct html_box {
	uint32_t x, y, w, h;
};

/*
 * One box a weight: together they are all of in, and none overlaps another. Each edge is where it would be
 * exactly, rounded. weights descend, and their sum fits; sides are at most HTML_TREEMAP_SIDE_MAX. Pure.
 */
void html_treemap(const uint64_t *weights, size_t n, struct html_box in, struct html_box *ret);

#endif
