/* Between the files that write the page. */
#ifndef CMD_HTML_IMPL_H
#define CMD_HTML_IMPL_H

#include "base/num.h"
#include "cmd/html.h"
#include "cmd/html_text.h"

#define HTML_NAME_MAX 80 /* characters of a foreign name that are shown; of anything else, see below */
#define HTML_TEXT_MAX 300

#define HTML_BACK "<a class=\"back\" href=\"#picture\">Back to the picture</a>"

struct html_page {
	const struct html_facts *facts;
	bool *shown; /* by item: it has a panel */
	struct buf rules; /* style that depends on the image */
	struct buf rests; /* panels for what is too small for the picture */
	unsigned n_rests;
};

typedef void html_part(struct html_page *p, struct buf *out);

html_part html_picture, html_panels, html_push, html_layers, html_packages, html_licences, html_channels, html_config;

/* "numpy", as a link to its panel where it has one. */
void html_item_link(const struct html_page *p, const struct html_item *it, struct buf *out);

/* k0 to k5, kx: what the style calls the colour of its licence. */
const char *html_item_colour(const struct html_item *it);

/* A cell with a size in words, and a bar of part in whole. */
void html_size_cell(struct buf *out, uint64_t bytes, uint64_t whole);
void html_number_cell(struct buf *out, uint64_t n, const char *more_class);

/* A whole part of 100, rounded; 0 where there is no whole. */
unsigned html_percent(uint64_t part, uint64_t whole);

/* "12 %"; "under 1 %" of what is not nothing. */
void html_put_percent(struct buf *out, uint64_t part, uint64_t whole);

/* "1 file", "12 files". */
void html_plural(struct buf *out, uint64_t n, const char *one, const char *many);

/* Whether other images decide the colours of the picture. */
bool html_compares(const struct html_page *p);

#endif
