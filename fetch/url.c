#include "fetch/url.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Bytes of "scheme", or 0. */
static size_t scheme_len(const char *text)
{
	size_t n = 0;

	if (!is_alpha(*text))
		return 0;
	while (is_alpha(text[n]) || is_digit(text[n]) || text[n] == '+' || text[n] == '-' || text[n] == '.')
		n++;
	return str_starts(text + n, "://") ? n : 0;
}

bool url_has_scheme(const char *text)
{
	return scheme_len(text) > 0;
}

bool url_is(const char *url, const char *scheme)
{
	size_t n = scheme_len(url);

	return n > 0 && n == strlen(scheme) && strncasecmp(url, scheme, n) == 0;
}

static size_t without_slashes(const char *s)
{
	size_t n = strlen(s);

	while (n && s[n - 1] == '/')
		n--;
	return n;
}

const char *url_join(struct arena *a, const char *base, const char *rest)
{
	if (url_has_scheme(rest))
		return arena_strdup(a, rest);
	while (*rest == '/')
		rest++;
	return arena_printf(a, "%.*s/%s", (int)without_slashes(base), base, rest);
}

/* Where the path begins: the first of "/?#" after the authority, or the end. */
static const char *path_of(const char *url)
{
	const char *at = url + scheme_len(url) + 3;

	return at + strcspn(at, "/?#");
}

/* Resolve "." and ".." of path into out, which ends in the authority and may not shrink below it. */
static void add_pieces(struct buf *out, size_t root, const char *path)
{
	struct str rest = str_of(path), piece;

	while (str_cut(&rest, '/', &piece)) {
		if (piece.n == 0 || str_eq(piece, "."))
			continue;
		if (str_eq(piece, "..")) {
			while (out->n > root && out->p[out->n - 1] != '/')
				out->n--;
			out->n -= out->n > root;
		} else {
			buf_addc(out, '/');
			buf_add(out, piece.p, piece.n);
		}
	}
}

const char *url_resolve(struct arena *a, const char *base, const char *rel)
{
	auto_buf out = { 0 };
	const char *path;

	if (url_has_scheme(rel))
		return arena_strndup(a, rel, without_slashes(rel));
	if (!url_has_scheme(base))
		return url_join(a, base, rel);
	if (str_starts(rel, "//"))
		return arena_printf(a, "%.*s:%.*s", (int)scheme_len(base), base, (int)without_slashes(rel), rel);
	path = path_of(base);
	buf_add(&out, base, (size_t)(path - base));
	if (*rel != '/')
		add_pieces(&out, (size_t)(path - base), path);
	add_pieces(&out, (size_t)(path - base), rel);
	return arena_strndup(a, out.p, out.n);
}

/* Cut every "/t/TOKEN" off the path, which begins at from. */
static void cut_tokens(char *from)
{
	char *end = from + strcspn(from, "?#"), *at;

	while ((at = memmem(from, (size_t)(end - from), "/t/", 3))) {
		char *after = at + 3;

		while (after < end && *after != '/')
			after++;
		memmove(at, after, strlen(after) + 1);
		end -= after - at;
	}
}

const char *url_redact(struct arena *a, const char *url)
{
	size_t scheme = scheme_len(url);
	char *ret = arena_strdup(a, url), *host, *path, *at;

	if (!scheme)
		return ret;
	host = ret + scheme + 3;
	path = host + strcspn(host, "/?#");
	at = memrchr(host, '@', (size_t)(path - host));
	if (at) {
		memmove(host, at + 1, strlen(at + 1) + 1);
		path -= at + 1 - host;
	}
	if (!url_is(ret, "file"))
		cut_tokens(path);
	return ret;
}

#define PLAIN "-._~!$&'()*+,;=:@"

static bool is_plain(char c, const char *also)
{
	return is_alpha(c) || is_digit(c) || (c && strchr(also, c));
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "%21": written out already, as some channels have it. Not what would become a path of its own. */
static bool is_escape(const char *p, size_t n)
{
	int c;

	if (n < 3 || p[0] != '%' || hex_value(p[1]) < 0 || hex_value(p[2]) < 0)
		return false;
	c = hex_value(p[1]) << 4 | hex_value(p[2]);
	return c > ' ' && c != '/' && c != '\\' && c != 127;
}

static const char *encode(struct arena *a, const char *text, const char *also, bool keep_escapes)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = strlen(text);
	char *ret = arena_alloc(a, 3 * n + 1), *to = ret;

	for (; n; text++, n--) {
		unsigned char c = (unsigned char)*text;

		if (is_plain(*text, also) || (keep_escapes && is_escape(text, n))) {
			*to++ = *text;
		} else {
			*to++ = '%';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		}
	}
	return ret;
}

const char *url_told(struct arena *a, const char *text)
{
	const char *plain = url_redact(a, text), *at = strrchr(plain, '@');
	size_t n;

	if (at)
		plain = arena_printf(a, "...%s", at);
	n = strcspn(plain, "?#");
	return arena_printf(a, "%.*s%s", (int)n, plain, plain[n] ? "?..." : "");
}

const char *url_encode(struct arena *a, const char *fn)
{
	return encode(a, fn, PLAIN, true);
}

const char *url_escape(struct arena *a, const char *url)
{
	static const char never[] = "\"<>\\^`{|}";
	const char *path = scheme_len(url) ? path_of(url) : url;
	auto_buf b = { 0 };

	buf_add(&b, url, (size_t)(path - url));
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c <= ' ' || c >= 127 || strchr(never, c))
			buf_addf(&b, "%%%02X", c);
		else
			buf_addc(&b, *path);
	}
	return arena_strdup(a, buf_cstr(&b));
}

bool url_is_plain(const char *fn, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_plain(fn[i], PLAIN) && !is_escape(fn + i, n - i))
			return false;
	return true;
}

const char *url_from_path(struct arena *a, const char *path)
{
	return arena_printf(a, "file://%s", encode(a, path, "/" PLAIN, false));
}

const char *url_to_path(struct arena *a, const char *url)
{
	const char *from = url + strlen("file://");
	char *ret, *to;

	if (!url_is(url, "file"))
		return NULL;
	if (strncasecmp(from, "localhost/", 10) == 0)
		from += strlen("localhost");
	if (*from != '/')
		return NULL;
	ret = to = arena_alloc(a, strlen(from) + 1);
	for (; *from; from++) {
		int hi, lo;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		hi = hex_value(from[1]);
		lo = hi < 0 ? -1 : hex_value(from[2]);
		if (lo < 0 || hi + lo == 0)
			return NULL;
		*to++ = (char)(hi << 4 | lo);
		from += 2;
	}
	return ret;
}
