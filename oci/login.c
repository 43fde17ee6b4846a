#include "oci/login.h"

#include <errno.h>

#include "base/doc.h"
#include "base/fs.h"
#include "base/log.h"

#define FILE_MAX ((uint64_t)1 << 20)
#define HUB_KEY "https://index.docker.io/v1/"

/* ---- base64 ---- */

static int sextet(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* NULL where text is none; a NUL in the result ends it. */
static char *from_base64(struct arena *a, const char *text)
{
	size_t n = strlen(text), out = 0;
	char *ret = arena_alloc(a, n + 1);
	unsigned bits = 0, have = 0;

	while (n && (text[n - 1] == '=' || text[n - 1] == '\n'))
		n--;
	for (size_t i = 0; i < n; i++) {
		int v = sextet(text[i]);

		if (v < 0)
			return NULL;
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			ret[out++] = (char)(bits >> have & 255);
		}
	}
	ret[out] = '\0';
	return ret;
}

const char *login_basic(struct arena *a, const char *user, const char *password)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *text = arena_printf(a, "%s:%s", user, password);
	size_t n = strlen(text);
	auto_buf out = { 0 };

	buf_adds(&out, "Basic ");
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)(unsigned char)text[i] << 16;

		v |= i + 1 < n ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned)(unsigned char)text[i + 2] : 0;
		buf_addc(&out, digits[v >> 18 & 63]);
		buf_addc(&out, digits[v >> 12 & 63]);
		buf_addc(&out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		buf_addc(&out, i + 2 < n ? digits[v & 63] : '=');
	}
	return arena_strdup(a, buf_cstr(&out));
}

/* ---- keys ---- */

static bool is_hub(const char *host)
{
	return strcmp(host, REF_HUB) == 0;
}

static bool is_one_of_hub(struct str host)
{
	return str_eq(host, "docker.io") || str_eq(host, "index.docker.io") || str_eq(host, "registry-1.docker.io");
}

/* How much of host/repo a key covers, in bytes: "https://host/v1/", "host", "host/team". 0: it is of somebody else. */
static size_t covers(const char *key, const char *host, const char *repo)
{
	struct str rest, name;

	if (str_starts(key, "https://"))
		key += strlen("https://");
	else if (str_starts(key, "http://"))
		key += strlen("http://");
	rest = str_of(key);
	str_cut(&rest, '/', &name);
	if (!str_eq(name, host) && !(is_hub(host) && is_one_of_hub(name)))
		return 0;
	while (rest.p && rest.n && rest.p[rest.n - 1] == '/')
		rest.n--;
	if (!rest.p || !rest.n || str_eq(rest, "v1") || str_eq(rest, "v2"))
		return 1;
	if (strncmp(repo, rest.p, rest.n) != 0 || (repo[rest.n] != '\0' && repo[rest.n] != '/'))
		return 0;
	return 1 + rest.n;
}

/* The value in a map of keys that covers most; the first of equals. */
static const struct doc *best(const struct doc *map, const char *host, const char *repo, const char **key)
{
	const struct doc *ret = NULL;
	size_t most = 0;

	for (size_t i = 0; map && map->type == DOC_MAP && i < map->n; i++) {
		size_t n = covers(map->keys[i].text, host, repo);

		if (n > most) {
			most = n;
			ret = &map->items[i];
			*key = map->keys[i].text;
		}
	}
	return ret;
}

/* ---- a file ---- */

static int read_entry(struct arena *a, const struct doc *d, const char *key, struct login *ret, struct err *err)
{
	const char *auth, *colon;
	char *plain;

	if (d->type != DOC_MAP || doc_get_string(d, "auth", NULL, &auth, err) < 0 ||
	    doc_get_string(d, "identitytoken", NULL, &ret->identity_token, err) < 0 ||
	    doc_get_string(d, "registrytoken", NULL, &ret->token, err) < 0 ||
	    doc_get_string(d, "username", NULL, &ret->user, err) < 0 ||
	    doc_get_string(d, "password", NULL, &ret->password, err) < 0) {
		err_clear(err);
		return err_set(err, ERR_FORMAT, "the entry of '%.200s' is not one of texts", key);
	}
	if (auth && *auth) {
		plain = from_base64(a, auth);
		colon = plain ? strchr(plain, ':') : NULL;
		if (!colon)
			return err_set(err, ERR_FORMAT,
				       "the entry of '%.200s' has no USER:PASSWORD in base64 as 'auth'", key);
		ret->user = arena_strndup(a, plain, (size_t)(colon - plain));
		ret->password = colon + 1;
	}
	if (ret->user && !ret->password)
		ret->user = NULL;
	if (ret->identity_token && !*ret->identity_token)
		ret->identity_token = NULL;
	ret->found = (ret->user && *ret->user) || ret->identity_token || (ret->token && *ret->token);
	return 0;
}

