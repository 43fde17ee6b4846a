#include "conda/condarc.h"

#include <ctype.h>
#include <string.h>

#include "base/doc.h"
#include "conda/condarc_impl.h"

#define CONDARC_BYTES_MAX ((size_t)1 << 20)
#define VARIABLE_BYTES_MAX ((size_t)1 << 16)

static const struct condarc_row rows[CONDARC_KEYS] = {
	[CONDARC_ADD_ANACONDA_TOKEN] = { "add_anaconda_token", CONDARC_BOOL, "add_binstar_token", .split = 0 },
	[CONDARC_ALLOWLIST_CHANNELS] = { "allowlist_channels", CONDARC_LIST, "whitelist_channels", ',', true },
	[CONDARC_CHANNEL_ALIAS] = { "channel_alias", CONDARC_TEXT, NULL, 0, true },
	[CONDARC_CHANNEL_PRIORITY] = { "channel_priority", CONDARC_TEXT, NULL, 0, false },
	[CONDARC_CHANNELS] = { "channels", CONDARC_LIST, "channel", ',', true },
	[CONDARC_CLIENT_SSL_CERT] = { "client_ssl_cert", CONDARC_TEXT, "client_cert", 0, true },
	[CONDARC_CLIENT_SSL_CERT_KEY] = { "client_ssl_cert_key", CONDARC_TEXT, "client_cert_key", 0, true },
	[CONDARC_CUSTOM_CHANNELS] = { "custom_channels", CONDARC_MAP, NULL, 0, true },
	[CONDARC_CUSTOM_MULTICHANNELS] = { "custom_multichannels", CONDARC_LISTS, NULL, 0, true },
	[CONDARC_DEFAULT_CHANNELS] = { "default_channels", CONDARC_LIST, NULL, ',', true },
	[CONDARC_DEFAULT_THREADS] = { "default_threads", CONDARC_NUMBER, NULL, 0, false },
	[CONDARC_DENYLIST_CHANNELS] = { "denylist_channels", CONDARC_LIST, NULL, ',', true },
	[CONDARC_FETCH_THREADS] = { "fetch_threads", CONDARC_NUMBER, "download_threads", 0, false },
	[CONDARC_LOCAL_REPODATA_TTL] = { "local_repodata_ttl", CONDARC_NUMBER, NULL, 0, false },
	[CONDARC_MIGRATED_CHANNEL_ALIASES] = { "migrated_channel_aliases", CONDARC_LIST, NULL, ',', false },
	[CONDARC_MIGRATED_CUSTOM_CHANNELS] = { "migrated_custom_channels", CONDARC_MAP, NULL, 0, true },
	[CONDARC_MIRRORED_CHANNELS] = { "mirrored_channels", CONDARC_LISTS, NULL, 0, true },
	[CONDARC_OFFLINE] = { "offline", CONDARC_BOOL, NULL, 0, false },
	[CONDARC_OVERRIDE_CHANNELS_ENABLED] = { "override_channels_enabled", CONDARC_BOOL, NULL, 0, false },
	[CONDARC_PINNED_PACKAGES] = { "pinned_packages", CONDARC_LIST, NULL, '&', false },
	[CONDARC_PKGS_DIRS] = { "pkgs_dirs", CONDARC_LIST, NULL, ',', true },
	[CONDARC_PROXY_SERVERS] = { "proxy_servers", CONDARC_MAP, NULL, 0, true },
	[CONDARC_REMOTE_BACKOFF_FACTOR] = { "remote_backoff_factor", CONDARC_NUMBER, NULL, 0, false },
	[CONDARC_REMOTE_CONNECT_TIMEOUT_SECS] = { "remote_connect_timeout_secs", CONDARC_NUMBER, NULL, 0, false },
	[CONDARC_REMOTE_MAX_RETRIES] = { "remote_max_retries", CONDARC_NUMBER, NULL, 0, false },
	[CONDARC_REMOTE_READ_TIMEOUT_SECS] = { "remote_read_timeout_secs", CONDARC_NUMBER, NULL, 0, false },
	[CONDARC_REPODATA_USE_SHARDS] = { "repodata_use_shards", CONDARC_BOOL, NULL, 0, false },
	[CONDARC_REPODATA_USE_ZST] = { "repodata_use_zst", CONDARC_BOOL, NULL, 0, false },
	[CONDARC_SSL_VERIFY] = { "ssl_verify", CONDARC_TEXT, "verify_ssl", 0, true },
	[CONDARC_SUBDIR] = { "subdir", CONDARC_TEXT, "platform", 0, false },
};

const struct condarc_row *condarc_row(enum condarc_key k)
{
	return &rows[k];
}

const char *condarc_name(enum condarc_key k)
{
	return rows[k].name;
}

enum condarc_shape condarc_shape(enum condarc_key k)
{
	return rows[k].shape;
}

/* CONDARC_KEYS where there is none of this name. */
static enum condarc_key find_key(const char *name)
{
	size_t k = 0;

