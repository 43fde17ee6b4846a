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

/* What is being resolved: the words, what they mean, and the list it goes to. */
struct resolver {
	struct arena *a;
	const struct channel_names *names;
	const char *given;
	const char *base_dir;
	struct channel **list;
	size_t *n;
	struct err *err;
};

static const char *alias_of(const struct channel_names *names)
{
	return names->alias ? names->alias : CHANNEL_ALIAS;
}

/* What stands behind front in url: "" or "/rest"; NULL where url is not below front. */
static const char *behind(const char *url, const char *front)
{
	size_t n = strlen(front);

	while (n && front[n - 1] == '/')
		n--;
	if (strncmp(url, front, n) != 0 || (url[n] != '/' && url[n] != '\0'))
		return NULL;
	return url + n;
}

/* The URL of a name by custom_channels, the lists behind names, and the alias. */
static const char *url_of_name(struct arena *a, const struct channel_names *names, const char *name);

/* ---- the list ---- */

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

/* "t/TOKEN/name" is a way to write one below the alias. */
static const char *tell(struct arena *a, const char *given)
{
	const char *rest = str_starts(given, "t/") ? strchr(given + 2, '/') : NULL;

	return rest ? arena_strdup(a, rest + 1) : url_redact(a, given);
}

/* text is copied; subdir, if it is not NULL, is what the name said. */
static void append_url(const struct resolver *r, const char *text, const char *subdir)
{
	char *url = arena_strdup(r->a, text);
	struct channel c = { .given = tell(r->a, r->given), .url = url };
	size_t root = root_len(url);

	cut_slashes(url, root);
	c.subdir = cut_subdir(url, root);
	c.subdir = subdir ? subdir : c.subdir;
	cut_slashes(url, root);
	c.canonical = url_redact(r->a, url);
	append(&c, r->list, r->n);
}

/* ---- URLs and paths ---- */

/* What a URL of before means now. */
static const char *follow_moves(const struct resolver *r, const char *url)
{
	const char *plain = url_redact(r->a, url), *rest;

	for (size_t i = 0; i < r->names->n_moved; i++) {
		const struct channel_place *m = &r->names->moved[i];

		rest = behind(plain, url_redact(r->a, url_join(r->a, m->url, m->name)));
		if (rest)
			return url_of_name(r->a, r->names, arena_printf(r->a, "%s%s", m->name, rest));
	}
	for (size_t i = 0; r->names->old_aliases && r->names->old_aliases[i]; i++) {
		rest = behind(plain, url_redact(r->a, r->names->old_aliases[i]));
		if (rest && *rest)
			return url_join(r->a, alias_of(r->names), rest);
	}
	return url;
}

