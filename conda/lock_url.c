#include "conda/lock_url.h"

#include <string.h>

#include "base/digest.h"
#include "base/str.h"
#include "conda/platform.h"

#define URL_BYTES_MAX 4000
#define NAME_BYTES_MAX 255

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* Bytes of "/t/TOKEN" at s, or 0. Anaconda's servers and Quetz take it; conda looks for it anywhere in the path. */
static size_t token_length(const char *s)
{
	size_t n;

	if (!str_starts(s, "/t/"))
		return 0;
	n = 3 + strcspn(s + 3, "/");
	return s[n] ? n : 0;
}

/* All of them: what is left when one is cut out may be the next. */
static const char *without_tokens(struct arena *a, const char *path)
{
	for (const char *at = path; *at;) {
		size_t n = token_length(at);

		if (!n) {
			at++;
			continue;
		}
		path = arena_printf(a, "%.*s%s", (int)(at - path), path, at + n);
		at = path;
	}
	return path;
}

const char *lock_url_clean(struct arena *a, const char *url, const char **ret)
{
	const char *host, *path, *at;
	size_t scheme;

	if (strlen(url) > URL_BYTES_MAX)
		return "is longer than 4000 bytes";
	if (has_control(url))
		return "has a control character";
	if (url[0] == '/' || str_starts(url, "file://")) {
		*ret = arena_strdup(a, url);
		return NULL;
	}
	scheme = str_starts(url, "https://") ? 8 : str_starts(url, "http://") ? 7 : str_starts(url, "oci://") ? 6 : 0;
	if (!scheme)
		return "is neither http(s)://, oci://, file:// nor an absolute path";
	if (strpbrk(url, " ?#\\"))
		return "has a space, '?', '#' or '\\'";
	host = url + scheme;
	path = host + strcspn(host, "/");
	at = memrchr(host, '@', (size_t)(path - host));
	if (at)
		host = at + 1;
	if (host == path)
		return "has no host";
	*ret = arena_printf(a, "%.*s%.*s%s", (int)scheme, url, (int)(path - host), host, without_tokens(a, path));
	return NULL;
}

/* "%2B" as '+'. False where a % is followed by no two digits or gives a NUL. */
static bool decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		uint8_t byte = (uint8_t)*s;

		if (*s == '%') {
			if (!s[1] || !s[2] || !digest_hex_parse((char[]){ s[1], s[2], '\0' }, &byte, 1) || !byte)
				return false;
			s += 2;
		}
		*to++ = (char)byte;
	}
	*to = '\0';
	return true;
}

bool lock_url_split(struct arena *a, const char *url, struct lock_place *ret)
{
	const char *slash = strrchr(url, '/'), *before;
	char *fn, *subdir;

	if (!slash || slash == url || !slash[1])
		return false;
	fn = arena_strdup(a, slash + 1);
	if ((url[0] != '/' && !decode(fn)) || strchr(fn, '/') || has_control(fn) || strlen(fn) > NAME_BYTES_MAX)
		return false;
	before = memrchr(url, '/', (size_t)(slash - url));
	subdir = before ? arena_strndup(a, before + 1, (size_t)(slash - before - 1)) : NULL;
	if (!subdir || !platform_is_subdir(subdir)) {
		before = slash;
		subdir = arena_strdup(a, "");
	}
	*ret = (struct lock_place){ arena_strndup(a, url, (size_t)(before - url)), subdir, fn };
	return true;
}

/* Drop the last part of a path in b: what ".." stands for. */
static void go_up(struct buf *b)
{
	while (b->n && b->p[--b->n] != '/')
		;
}

static void add_parts(struct buf *b, const char *path)
{
	struct str rest = str_of(path), part;

	while (str_cut(&rest, '/', &part)) {
		if (str_eq(part, ".."))
			go_up(b);
		else if (part.n && !str_eq(part, "."))
			buf_addc(b, '/'), buf_add(b, part.p, part.n);
	}
}

const char *lock_url_of_path(struct arena *a, const char *base, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-._~+!@=,";
	auto_buf clean = { 0 }, url = { 0 };

	if (*path != '/')
		add_parts(&clean, base);
	add_parts(&clean, path);
	buf_adds(&url, "file://");
	for (size_t i = 0; i < clean.n; i++) {
		if (strchr(plain, clean.p[i]))
			buf_addc(&url, clean.p[i]);
		else
			buf_addf(&url, "%%%02X", (unsigned)(unsigned char)clean.p[i]);
	}
	return arena_strdup(a, buf_cstr(&url));
}

const char *lock_url_record(struct arena *a, const char *url, struct record *ret)
{
	const char *fault = lock_url_clean(a, url, &ret->url);
	struct lock_place place;

	if (fault)
		return fault;
	if (!lock_url_split(a, ret->url, &place) ||
	    !record_split_fn(a, place.fn, &ret->name, &ret->version, &ret->build))
		return "does not end in a package's file name (NAME-VERSION-BUILD.conda or .tar.bz2)";
	ret->channel = place.channel;
	ret->subdir = place.subdir;
	ret->fn = place.fn;
	return NULL;
}
