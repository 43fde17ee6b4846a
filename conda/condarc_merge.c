#include <ctype.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "conda/condarc.h"
#include "conda/condarc_impl.h"

#define SHOWN_MAX 40 /* characters of a value in an error */
#define WHOLE_MAX 1000000000 /* of a number, before its point */

struct rc_list {
	struct condarc_item *items;
	size_t n;
};

static void rc_list_release(struct rc_list *l)
{
	free(l->items);
}

#define auto_rc_list CLEANUP(rc_list_release) struct rc_list

static void push(struct rc_list *l, const struct condarc_item *item)
{
	mem_grow(l->items, l->n);
	l->items[l->n++] = *item;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void push_new(struct rc_list *l, const struct condarc_item *item)
{
	for (size_t i = 0; i < l->n; i++)
		if (same(l->items[i].text, item->text))
			return;
	push(l, item);
}

/* ---- lists ---- */

/* What one source says of a list: all of a LIST, or one key's of LISTS. */
struct rc_part {
	const struct condarc_item *items;
	size_t n;
	enum condarc_flag flag;
};

/* Up to the first that may not be changed, its own included. */
static size_t heeded(const struct rc_part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (parts[i].flag == CONDARC_FINAL)
			return i + 1;
	return n;
}

static void push_flagged(struct rc_list *l, const struct rc_part *part, enum condarc_flag flag)
{
	for (size_t i = 0; i < part->n; i++)
		if (part->items[i].flag == flag && part->items[i].text)
			push(l, &part->items[i]);
}

/*
 * Later sources first, each item once, and around them what is flagged: "top" of the earliest source before all, and
 * its "bottom" behind all; what is both is at the bottom.
 */
static void merge_list(const struct rc_part *parts, size_t n, struct rc_list *ret)
{
	auto_rc_list bottom = { 0 }, raw = { 0 }, upper = { 0 }, reversed = { 0 };

	n = heeded(parts, n);
	for (size_t i = 0; i < n; i++)
		push_flagged(&raw, &parts[i], CONDARC_TOP);
	for (size_t i = n; i-- > 0;) {
		push_flagged(&bottom, &parts[i], CONDARC_BOTTOM);
		for (size_t k = 0; k < parts[i].n; k++)
			if (parts[i].items[k].text)
				push(&raw, &parts[i].items[k]);
	}
	for (size_t i = 0; i < raw.n; i++)
		push_new(&upper, &raw.items[i]);
	for (size_t i = bottom.n; i-- > 0;)
		push_new(&reversed, &bottom.items[i]);
	for (size_t i = upper.n; i-- > 0;)
		push_new(&reversed, &upper.items[i]);
	for (size_t i = reversed.n; i-- > 0;)
		push(ret, &reversed.items[i]);
}

/* ---- maps ---- */

static bool has_key(const struct rc_list *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (same(l->items[i].key, key))
			return true;
	return false;
}

/* The items of key in v, which stand one after the other. */
static struct rc_part part_of(const struct condarc_value *v, const char *key)
{
	struct rc_part ret = { 0 };

	for (size_t i = 0; i < v->n; i++) {
		if (!same(v->items[i].key, key))
			continue;
		if (!ret.n)
			ret = (struct rc_part){ &v->items[i], 0, v->items[i].list_flag };
		ret.n++;
	}
	return ret;
}

/* The last that is said of key, or the first that is final. */
static void merge_entry(const struct condarc_value *const *parts, size_t n, const char *key, struct rc_list *ret)
{
	const struct condarc_item *found = NULL;

	for (size_t i = 0; i < n && (!found || found->flag != CONDARC_FINAL); i++) {
		struct rc_part p = part_of(parts[i], key);

		found = p.n ? p.items : found;
	}
	push(ret, found);
}

/* Of a list that is final, conda takes that alone, as it stands. */
static void push_final(const struct rc_part *p, struct rc_list *ret)
{
	auto_rc_list once = { 0 };

	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].text)
			push_new(&once, &p->items[i]);
	for (size_t i = 0; i < once.n; i++)
		push(ret, &once.items[i]);
}