static int resolve_url(const struct resolver *r, const char *text)
{
	const char *path, *told = url_told(r->a, text);

	if (url_is(text, "file")) {
		path = url_to_path(r->a, text);
		if (!path)
			return err_set(r->err, ERR_USAGE,
				       "channel '%s' is no file of this machine; write file:///path/to/channel", told);
		append_url(r, url_from_path(r->a, path), NULL);
		return 0;
	}
	if (!url_is(text, "http") && !url_is(text, "https") && !url_is(text, "oci"))
		return err_set(r->err, ERR_USAGE,
			       "channel '%s' cannot be read; use http, https, oci, file, a path, or a name like %s",
			       told, CHANNEL_DEFAULT);
	if (strpbrk(text, "?#"))
		return err_set(r->err, ERR_USAGE, "channel '%s' has '?' or '#' in its URL, which a channel cannot",
			       told);
	if (root_len(text) <= (size_t)(strstr(text, "://") + 3 - text))
		return err_set(r->err, ERR_USAGE, "channel '%s' has no host in its URL", told);
	append_url(r, follow_moves(r, url_escape(r->a, text)), NULL);
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

static int resolve_path(const struct resolver *r, const char *text)
{
	auto_free char *dir = NULL;

	if (*text != '/') {
		dir = realpath(r->base_dir, NULL);
		if (!dir)
			return err_sys(r->err, "cannot find %s, which channel '%s' is relative to", r->base_dir, text);
		text = arena_printf(r->a, "%s/%s", dir, text);
	}
	append_url(r, url_from_path(r->a, clean_path(r->a, text)), NULL);
	return 0;
}

static const char *name_fault(const char *text)
{
	if (strcmp(text, "nodefaults") == 0)
		return "is no channel: in a list of channels it says that no others are to be added";
	if (strcmp(text, "local") == 0)
		return "means what conda-build made on this machine; name its directory instead";
	if (*text == '~')
		return "has to be written out: '~' alone stands for a home that is known";
	if (*text == '$')
		return "is a variable that is not set";
	if (*text == '\0')
		return "is empty";
	if (text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./+")])
		return "has a character that no channel name has; use a name like " CHANNEL_DEFAULT
		       ", a URL, or ./path";
	if (strstr(text, "//") || strstr(text, "/.") || text[strlen(text) - 1] == '.' || *text == '-')
		return "is no channel name; use a name like " CHANNEL_DEFAULT ", a URL, or ./path";
	return NULL;
}

/* ---- names ---- */

/* "a" of "a" and of "a/b": what stands behind it, or NULL. */
static const char *behind_name(const char *name, const char *front)
{
	auto_arena a = { 0 };
	struct str f = str_of(front);

	while (f.n && *f.p == '/')
		f.p++, f.n--;
	while (f.n && f.p[f.n - 1] == '/')
		f.n--;
	return f.n ? behind(name, arena_strndup(&a, f.p, f.n)) : NULL;
}

/* A member of a list behind one name: a URL, or a name below the alias, whatever custom_channels say of it. */
static const char *member_url(struct arena *a, const struct channel_names *names, const char *text)
{
	return url_has_scheme(text) ? text : url_join(a, alias_of(names), text);
}

/* What conda calls a URL: what is behind the alias, or else behind the host. */
static const char *member_name(struct arena *a, const struct channel_names *names, const char *text)
{
	const char *url = url_redact(a, member_url(a, names, text));
	const char *rest = behind(url, url_redact(a, alias_of(names)));

	rest = rest ? rest : url + root_len(url);
	return rest + (*rest == '/');
}

static const char *const built_in_defaults[] = { CHANNEL_ANACONDA "/pkgs/main", CHANNEL_ANACONDA "/pkgs/r", NULL };

static const char *const *defaults_of(const struct channel_names *names)
{
	for (size_t i = 0; i < names->n_multi; i++)
		if (strcmp(names->multi[i].name, "defaults") == 0)
			return names->multi[i].members;
	return names->defaults ? names->defaults : built_in_defaults;
}

/* The longest front wins; of equals custom_channels, then the lists in their order. */
struct best {
	const char *rest, *url;
};

static void consider(struct best *b, const char *rest, const char *url)
{
	if (rest && (!b->rest || strlen(rest) < strlen(b->rest)))
		*b = (struct best){ rest, url };
}

static void consider_members(struct arena *a, const struct channel_names *names, const char *const *members,
			     const char *name, struct best *b)
{
	for (; *members; members++)
		consider(b, behind_name(name, member_name(a, names, *members)), member_url(a, names, *members));
}

static const char *url_of_name(struct arena *a, const struct channel_names *names, const char *name)
{
	struct best b = { 0 };

	for (size_t i = 0; i < names->n_custom; i++)
		consider(&b, behind_name(name, names->custom[i].name),
			 url_join(a, names->custom[i].url, names->custom[i].name));
	for (size_t i = 0; i < names->n_multi; i++)
		consider_members(a, names, names->multi[i].members, name, &b);
	consider_members(a, names, defaults_of(names), name, &b);
	if (b.rest)
		return *b.rest ? url_join(a, b.url, b.rest) : b.url;
	/* conda's own table has pkgs/pro; the rest of that company's shelf is where its neighbours are */
	if (str_starts(name, "pkgs/") && !names->alias && defaults_of(names) == built_in_defaults)
		return url_join(a, CHANNEL_ANACONDA, name);
	return url_join(a, alias_of(names), name);
}

static const char *const *members_of(const struct channel_names *names, const char *name)
{
	for (size_t i = 0; i < names->n_multi; i++)
		if (strcmp(names->multi[i].name, name) == 0)
			return names->multi[i].members;
	return strcmp(name, "defaults") == 0 ? defaults_of(names) : NULL;
}

static int resolve_name(const struct resolver *r, const char *text)
{
	const char *const *members;
	const char *fault, *subdir;
	char *name = arena_strdup(r->a, text);

	cut_slashes(name, 0);
	subdir = cut_subdir(name, 1);
	members = members_of(r->names, name);
	if (members) {
		for (; *members; members++)
			append_url(r, member_url(r->a, r->names, *members), subdir);
		return 0;
	}
	fault = name_fault(text);
	if (fault)
		return err_set(r->err, ERR_USAGE, "channel '%s' %s", tell(r->a, text), fault);
	append_url(r, url_of_name(r->a, r->names, name), subdir);
	return 0;
}

/* As conda has it: up to two dots and a slash. */
static bool is_path(const char *text)
{
	size_t dots = strspn(text, ".");

	return dots <= 2 && (text[dots] == '/' || (dots > 0 && text[dots] == '\0'));
}

int channel_resolve_as(struct arena *a, const struct channel_names *names, const char *text, const char *base_dir,
		       struct channel **list, size_t *n, struct err *err)
{
	static const struct channel_names plain;
	struct resolver r = { a, names ? names : &plain, text, base_dir, list, n, err };

	if (strlen(text) > CHANNEL_TEXT_MAX)
		return err_set(err, ERR_USAGE, "a channel of %zu characters is too long", strlen(text));
	if (url_has_scheme(text))
		return resolve_url(&r, text);
	if (r.names->home && str_starts(text, "~/"))
		return resolve_path(&r, arena_printf(a, "%s%s", r.names->home, text + 1));
	if (is_path(text))
		return resolve_path(&r, text);
	return resolve_name(&r, text);
}

/* ---- fetching ---- */

const char *channel_fetch_url(struct arena *a, const struct channel *list, size_t n, const char *url)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list[i].canonical);

		if (strncmp(url, list[i].canonical, len) == 0 && url[len] == '/')
			return arena_printf(a, "%s%s", list[i].url, url + len);
	}
	return arena_strdup(a, url);
}

const char *channel_base(struct arena *a, const struct channel_names *names, const char *text)
{
	auto_free struct channel *list = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	return channel_resolve_as(a, names, text, "/", &list, &n, &err) == 0 && n ? list[0].canonical : NULL;
}

bool channel_is_licensed(const struct channel *c)
{
	static const char *const fronts[] = { CHANNEL_ANACONDA, CHANNEL_ALIAS "/anaconda", CHANNEL_ALIAS "/main",
					      CHANNEL_ALIAS "/r" };

	for (size_t i = 0; i < COUNT(fronts); i++)
		if (behind(c->canonical, fronts[i]))
			return true;
	return false;
}
