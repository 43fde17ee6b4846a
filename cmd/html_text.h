/* Foreign text on its way into a page: nothing of it is ever markup, style or script. */
#ifndef CMD_HTML_TEXT_H
#define CMD_HTML_TEXT_H

#include <stdbool.h>

#include "base/digest.h"
#include "base/str.h"

/*
 * For content and for attributes in double quotes. What is not UTF-8, control characters, and those that
 * turn the direction of what stands around them become U+FFFD.
 */
void html_text_escape(struct buf *out, const char *text);

/* At most max characters: of a longer text the two ends, with an ellipsis between them. max is at least 3. */
void html_text_cut(struct buf *out, const char *text, size_t max);

/* Whether it may become a link: http or https, and nothing in it that ends or hides an address. */
bool html_text_is_link(const char *url);

/* 'sha256-BASE64', as a Content-Security-Policy names a style or script (CSP 3, 2.3.1). */
void html_text_csp(struct buf *out, const char *p, size_t n);

/* "12,345" */
void html_text_count(struct buf *out, uint64_t n);

#endif