	while (k < CONDARC_KEYS && strcmp(rows[k].name, name) != 0 &&
	       (!rows[k].alias || strcmp(rows[k].alias, name) != 0))
		k++;
	return k;
}

/* ---- a file ---- */

struct rc_reader {
	struct arena *a;
	const char *name;
	struct err *err;
	struct condarc_item *items;
	size_t n;
};

/* "#!final", "#final": as conda's reader has it. */
static enum condarc_flag flag_of(const char *comment)
{
	struct str s;

	if (!comment)
		return CONDARC_PLAIN;
	s = str_of(comment);
	while (s.n && isspace((unsigned char)s.p[s.n - 1]))
		s.n--;
	while (s.n && (s.p[s.n - 1] == '!' || s.p[s.n - 1] == '#'))
		s.n--;
	while (s.n && (*s.p == '!' || *s.p == '#'))
		s.p++, s.n--;
	return str_eq(s, "final")    ? CONDARC_FINAL
	       : str_eq(s, "top")    ? CONDARC_TOP
	       : str_eq(s, "bottom") ? CONDARC_BOTTOM
				     : CONDARC_PLAIN;
}

static bool is_scalar(const struct doc *d)
{
	return d->type != DOC_LIST && d->type != DOC_MAP && d->type != DOC_NULL;
}

/* The flag of a key and its value: behind a scalar, else behind the key. */
static enum condarc_flag pair_flag(const struct doc *key, const struct doc *value)
{
	return flag_of(value->type == DOC_LIST || value->type == DOC_MAP ? key->comment : value->comment);
}

static void add(struct rc_reader *r, const char *key, const struct doc *d, const char *text, enum condarc_flag flag)
{
	mem_grow(r->items, r->n);
	r->items[r->n++] = (struct condarc_item){
		.key = key, .text = text, .from = arena_printf(r->a, "%s:%u", r->name, d->line), .flag = flag
	};
}

static const char *const shape_words[] = {
	[CONDARC_BOOL] = "true or false", [CONDARC_NUMBER] = "a number", [CONDARC_TEXT] = "a text",
	[CONDARC_LIST] = "a list",	  [CONDARC_MAP] = "a map",	 [CONDARC_LISTS] = "a map of lists"
};

static int shape_fault(struct rc_reader *r, const char *key, const struct doc *d, enum condarc_shape want)
{
	return doc_fault(d, r->err, "'%s' has a %s, expected %s", key, doc_type_name(d->type), shape_words[want]);
}

static int read_list(struct rc_reader *r, const char *name, const char *key, const struct doc *d)
{
	if (d->type != DOC_LIST)
		return shape_fault(r, name, d, CONDARC_LIST);
	for (size_t i = 0; i < d->n; i++) {
		if (!is_scalar(&d->items[i]))
			return shape_fault(r, name, &d->items[i], CONDARC_TEXT);
		add(r, key, &d->items[i], d->items[i].text, flag_of(d->items[i].comment));
	}
	return 0;
}

static int read_map(struct rc_reader *r, const char *name, const struct doc *d)
{
	if (d->type != DOC_MAP)
		return shape_fault(r, name, d, CONDARC_MAP);
	for (size_t i = 0; i < d->n; i++) {
		const struct doc *v = &d->items[i];

		if (!is_scalar(v) && v->type != DOC_NULL)
			return shape_fault(r, name, v, CONDARC_TEXT);
		add(r, d->keys[i].text, v, v->type == DOC_NULL ? NULL : v->text, pair_flag(&d->keys[i], v));
	}
	return 0;
}

static int read_lists(struct rc_reader *r, const char *name, const struct doc *d)
{
	if (d->type != DOC_MAP)
		return shape_fault(r, name, d, CONDARC_LISTS);
	for (size_t i = 0; i < d->n; i++) {
		size_t first = r->n;
		enum condarc_flag flag = pair_flag(&d->keys[i], &d->items[i]);

		if (d->items[i].type != DOC_NULL && read_list(r, name, d->keys[i].text, &d->items[i]) < 0)
			return -1;
		if (r->n == first)
			add(r, d->keys[i].text, &d->keys[i], NULL, CONDARC_PLAIN);
		for (size_t k = first; k < r->n; k++)
			r->items[k].list_flag = flag;
	}
	return 0;
}

static int read_shape(struct rc_reader *r, enum condarc_key k, const struct doc *d)
{
	switch (rows[k].shape) {
	case CONDARC_BOOL:
	case CONDARC_NUMBER:
	case CONDARC_TEXT:
		if (!is_scalar(d))
			return shape_fault(r, rows[k].name, d, rows[k].shape);
		add(r, NULL, d, d->text, CONDARC_PLAIN);
		return 0;
	case CONDARC_LIST:
		return read_list(r, rows[k].name, NULL, d);
	case CONDARC_MAP:
		return read_map(r, rows[k].name, d);
	case CONDARC_LISTS:
		return read_lists(r, rows[k].name, d);
	}
	return 0;
}

