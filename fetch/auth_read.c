#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/doc.h"
#include "fetch/auth_impl.h"

/* ---- JSON ---- */

/* The reader's own sentence may show what stands there. */
static const struct doc *read_json(struct arena *a, const char *text, size_t n, const char *name, struct err *err)
{
	struct err why = ERR_INIT;
	const struct doc *d = doc_parse_json(a, text, n, name, &why);

	if (d && d->type == DOC_MAP)
		return d;
	err_set(err, ERR_FORMAT, "%s is no JSON object of logins by host", name);
	return NULL;
}

static const char *string_of(const struct doc *map, const char *key)
{
	const struct doc *d = doc_find(map, key);

	return d && d->type == DOC_STRING ? d->text : NULL;
}

/* One kind of login and what it says; kinds that are not known (S3, OAuth) are no login for a channel. */
static void put_rattler(struct auth *a, const char *host, const struct doc *d, const char *name)
{
	struct http_login l = { .from = name };
	const struct doc *basic = doc_find(d, "BasicHTTP");

	if (string_of(d, "BearerToken")) {
		l.kind = HTTP_LOGIN_BEARER;
		l.token = string_of(d, "BearerToken");
	} else if (string_of(d, "CondaToken")) {
		l.path_token = string_of(d, "CondaToken");
	} else if (string_of(basic, "username")) {
		l.kind = HTTP_LOGIN_BASIC;
		l.user = string_of(basic, "username");
		l.password = string_of(basic, "password");
	} else {
		return;
	}
	auth_put(a, host, &l);
}

int auth_add_rattler(struct auth *a, const char *text, size_t n, const char *name, struct err *err)
{
	auto_arena own = { 0 };
	const struct doc *d = read_json(&own, text, n, name, err);

	for (size_t i = 0; d && i < d->n; i++)
		put_rattler(a, d->keys[i].text, &d->items[i], name);
	a->n_sources++;
	return d ? 0 : -1;
}

static int base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* NULL where it is none. */
static const char *decode_base64(struct arena *a, const char *text)
{
	char *ret = arena_alloc(a, strlen(text) + 1), *to = ret;
	unsigned bits = 0, n = 0;

	for (; *text && *text != '='; text++) {
		int v = base64_value(*text);

		if (v < 0)
			return NULL;
		bits = bits << 6 | (unsigned)v;
		n += 6;
		if (n >= 8) {
			n -= 8;
			*to++ = (char)(bits >> n & 0xff);
		}
	}
	return text[strspn(text, "=")] ? NULL : ret;
}

static void put_mamba(struct auth *a, struct arena *own, const char *host, const struct doc *d, const char *name)
{
	const char *type = string_of(d, "type"), *password = string_of(d, "password");
	struct http_login l = { .from = name };

	if (!type)
		return;
	if (strcmp(type, "BearerToken") == 0) {
		l.kind = HTTP_LOGIN_BEARER;
		l.token = string_of(d, "token");
	} else if (strcmp(type, "CondaToken") == 0) {
		l.path_token = string_of(d, "token");
	} else if (strcmp(type, "BasicHTTPAuthentication") == 0 && password) {
		l.kind = HTTP_LOGIN_BASIC;
		l.user = string_of(d, "user");
		l.password = decode_base64(own, password);
	}
	if (l.token || l.path_token || l.password)
		auth_put(a, host, &l);
}

int auth_add_mamba(struct auth *a, const char *text, size_t n, const char *name, struct err *err)
{
	auto_arena own = { 0 };
	const struct doc *d = read_json(&own, text, n, name, err);

	for (size_t i = 0; d && i < d->n; i++)
		put_mamba(a, &own, d->keys[i].text, &d->items[i], name);
	a->n_sources++;
	return d ? 0 : -1;
}

/* ---- netrc ---- */

struct netrc {
	struct arena *a;
	const char *p, *end;
	unsigned line;
	const char *name;
};

static void skip_space(struct netrc *r)
{
	while (r->p < r->end && isspace((unsigned char)*r->p))
		r->line += *r->p++ == '\n';
}

