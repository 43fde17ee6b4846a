#include "channels/channel.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "conda/platform.h"
#include "fetch/url.h"

#define CHANNEL_TEXT_MAX 2000

/* Take "/linux-64" off the end of url, after its first min bytes. */
static const char *cut_subdir(char *url, size_t min)
{
	char *slash = strrchr(url, '/');

	if (!slash || (size_t)(slash - url) < min || !platform_is_subdir(slash + 1))
		return NULL;
	*slash = '\0';
	return slash + 1;
}

static void cut_slashes(char *url, size_t min)
{
	size_t n = strlen(url);

	while (n > min && url[n - 1] == '/')
		url[--n] = '\0';
}

/* Bytes of "scheme://host:port". */
static size_t root_len(const char *url)
{
	const char *host = strstr(url, "://") + 3;

	return (size_t)(host - url) + strcspn(host, "/");
}

static void append(const struct channel *c, struct channel **list, size_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		const struct channel *o = &(*list)[i];

		if (strcmp(o->canonical, c->canonical) == 0 && !o->subdir == !c->subdir &&
		    (!c->subdir || strcmp(o->subdir, c->subdir) == 0))
			return;
	}
	mem_grow(*list, *n);
	(*list)[(*n)++] = *c;
}

/* url is in a and ours to change. */
static void append_url(struct arena *a, const char *given, char *url, struct channel **list, size_t *n)
{
	struct channel c = { .given = url_redact(a, given), .url = url };
	size_t root = root_len(url);

	cut_slashes(url, root);
	c.subdir = cut_subdir(url, root);
	cut_slashes(url, root);
	c.canonical = url_redact(a, url);
	append(&c, list, n);
}

/* ---- the four ways to write one ---- */

static int resolve_url(struct arena *a, const char *text, struct channel **list, size_t *n, struct err *err)
{
	const char *path;

	if (url_is(text, "file")) {
		path = url_to_path(a, text);
		if (!path)
			return err_set(err, ERR_USAGE,
				       "channel '%s' is no file of this machine; write file:///path/to/channel",
				       url_redact(a, text));
		append_url(a, text, (char *)url_from_path(a, path), list, n);
		return 0;
	}
	if (!url_is(text, "http") && !url_is(text, "https"))
		return err_set(err, ERR_USAGE,
			       "channel '%s' cannot be read; use http, https, file, a path, or a name like %s",
			       url_redact(a, text), CHANNEL_DEFAULT);
	if (strpbrk(text, "?#"))
		return err_set(err, ERR_USAGE, "channel '%s' has '?' or '#' in its URL, which a channel cannot",
			       url_redact(a, text));
	if (root_len(text) <= (size_t)(strstr(text, "://") + 3 - text))
		return err_set(err, ERR_USAGE, "channel '%s' has no host in its URL", text);
	append_url(a, text, arena_strdup(a, text), list, n);
	return 0;
}

/* An absolute path without ".", ".." and doubled slashes, as the text says: links are not followed. */
static const char *clean_path(struct arena *a, const char *path)
{
	char *ret = arena_alloc(a, strlen(path) + 2), *end = ret;
	struct str rest = str_of(path), piece;

	while (str_cut(&rest, '/', &piece)) {
		if (piece.n == 0 || str_eq(piece, "."))
			continue;
		if (str_eq(piece, "..")) {
			while (end > ret && *--end != '/')
				;
			continue;
		}
		*end++ = '/';
		memcpy(end, piece.p, piece.n);
		end += piece.n;
	}
	*end = '\0';
	return end == ret ? "/" : ret;
}

static int resolve_path(struct arena *a, const char *text, const char *base_dir, struct channel **list, size_t *n,
			struct err *err)
{
	auto_free char *dir = NULL;

	if (*text != '/') {
		dir = realpath(base_dir, NULL);
		if (!dir)
			return err_sys(err, "cannot find %s, which channel '%s' is relative to", base_dir, text);
		text = arena_printf(a, "%s/%s", dir, text);
	}
	text = clean_path(a, text);
	append_url(a, text, (char *)url_from_path(a, text), list, n);
	return 0;
}

static const char *name_fault(const char *text)
{
	if (strcmp(text, "nodefaults") == 0)
		return "is no channel: in a list of channels it says that no others are to be added";
	if (strcmp(text, "local") == 0)
		return "means what conda-build made on this machine; name its directory instead";
	if (*text == '~' || *text == '$')
		return "has to be written out: '~' and variables are not replaced";
	if (*text == '\0')
		return "is empty";
	if (text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./+")])
		return "has a character that no channel name has; use a name like " CHANNEL_DEFAULT
		       ", a URL, or ./path";
	if (strstr(text, "//") || strstr(text, "/.") || text[strlen(text) - 1] == '.' || *text == '-')
		return "is no channel name; use a name like " CHANNEL_DEFAULT ", a URL, or ./path";
	return NULL;
}

static int resolve_name(struct arena *a, const char *text, struct channel **list, size_t *n, struct err *err)
{
	static const char *const defaults[] = { "pkgs/main", "pkgs/r" };
	const char *fault = name_fault(text);

	if (fault)
		return err_set(err, ERR_USAGE, "channel '%s' %s", text, fault);
	if (strcmp(text, "defaults") == 0) {
		for (size_t i = 0; i < COUNT(defaults); i++)
			append_url(a, text, arena_printf(a, "%s/%s", CHANNEL_ANACONDA, defaults[i]), list, n);
		return 0;
	}
	append_url(a, text,
		   arena_printf(a, "%s/%s", str_starts(text, "pkgs/") ? CHANNEL_ANACONDA : CHANNEL_ALIAS, text), list,
		   n);
	return 0;
}

/* As conda has it: up to two dots and a slash. */
static bool is_path(const char *text)
{
	size_t dots = strspn(text, ".");

	return dots <= 2 && (text[dots] == '/' || (dots > 0 && text[dots] == '\0'));
}

int channel_resolve(struct arena *a, const char *text, const char *base_dir, struct channel **list, size_t *n,
		    struct err *err)
{
	if (strlen(text) > CHANNEL_TEXT_MAX)
		return err_set(err, ERR_USAGE, "a channel of %zu characters is too long", strlen(text));
	if (url_has_scheme(text))
		return resolve_url(a, text, list, n, err);
	if (is_path(text))
		return resolve_path(a, text, base_dir, list, n, err);
	return resolve_name(a, text, list, n, err);
}

const char *channel_fetch_url(struct arena *a, const struct channel *list, size_t n, const char *url)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list[i].canonical);

		if (strncmp(url, list[i].canonical, len) == 0 && url[len] == '/')
			return arena_printf(a, "%s%s", list[i].url, url + len);
	}
	return arena_strdup(a, url);
}
