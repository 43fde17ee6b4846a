#include <stdio.h>
#include <string.h>

#include "base/doc.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/config.h"
#include "fetch/url.h"

#define COMMENT_COLUMN 60

/* Whether a value is no string in YAML and JSON. */
static bool is_bare(enum condarc_key k, const char *text)
{
	return condarc_shape(k) == CONDARC_BOOL || condarc_shape(k) == CONDARC_NUMBER ||
	       (k == CONDARC_SSL_VERIFY && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0));
}

/* "key: value        # from", a line; front is what stands before the value. */
static void print_line(struct arena *a, enum condarc_key k, const char *front, const struct condarc_item *item)
{
	auto_buf line = { 0 };

	buf_adds(&line, front);
	if (!item->text)
		buf_adds(&line, "null");
	else if (is_bare(k, item->text))
		buf_adds(&line, item->text);
	else
		doc_write_yaml(&line, config_redact(a, item->text));
	printf("%-*s  # %s\n", COMMENT_COLUMN, line.p, item->from);
}

static const char *key_text(struct arena *a, const char *indent, const char *key)
{
	auto_buf b = { 0 };

	buf_adds(&b, indent);
	doc_write_yaml(&b, key);
	buf_adds(&b, ":");
	return arena_strdup(a, b.p);
}

static void print_lists(struct arena *a, const struct condarc_value *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct condarc_item *item = &v->items[i];

		if (!i || strcmp(item->key, item[-1].key) != 0)
			printf("%s%s\n", key_text(a, "  ", item->key), item->text ? "" : " []");
		if (item->text)
			print_line(a, CONDARC_CUSTOM_MULTICHANNELS, "    - ", item);
	}
}

static void print_value(struct arena *a, enum condarc_key k, const struct condarc_value *v)
{
	switch (condarc_shape(k)) {
	case CONDARC_BOOL:
	case CONDARC_NUMBER:
	case CONDARC_TEXT:
		print_line(a, k, arena_printf(a, "%s: ", condarc_name(k)), v->items);
		return;
	case CONDARC_LIST:
		printf("%s:%s\n", condarc_name(k), v->n ? "" : " []");
		for (size_t i = 0; i < v->n; i++)
			print_line(a, k, "  - ", &v->items[i]);
		return;
	case CONDARC_MAP:
		printf("%s:%s\n", condarc_name(k), v->n ? "" : " {}");
		for (size_t i = 0; i < v->n; i++)
			print_line(a, k, arena_printf(a, "%s ", key_text(a, "  ", v->items[i].key)), &v->items[i]);
		return;
	case CONDARC_LISTS:
		printf("%s:%s\n", condarc_name(k), v->n ? "" : " {}");
		print_lists(a, v);
		return;
	}
}

static void print_text(struct arena *a, const struct config *c)
{
	struct auth_entry_text e;

	printf("# files, the later before the earlier:%s\n", *c->files ? "" : " none");
	for (const char *const *f = c->files; *f; f++)
		printf("#   %s\n", config_place(a, *f));
	if (*c->ignored)
		puts("# keys that are of no use here:");
	for (const char *const *i = c->ignored; *i; i++)
		printf("#   %s\n", *i);
	for (enum condarc_key k = 0; k < CONDARC_KEYS; k++)
		if (c->rc.values[k].is_set)
			print_value(a, k, &c->rc.values[k]);
	printf("# logins were looked for in %s:%s\n", auth_sources(c->auth),
	       auth_tell(c->auth, 0, a, &e) ? "" : " none");
	for (size_t i = 0; auth_tell(c->auth, i, a, &e); i++)
		printf("#   %s: %s, from %s\n", e.place, e.kind, e.from);
}

/* ---- JSON ---- */

static void put_item(struct json *j, struct arena *a, enum condarc_key k, const struct condarc_item *item)
{
	json_object(j);
	if (item->key)
		json_put_string(j, "key", item->key);
	json_key(j, "value");
	if (item->text && is_bare(k, item->text))
		json_number(j, item->text);
	else
		json_string(j, item->text ? config_redact(a, item->text) : NULL);
	json_put_string(j, "from", item->from);
	json_end(j);
}

