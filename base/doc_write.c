#include "base/doc.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (strcasecmp(s, *words) == 0)
			return true;
	return false;
}

/* Whether some YAML reader, 1.1 or 1.2, takes these words for no string. Better one too many in quotes than too few. */
static bool means_more(const char *s)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no",  "on",
					     "off",  "y",    "n",     "nan", "inf", NULL };
	static const char others[] = "eExXoObB_";

	if (!is_digit(s[0]))
		return is_one_of(s, words);
	if (s[0] == '0' && s[1] && strchr("xXoObB", s[1]))
		return true;
	for (; *s; s++)
		if (is_letter(*s) && !strchr(others, *s))
			return false;
	return true;
}

static bool is_plain(const char *s)
{
	static const char inner[] = "_./+@%=<>~-()^$";
	bool relative = str_starts(s, "./") || str_starts(s, "../");

	if (!is_letter(s[0]) && !is_digit(s[0]) && s[0] != '_' && s[0] != '/' && !relative)
		return false;
	for (const char *p = s; *p; p++) {
		if (is_letter(*p) || is_digit(*p) || strchr(inner, *p))
			continue;
		if (*p != ':' || !p[1])
			return false;
	}
	return !means_more(s);
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			return false;
	return true;
}

/* The character at *s, which moves on; U+FFFD for a byte that begins none. */
static uint32_t next_char(const unsigned char **s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = *s;
	unsigned n = p[0] < 0x80	     ? 1
		     : (p[0] & 0xe0) == 0xc0 ? 2
		     : (p[0] & 0xf0) == 0xe0 ? 3
		     : (p[0] & 0xf8) == 0xf0 ? 4
					     : 0;
	uint32_t c = n == 1 ? p[0] : p[0] & (0xff >> (n + 1));

	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			n = 0;
			break;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	if (n == 0 || c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
		*s += 1;
		return 0xfffd;
	}
	*s += n;
	return c;
}

static void escaped(struct buf *ret, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	buf_addc(ret, '"');
	while (*s) {
		uint32_t c = next_char(&s);

		if (c == '"' || c == '\\')
			buf_addf(ret, "\\%c", (char)c);
		else if (c == '\n')
			buf_adds(ret, "\\n");
		else if (c == '\t')
			buf_adds(ret, "\\t");
		else if (c >= 0x20 && c < 0x7f)
			buf_addc(ret, (char)c);
		else
			buf_addf(ret, c < 0x100 ? "\\x%02X" : c < 0x10000 ? "\\u%04X" : "\\U%08X", c);
	}
	buf_addc(ret, '"');
}

void doc_write_yaml(struct buf *ret, const char *s)
{
	if (is_plain(s)) {
		buf_adds(ret, s);
		return;
	}
	if (!is_printable(s)) {
		escaped(ret, s);
		return;
	}
	buf_addc(ret, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_addc(ret, '\'');
		buf_addc(ret, *s);
	}
	buf_addc(ret, '\'');
}