static int ask_helper(struct arena *a, const char *helper, const char *host, const char *key, struct login *ret,
		      struct err *err)
{
	const char *server = key ? key : is_hub(host) ? HUB_KEY : host;

	return login_helper(a, helper, server, ret, err) < 0 ? -1 : 0;
}

static int find_in_doc(struct arena *a, const struct doc *d, const char *host, const char *repo, struct login *ret,
		       struct err *err)
{
	const struct doc *auths = doc_find(d, "auths");
	const char *key = NULL, *store;
	const struct doc *found = best(doc_find(d, "credHelpers"), host, repo, &key);

	if (doc_get_string(d, "credsStore", NULL, &store, err) < 0)
		return -1;
	if (found && found->type == DOC_STRING && *found->text && ask_helper(a, found->text, host, key, ret, err) < 0)
		return -1;
	if (!ret->found && store && *store && ask_helper(a, store, host, NULL, ret, err) < 0)
		return -1;
	if (ret->found)
		return 0;
	/* ~/.dockercfg is that map itself. */
	found = best(auths ? auths : d, host, repo, &key);
	return found && (auths || found->type == DOC_MAP) ? read_entry(a, found, key, ret, err) : 0;
}

int login_find_in(struct arena *a, const char *text, size_t n, const char *name, const char *host, const char *repo,
		  struct login *ret, struct err *err)
{
	const struct doc *d = doc_parse_json(a, text, n, name, err);
	struct login found = { .from = name };

	if (!d) {
		err_clear(err);
		return err_set(err, ERR_FORMAT, "%s: is no JSON", name);
	}
	if (d->type != DOC_MAP)
		return err_set(err, ERR_FORMAT, "%s: is a %s, expected an object", name, doc_type_name(d->type));
	if (find_in_doc(a, d, host, repo, &found, err) < 0)
		return err_at(err, "%s", name);
	if (found.found)
		*ret = found;
	return 0;
}

/* ---- which files ---- */

#define PLACES_MAX 5

static const char *set(const char *variable)
{
	const char *v = getenv(variable);

	return v && *v ? v : NULL;
}

static size_t list_places(struct arena *a, const char **ret)
{
	const char *home = set("HOME"), *at = set("REGISTRY_AUTH_FILE");
	size_t n = 0;

	if (at) {
		ret[n++] = at;
		return n;
	}
	if ((at = set("XDG_RUNTIME_DIR")))
		ret[n++] = arena_printf(a, "%s/containers/auth.json", at);
	if ((at = set("XDG_CONFIG_HOME")))
		ret[n++] = arena_printf(a, "%s/containers/auth.json", at);
	else if (home)
		ret[n++] = arena_printf(a, "%s/.config/containers/auth.json", home);
	if ((at = set("DOCKER_CONFIG")))
		ret[n++] = arena_printf(a, "%s/config.json", at);
	else if (home)
		ret[n++] = arena_printf(a, "%s/.docker/config.json", home);
	if (home)
		ret[n++] = arena_printf(a, "%s/.dockercfg", home);
	return n;
}

const char *const *login_places(struct arena *a)
{
	const char *places[PLACES_MAX];

	return arena_strlist(a, places, list_places(a, places));
}

static bool is_missing(const struct err *err)
{
	return err->sys == ENOENT || err->sys == ENOTDIR;
}

int login_find(struct arena *a, const char *host, const char *repo, struct login *ret, struct err *err)
{
	const char *places[PLACES_MAX];
	size_t n = list_places(a, places);
	struct login found = { 0 };
	auto_buf names = { 0 };

	for (size_t i = 0; i < n && !found.found; i++) {
		auto_buf text = { 0 };
		struct err none = ERR_INIT;

		buf_addf(&names, "%s%s", i ? ", " : "", places[i]);
		if (fs_read(AT_FDCWD, places[i], FILE_MAX, &text, &none) < 0) {
			if (is_missing(&none))
				continue;
			*err = none;
			return -1;
		}
		/* An empty file is what "podman logout" of old, and many a CI job, leave behind. */
		if (str_trim((struct str){ buf_cstr(&text), text.n }).n == 0)
			continue;
		if (login_find_in(a, buf_cstr(&text), text.n, places[i], host, repo, &found, err) < 0)
			return -1;
	}
	if (!found.found)
		found.from = arena_strdup(a, buf_cstr(&names));
	log_debug("login for %s/%s: %s%s", host, repo, found.found ? "from " : "none in ", found.from);
	*ret = found;
	return 0;
}