static void merge_lists_entry(const struct condarc_value *const *values, size_t n, const char *key, struct rc_list *ret)
{
	auto_free struct rc_part *parts = mem_array(n, sizeof(*parts));
	size_t n_parts = 0, first = ret->n;
	struct condarc_item none = { .key = key };
	bool final = false;

	for (size_t i = 0; i < n && !final; i++) {
		struct rc_part p = part_of(values[i], key);

		if (!p.n)
			continue;
		none.from = p.items->from;
		final = p.flag == CONDARC_FINAL;
		parts[n_parts++] = p;
	}
	if (final)
		push_final(&parts[n_parts - 1], ret);
	else
		merge_list(parts, n_parts, ret);
	if (ret->n == first)
		push(ret, &none);
}

/* ---- one key ---- */

/* Those of the sources that say something of it, up to the first final one. */
static size_t said(const struct condarc *sources, size_t n, enum condarc_key k, const struct condarc_value **ret)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!sources[i].values[k].is_set)
			continue;
		ret[found++] = &sources[i].values[k];
		if (ret[found - 1]->flag == CONDARC_FINAL)
			break;
	}
	return found;
}

static void merge_key(enum condarc_key k, const struct condarc_value *const *values, size_t n, struct rc_list *ret)
{
	auto_free struct rc_part *parts = mem_array(n, sizeof(*parts));

	switch (condarc_shape(k)) {
	case CONDARC_BOOL:
	case CONDARC_NUMBER:
	case CONDARC_TEXT:
		push(ret, values[n - 1]->items);
		return;
	case CONDARC_LIST:
		for (size_t i = 0; i < n; i++)
			parts[i] = (struct rc_part){ values[i]->items, values[i]->n, values[i]->flag };
		merge_list(parts, n, ret);
		return;
	case CONDARC_MAP:
	case CONDARC_LISTS:
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < values[i]->n; j++) {
				const char *key = values[i]->items[j].key;

				if (has_key(ret, key))
					continue;
				if (condarc_shape(k) == CONDARC_MAP)
					merge_entry(values, n, key, ret);
				else
					merge_lists_entry(values, n, key, ret);
			}
	}
}

/* ---- values ---- */

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

const char *condarc_expand(struct arena *a, const char *text, condarc_lookup *lookup)
{
	auto_buf out = { 0 };

	while (*text) {
		bool braces = text[0] == '$' && text[1] == '{';
		const char *name = text + 1 + braces, *value;
		size_t n = 0;

		if (braces)
			n = strcspn(name, "}");
		else
			while (*text == '$' && is_name_char(name[n]))
				n++;
		if (*text != '$' || !n || (braces && !name[n])) {
			buf_addc(&out, *text++);
			continue;
		}
		value = lookup(arena_strndup(a, name, n));
		if (value)
			buf_adds(&out, value);
		else
			buf_add(&out, text, n + 1 + 2 * (size_t)braces);
		text = name + n + braces;
	}
	return arena_strdup(a, buf_cstr(&out));
}

/* Whether a value may be in an error: nothing that could be a URL or a secret. */
static bool is_showable(const char *text)
{
	return strlen(text) <= SHOWN_MAX && !strpbrk(text, "/@:$");
}

static int value_fault(enum condarc_key k, const struct condarc_item *item, const char *expected, struct err *err)
{
	if (is_showable(item->text))
		return err_set(err, ERR_FORMAT, "%s: '%s' is '%s', expected %s", item->from, condarc_name(k),
			       item->text, expected);
	return err_set(err, ERR_FORMAT, "%s: '%s' is not %s", item->from, condarc_name(k), expected);
}

/* "9.15" in thousandths. */
static bool parse_number(const char *text, uint64_t *ret)
{
	uint64_t whole = 0, part = 0, unit = 100;
	auto_free char *front = mem_strdup(text);
	char *point = strchr(front, '.');

	if (point)
		*point++ = '\0';
	if (*front && !num_parse(front, WHOLE_MAX, &whole))
		return false;
	if (!*front && (!point || !*point))
		return false;
	for (; point && *point; point++, unit /= 10) {
		if (!isdigit((unsigned char)*point))
			return false;
		part += (uint64_t)(*point - '0') * unit;
	}
	*ret = whole * 1000 + part;
	return true;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcasecmp(text, *words) == 0)
			return true;
	return false;
}

