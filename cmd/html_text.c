#include "cmd/html_text.h"

#include <stdio.h>
#include <strings.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define ELLIPSIS "\xe2\x80\xa6"

/* U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069, U+FEFF, and the controls of C1. */
static bool is_unseen(const unsigned char *s, size_t n)
{
	if (n == 2)
		return (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xd8 && s[1] == 0x9c);
	if (n != 3)
		return false;
	if (s[0] == 0xe2 && s[1] == 0x80)
		return s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae);
	if (s[0] == 0xe2 && s[1] == 0x81)
		return s[2] >= 0xa6 && s[2] <= 0xa9;
	return s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf;
}

/* One character, whose bytes are counted. */
static size_t put_character(struct buf *out, const char *s)
{
	size_t n = str_utf8(s);
	unsigned char c = (unsigned char)*s;

	if (n == 0 || c == 0x7f || (c < 0x20 && c != '\n' && c != '\t') || is_unseen((const unsigned char *)s, n))
		buf_adds(out, REPLACEMENT);
	else if (c == '&')
		buf_adds(out, "&amp;");
	else if (c == '<')
		buf_adds(out, "&lt;");
	else if (c == '>')
		buf_adds(out, "&gt;");
	else if (c == '"')
		buf_adds(out, "&quot;");
	else if (c == '\'')
		buf_adds(out, "&#39;");
	else
		buf_add(out, s, n);
	return n ? n : 1;
}

static size_t step(const char *s)
{
	size_t n = str_utf8(s);

	return n ? n : 1;
}

void html_text_escape(struct buf *out, const char *text)
{
	while (*text)
		text += put_character(out, text);
}

void html_text_cut(struct buf *out, const char *text, size_t max)
{
	size_t n = 0, head = (max - 1) / 2, tail = max - 1 - head, at = 0;

	for (const char *s = text; *s; s += step(s))
		n++;
	if (n <= max) {
		html_text_escape(out, text);
		return;
	}
	for (; at < head; at++)
		text += put_character(out, text);
	buf_adds(out, ELLIPSIS);
	for (; at < n - tail; at++)
		text += step(text);
	html_text_escape(out, text);
}

bool html_text_is_link(const char *url)
{
	if (strncasecmp(url, "https://", 8) != 0 && strncasecmp(url, "http://", 7) != 0)
		return false;
	for (const unsigned char *s = (const unsigned char *)url; *s; s++)
		if (*s <= 0x20 || *s >= 0x7f || strchr("\"'<>\\`", *s))
			return false;
	return true;
}

void html_text_csp(struct buf *out, const char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct digest d = digest_bytes(p, n);
	const uint8_t *s = d.sha256;

	buf_adds(out, "'sha256-");
	for (size_t i = 0; i < 30; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16 | (uint32_t)s[i + 1] << 8 | s[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			buf_addc(out, digits[v >> shift & 63]);
	}
	/* 32 = 30 + 2: three digits and one '='. */
	buf_addc(out, digits[s[30] >> 2]);
	buf_addc(out, digits[(s[30] & 3) << 4 | s[31] >> 4]);
	buf_addc(out, digits[(s[31] & 15) << 2]);
	buf_adds(out, "='");
}

void html_text_count(struct buf *out, uint64_t n)
{
	if (n >= 1000) {
		html_text_count(out, n / 1000);
		buf_addf(out, ",%03u", (unsigned)(n % 1000));
		return;
	}
	buf_addf(out, "%u", (unsigned)n);
}