static bool is_single(enum condarc_key k)
{
	return condarc_shape(k) == CONDARC_BOOL || condarc_shape(k) == CONDARC_NUMBER ||
	       condarc_shape(k) == CONDARC_TEXT;
}

static void put_settings(struct json *j, struct arena *a, const struct condarc *rc)
{
	json_key(j, "settings");
	json_object(j);
	for (enum condarc_key k = 0; k < CONDARC_KEYS; k++) {
		const struct condarc_value *v = &rc->values[k];

		if (!v->is_set)
			continue;
		json_key(j, condarc_name(k));
		if (!is_single(k))
			json_array(j);
		for (size_t i = 0; i < v->n; i++)
			put_item(j, a, k, &v->items[i]);
		if (!is_single(k))
			json_end(j);
	}
	json_end(j);
}

static void put_logins(struct json *j, struct arena *a, const struct auth *auth)
{
	struct auth_entry_text e;

	json_key(j, "logins");
	json_array(j);
	for (size_t i = 0; auth_tell(auth, i, a, &e); i++) {
		json_object(j);
		json_put_string(j, "for", e.place);
		json_put_string(j, "kind", e.kind);
		json_put_string(j, "from", e.from);
		json_end(j);
	}
	json_end(j);
}

/* Where a channel is fetched from: the mirrors of the longest front of its URL. NULL: itself. */
static const struct channel_group *mirrors_of(const struct config *c, const char *url)
{
	const struct channel_group *best = NULL;

	for (size_t i = 0; i < c->n_mirrors; i++) {
		size_t n = strlen(c->mirrors[i].name);

		if (strncmp(url, c->mirrors[i].name, n) == 0 && (url[n] == '/' || !url[n]) &&
		    (!best || n > strlen(best->name)))
			best = &c->mirrors[i];
	}
	return best;
}

static const char *mirror_text(struct arena *a, const struct channel_group *g, size_t i, const char *url)
{
	const char *rest = url + strlen(g->name);
	const char *mirror = url_redact(a, g->members[i]);

	return *rest ? url_join(a, mirror, rest) : mirror;
}

static void put_channels(struct json *j, struct arena *a, const struct config *c, const struct channel *list, size_t n)
{
	json_key(j, "channels");
	json_array(j);
	for (size_t i = 0; i < n; i++) {
		const struct channel_group *g = mirrors_of(c, list[i].canonical);

		json_object(j);
		json_put_string(j, "name", list[i].given);
		json_put_string(j, "url", list[i].canonical);
		json_put_string(j, "subdir", list[i].subdir);
		json_key(j, "mirrors");
		json_array(j);
		for (size_t k = 0; g && g->members[k]; k++)
			json_string(j, mirror_text(a, g, k, list[i].canonical));
		json_end(j);
		json_end(j);
	}
	json_end(j);
}

static void print_channels(struct arena *a, const struct config *c, const struct channel *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct channel_group *g = mirrors_of(c, list[i].canonical);

		printf("%s  %s%s%s\n", list[i].given, list[i].canonical, list[i].subdir ? "/" : "",
		       list[i].subdir ? list[i].subdir : "");
		for (size_t k = 0; g && g->members[k]; k++)
			printf("  mirror  %s\n", mirror_text(a, g, k, list[i].canonical));
	}
}

static void print_json(struct arena *a, const struct config *c, const struct channel *list, size_t n)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", "config-1");
	json_put_strings(&j, "files", c->files);
	json_put_strings(&j, "ignored", c->ignored);
	put_settings(&j, a, &c->rc);
	put_logins(&j, a, c->auth);
	json_put_string(&j, "login_sources", auth_sources(c->auth));
	put_channels(&j, a, c, list, n);
	json_end(&j);
	puts(out.p);
}

int cmd_config(const struct options *o, struct err *err)
{
	auto_config c = { 0 };
	auto_arena a = { 0 };
	auto_free struct channel *list = NULL;
	size_t n = 0;

	if (config_read(o->condarc, &c, err) < 0)
		return -1;
	for (size_t i = 0; i < o->n_args; i++)
		if (channel_resolve_as(&a, &c.names, o->args[i], ".", &list, &n, err) < 0)
			return -1;
	if (o->json)
		print_json(&a, &c, list, n);
	else if (o->n_args)
		print_channels(&a, &c, list, n);
	else
		print_text(&a, &c);
	return 0;
}