/* 1 true, 0 false, -1 neither: words and numbers as conda takes them. */
static int parse_bool(const char *text)
{
	static const char *const yes[] = { "true", "yes", "on", "y", NULL };
	static const char *const no[] = { "false", "off", "n", "no", "non", "none", "", NULL };
	uint64_t n;

	if (is_one_of(text, yes))
		return 1;
	if (is_one_of(text, no))
		return 0;
	return parse_number(text, &n) ? n != 0 : -1;
}

/* Booleans are values of it, too. */
static int check_priority(struct condarc_item *item, struct err *err)
{
	static const char *const words[] = { "strict", "flexible", "disabled", NULL };
	int b = parse_bool(item->text);

	if (b >= 0)
		item->text = b ? "flexible" : "disabled";
	for (size_t i = 0; words[i]; i++)
		if (strcasecmp(item->text, words[i]) == 0) {
			item->text = words[i];
			return 0;
		}
	return value_fault(CONDARC_CHANNEL_PRIORITY, item, "strict, flexible or disabled", err);
}

/* mamba writes "<false>" and "<system>". */
static void settle_verify(struct condarc_item *item)
{
	int b = parse_bool(item->text);

	if (b >= 0)
		item->text = b ? "true" : "false";
	else if (strcmp(item->text, "<false>") == 0)
		item->text = "false";
	else if (strcmp(item->text, "<system>") == 0)
		item->text = "true";
}

static int check_value(enum condarc_key k, struct condarc_item *item, struct err *err)
{
	uint64_t n;
	int b;

	if (condarc_shape(k) == CONDARC_BOOL) {
		b = parse_bool(item->text);
		if (b < 0)
			return value_fault(k, item, "true or false", err);
		item->text = b ? "true" : "false";
	} else if (k == CONDARC_LOCAL_REPODATA_TTL && !parse_number(item->text, &n) && parse_bool(item->text) >= 0) {
		item->text = parse_bool(item->text) ? "1" : "0"; /* as conda has it: its type is both */
	} else if (condarc_shape(k) == CONDARC_NUMBER && !parse_number(item->text, &n)) {
		return value_fault(k, item, "a number", err);
	} else if (k == CONDARC_CHANNEL_PRIORITY) {
		return check_priority(item, err);
	} else if (k == CONDARC_SSL_VERIFY) {
		settle_verify(item);
	} else if (k == CONDARC_MIRRORED_CHANNELS && item->text && !strstr(item->text, "://")) {
		return value_fault(k, item, "a list of URLs", err);
	} else if (k == CONDARC_CHANNEL_ALIAS && *item->text && !strstr(item->text, "://")) {
		return value_fault(k, item, "a URL", err);
	}
	return 0;
}

int condarc_merge(struct arena *a, const struct condarc *sources, size_t n, condarc_lookup *lookup, struct condarc *ret,
		  struct err *err)
{
	auto_free const struct condarc_value **values = mem_array(n + 1, sizeof(*values));

	*ret = (struct condarc){ 0 };
	for (enum condarc_key k = 0; k < CONDARC_KEYS; k++) {
		size_t n_values = said(sources, n, k, values);
		auto_rc_list list = { 0 };

		if (!n_values)
			continue;
		merge_key(k, values, n_values, &list);
		for (size_t i = 0; i < list.n; i++) {
			if (list.items[i].text && condarc_row(k)->expands)
				list.items[i].text = condarc_expand(a, list.items[i].text, lookup);
			if (list.items[i].text && check_value(k, &list.items[i], err) < 0)
				return -1;
		}
		ret->values[k] =
			(struct condarc_value){ .is_set = true,
						.flag = values[n_values - 1]->flag,
						.items = arena_dup(a, list.items, list.n * sizeof(*list.items)),
						.n = list.n };
	}
	return 0;
}

const char *condarc_text(const struct condarc *c, enum condarc_key k)
{
	return c->values[k].n ? c->values[k].items->text : NULL;
}

const char *condarc_from(const struct condarc *c, enum condarc_key k)
{
	return c->values[k].n ? c->values[k].items->from : NULL;
}

bool condarc_bool(const struct condarc *c, enum condarc_key k, bool dflt)
{
	const char *text = condarc_text(c, k);

	return text ? strcmp(text, "true") == 0 : dflt;
}

uint64_t condarc_number(const struct condarc *c, enum condarc_key k, uint64_t dflt)
{
	const char *text = condarc_text(c, k);
	uint64_t ret = dflt;

	if (text)
		parse_number(text, &ret);
	return ret;
}
