/* Channels in specs: names, URLs, patterns of them. */
#include "conda/matchspec_impl.h"

#include <strings.h>

#include "conda/platform.h"

#define ALIAS_HOST "conda.anaconda.org"
#define DEFAULTS_HOST "repo.anaconda.com"

/* Views into a URL. The path has no slash at either end and no "t/TOKEN". */
struct place {
	struct str scheme, host, path;
};

static bool str_same(struct str a, struct str b)
{
	return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0);
}

static struct str trim_slashes(struct str s)
{
	while (s.n > 0 && s.p[0] == '/')
		s = (struct str){ s.p + 1, s.n - 1 };
	while (s.n > 0 && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

/* "t/TOKEN/rest" is rest. */
static struct str without_token(struct str path)
{
	while (path.n > 2 && path.p[0] == 't' && path.p[1] == '/') {
		struct str rest = { path.p + 2, path.n - 2 }, token;

		str_cut(&rest, '/', &token);
		path = trim_slashes((struct str){ rest.p ? rest.p : token.p + token.n, rest.n });
	}
	return path;
}

static bool place_of(const char *url, struct place *ret)
{
	const char *colon = strstr(url, "://"), *rest, *at;
	size_t host;

	if (!colon || colon == url)
		return false;
	rest = colon + 3;
	host = strcspn(rest, "/");
	at = last_of((struct str){ rest, host }, '@');
	ret->scheme = (struct str){ url, (size_t)(colon - url) };
	ret->host = at ? (struct str){ at + 1, (size_t)(rest + host - at - 1) } : (struct str){ rest, host };
	ret->path = without_token(trim_slashes(str_of(rest + host)));
	return true;
}

static bool is_file(const struct place *p)
{
	return str_eq(p->scheme, "file");
}

static const char *place_text(struct arena *a, const struct place *p)
{
	return arena_printf(a, "%.*s://%.*s%s%.*s", (int)p->scheme.n, p->scheme.p, (int)p->host.n, p->host.p,
			    p->path.n ? "/" : "", (int)p->path.n, p->path.p);
}

const char *matchspec_channel_public_url(struct arena *a, const char *url)
{
	struct place p;

	return place_of(url, &p) ? place_text(a, &p) : arena_strdup(a, url);
}

bool matchspec_channel_is_pattern(const char *channel)
{
	return strchr(channel, '*') || pattern_is_regex(channel);
}

/* Percent-encoded, as file URLs are. */
static const char *file_url(struct arena *a, const char *path)
{
	auto_buf b = { 0 };

	buf_adds(&b, "file://");
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c > ' ' && c < 127 && !strchr("#?%\"'<>[]()\\^`{|}", c))
			buf_addc(&b, *path);
		else
			buf_addf(&b, "%%%02X", c);
	}
	return arena_strndup(a, b.p, b.n);
}

/* Take known subdirs off the end. */
static struct str without_subdir(struct arena *a, struct str s, const char **subdir)
{
	for (;;) {
		const char *slash = last_of(s, '/'), *last;

		if (!slash || slash == s.p)
			return s;
		last = arena_strndup(a, slash + 1, (size_t)(s.p + s.n - slash - 1));
		if (!platform_is_subdir(last))
			return s;
		*subdir = last;
		s = trim_slashes((struct str){ s.p, (size_t)(slash - s.p) });
	}
}

static const char *parse_url(struct arena *a, struct place *p, const char **subdir)
{
	/* The path may be a subdir and nothing else. */
	if (p->path.n && platform_is_subdir(arena_strndup(a, p->path.p, p->path.n))) {
		*subdir = arena_strndup(a, p->path.p, p->path.n);
		p->path.n = 0;
	}
	p->path = without_subdir(a, p->path, subdir);
	if (str_eq(p->host, ALIAS_HOST) && p->path.n && *p->path.p != '.' && !memchr(p->path.p, ':', p->path.n))
		return arena_strndup(a, p->path.p, p->path.n);
	return place_text(a, p);
}

const char *matchspec_channel_parse(struct arena *a, const char *text, const char **subdir, struct err *err)
{
	bool pattern = matchspec_channel_is_pattern(text);
	struct place p;
	struct str s;

	if (strpbrk(text, "'\"# ") || (!pattern && strpbrk(text, "[]()"))) {
		err_set(err, ERR_FORMAT, "channel '%.200s' has a character that channels do not have", text);
		return NULL;
	}
	if (pattern_is_regex(text))
		return arena_strdup(a, text);
	if (*text == '/')
		text = file_url(a, text);
	if (place_of(text, &p))
		return pattern ? place_text(a, &p) : parse_url(a, &p, subdir);
	s = without_subdir(a, trim_slashes(str_of(text)), subdir);
	if (!s.n) {
		err_set(err, ERR_FORMAT, "empty channel");
		return NULL;
	}
	return arena_strndup(a, s.p, s.n);
}

static struct str last_component(struct str path)
{
	const char *slash = last_of(path, '/');

	return slash ? (struct str){ slash + 1, (size_t)(path.p + path.n - slash - 1) } : path;
}

/* conda moves a leading "conda" of other hosts' paths to the location. */
static struct str short_name(const struct place *p)
{
	if (is_file(p))
		return last_component(p->path);
	if (p->path.n > 6 && memcmp(p->path.p, "conda/", 6) == 0 && !str_eq(p->host, ALIAS_HOST))
		return (struct str){ p->path.p + 6, p->path.n - 6 };
	return p->path;
}

static bool in_defaults(const struct place *p)
{
	return str_eq(p->host, DEFAULTS_HOST) &&
	       (str_eq(p->path, "pkgs/main") || str_eq(p->path, "pkgs/r") || str_eq(p->path, "pkgs/msys2"));
}

static bool pattern_channel(const char *c, const char *url, const struct place *p)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const struct pattern *pattern;
	struct str name = short_name(p);

	if (strcmp(c, "*") == 0)
		return true;
	pattern = pattern_parse(&a, c, 0, &err);
	return pattern && (pattern_match(pattern, arena_strndup(&a, name.p, name.n)) || pattern_match(pattern, url) ||
			   (in_defaults(p) && pattern_match(pattern, "defaults")));
}

static bool url_channel(const struct place *want, const struct place *p)
{
	return is_file(want) == is_file(p) && want->host.n == p->host.n &&
	       strncasecmp(want->host.p, p->host.p, p->host.n) == 0 && str_same(want->path, p->path);
}

bool matchspec_channel_match(const char *c, const char *channel_url)
{
	struct place want, p;
	struct str name;

	if (!place_of(channel_url, &p))
		/* Virtual packages have no channel. */
		return strcmp(c, "*") == 0 || (*c && strcmp(c, channel_url) == 0);
	if (matchspec_channel_is_pattern(c))
		return pattern_channel(c, channel_url, &p);
	if (place_of(c, &want))
		return url_channel(&want, &p);
	name = trim_slashes(str_of(c));
	return name.n && (str_same(name, short_name(&p)) || str_same(name, p.path) ||
			  (str_eq(name, "defaults") && in_defaults(&p)));
}