/* "a \"quoted\" word", as curl reads it. */
static const char *quoted_word(struct netrc *r, struct err *err)
{
	auto_buf b = { 0 };

	for (r->p++; r->p < r->end && *r->p != '"' && *r->p != '\n'; r->p++) {
		if (*r->p == '\\' && r->p + 1 < r->end) {
			char c = *++r->p;

			buf_addc(&b, c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c);
		} else {
			buf_addc(&b, *r->p);
		}
	}
	if (r->p == r->end || *r->p != '"') {
		err_set(err, ERR_FORMAT, "%s:%u: a quote is not closed", r->name, r->line);
		return NULL;
	}
	r->p++;
	return arena_strdup(r->a, buf_cstr(&b));
}

/* The next word; "" at the end; NULL: err. */
static const char *next_word(struct netrc *r, struct err *err)
{
	const char *from;

	for (;;) {
		skip_space(r);
		if (r->p == r->end || *r->p != '#')
			break;
		while (r->p < r->end && *r->p != '\n')
			r->p++;
	}
	if (r->p < r->end && *r->p == '"')
		return quoted_word(r, err);
	from = r->p;
	while (r->p < r->end && !isspace((unsigned char)*r->p))
		r->p++;
	return arena_strndup(r->a, from, (size_t)(r->p - from));
}

/* A value may begin with '#', and so may a password. */
static const char *next_value(struct netrc *r, const char *of, struct err *err)
{
	const char *from;

	skip_space(r);
	if (r->p == r->end) {
		err_set(err, ERR_FORMAT, "%s:%u: '%s' is the last word, expected its value", r->name, r->line, of);
		return NULL;
	}
	if (*r->p == '"')
		return quoted_word(r, err);
	from = r->p;
	while (r->p < r->end && !isspace((unsigned char)*r->p))
		r->p++;
	return arena_strndup(r->a, from, (size_t)(r->p - from));
}

/* A macro goes to the next empty line. */
static void skip_macro(struct netrc *r)
{
	const char *empty = memmem(r->p, (size_t)(r->end - r->p), "\n\n", 2);

	r->p = empty ? empty + 1 : r->end;
}

/* The first entry of a host counts. */
static void put_machine(struct auth *a, const char *host, const struct http_login *l)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->entries[i].source == a->n_sources && strcasecmp(a->entries[i].place.host, host) == 0)
			return;
	if (l->user || l->password)
		auth_put(a, host, l);
}

static int read_netrc(struct auth *a, struct netrc *r, struct err *err)
{
	struct http_login l = { .kind = HTTP_LOGIN_BASIC, .from = r->name };
	const char *host = NULL, *word, *value;

	while ((word = next_word(r, err)) && *word) {
		bool is_machine = strcasecmp(word, "machine") == 0;

		if (is_machine || strcasecmp(word, "default") == 0) {
			if (host)
				put_machine(a, host, &l);
			l.user = l.password = NULL;
			host = is_machine ? next_value(r, word, err) : "*";
			if (!host)
				return -1;
		} else if (strcasecmp(word, "macdef") == 0) {
			skip_macro(r);
		} else if (strcasecmp(word, "login") == 0 || strcasecmp(word, "password") == 0 ||
			   strcasecmp(word, "account") == 0) {
			value = next_value(r, word, err);
			if (!value)
				return -1;
			if (strcasecmp(word, "login") == 0)
				l.user = value;
			else if (strcasecmp(word, "password") == 0)
				l.password = value;
		}
	}
	if (word && host)
		put_machine(a, host, &l);
	return word ? 0 : -1;
}

int auth_add_netrc(struct auth *a, const char *text, size_t n, const char *name, struct err *err)
{
	auto_arena own = { 0 };
	struct netrc r = { .a = &own, .p = text, .end = text + n, .line = 1, .name = name };
	int rc = read_netrc(a, &r, err);

	a->n_sources++;
	return rc;
}