/* null is as if the key were not there: for a switch such as ssl_verify that is the safe side. */
static int read_value(struct rc_reader *r, enum condarc_key k, const struct doc *key, const struct doc *d,
		      struct condarc *ret)
{
	int rc;

	if (d->type == DOC_NULL)
		return 0;
	if (ret->values[k].is_set)
		return doc_fault(key, r->err, "'%s' is there twice: %s is the same as %s", rows[k].name, rows[k].alias,
				 rows[k].name);
	r->n = 0;
	rc = read_shape(r, k, d);
	if (rc == 0)
		ret->values[k] = (struct condarc_value){ .is_set = true,
							 .flag = pair_flag(key, d),
							 .items = arena_dup(r->a, r->items, r->n * sizeof(*r->items)),
							 .n = r->n };
	free(TAKE(r->items));
	return rc;
}

/* A file in which everything is commented out says nothing. */
static bool says_nothing(struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n && *line.p != '#' && !str_eq(line, "---") && !str_eq(line, "..."))
			return false;
	}
	return true;
}

int condarc_parse(struct arena *a, const char *p, size_t n, const char *name, struct condarc *ret,
		  const char *const **unknown, struct err *err)
{
	struct rc_reader r = { .a = a, .name = arena_strdup(a, name), .err = err };
	const struct doc *d;
	const char **others;
	size_t n_others = 0;

	*ret = (struct condarc){ 0 };
	if (unknown)
		*unknown = arena_strlist(a, NULL, 0);
	if (n > CONDARC_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s has %zu bytes, the most that is read is %zu", name, n,
			       CONDARC_BYTES_MAX);
	if (says_nothing((struct str){ p, n }))
		return 0;
	d = doc_parse_yaml(a, p, n, r.name, err);
	if (!d)
		return -1;
	if (d->type == DOC_NULL)
		return 0;
	if (d->type != DOC_MAP)
		return doc_fault(d, err, "is a %s, expected a map of conda's settings", doc_type_name(d->type));
	others = arena_array(a, d->n + 1, sizeof(*others));
	for (size_t i = 0; i < d->n; i++) {
		enum condarc_key k = find_key(d->keys[i].text);

		if (k == CONDARC_KEYS)
			others[n_others++] = arena_printf(a, "%s:%u: %s", r.name, d->keys[i].line, d->keys[i].text);
		else if (read_value(&r, k, &d->keys[i], &d->items[i], ret) < 0)
			return -1;
	}
	if (unknown)
		*unknown = others;
	return 0;
}

/* ---- a variable ---- */

static const char *lower(struct arena *a, const char *text)
{
	char *ret = arena_strdup(a, text);

	for (char *c = ret; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return ret;
}

static void add_plain(struct rc_reader *r, struct str text)
{
	text = str_trim(text);
	mem_grow(r->items, r->n);
	r->items[r->n++] = (struct condarc_item){ .text = arena_strndup(r->a, text.p, text.n), .from = r->name };
}

static void split(struct rc_reader *r, const char *value, char by)
{
	struct str rest = str_of(value), part;

	while (str_cut(&rest, by, &part))
		if (str_trim(part).n)
			add_plain(r, part);
}

/* As YAML, "from" without the line that a variable does not have. */
static int read_yaml(struct rc_reader *r, enum condarc_key k, const char *value)
{
	const struct doc *d = doc_parse_yaml(r->a, value, strlen(value), r->name, r->err);

	if (!d || read_shape(r, k, d) < 0)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		r->items[i].from = r->name;
	return 0;
}

int condarc_add_variable(struct arena *a, struct condarc *c, const char *name, const char *value, struct err *err)
{
	struct rc_reader r = { .a = a, .name = arena_strdup(a, name), .err = err };
	const char *important = strstr(value, "!important");
	enum condarc_key k;
	int rc = 0;

	if (!str_starts(name, "CONDA_") && !str_starts(name, "MAMBA_"))
		return 0;
	k = find_key(lower(a, name + strlen("CONDA_")));
	if (k == CONDARC_KEYS || c->values[k].is_set)
		return 0;
	/* one that is empty says nothing, as null does: a check is not switched off by it */
	if (!*value && rows[k].shape != CONDARC_LIST)
		return 0;
	if (strlen(value) > VARIABLE_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s has %zu bytes, the most that is read is %zu", name, strlen(value),
			       VARIABLE_BYTES_MAX);
	if (rows[k].shape == CONDARC_LIST)
		split(&r, value, rows[k].split);
	else if (rows[k].shape == CONDARC_MAP || rows[k].shape == CONDARC_LISTS)
		rc = read_yaml(&r, k, value);
	else
		add_plain(&r, (struct str){ value, important ? (size_t)(important - value) : strlen(value) });
	if (rc == 0)
		c->values[k] = (struct condarc_value){ .is_set = true,
						       .flag = important ? CONDARC_FINAL : CONDARC_PLAIN,
						       .items = arena_dup(a, r.items, r.n * sizeof(*r.items)),
						       .n = r.n };
	free(r.items);
	return rc < 0 ? -1 : 1;
}
