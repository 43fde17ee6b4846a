/* condaimg inspect --html: one page that tells all of an image and loads nothing (docs/inspect.md). */
#ifndef CMD_HTML_H
#define CMD_HTML_H

#include "cmd/html_facts.h"

#define HTML_ITEMS_MAX 2000 /* packages (and other parts of layers) that are told one by one */

/* The whole document, appended to *ret: the same facts give the same bytes. */
void html_write(const struct html_facts *f, struct buf *ret);

#endif
