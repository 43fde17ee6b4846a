/*
 * "[key=value, ...]". Two readings: today's conda skips what it does not
 * understand, the v3 rules (CEP 43-45) refuse it.
 */
#include "conda/matchspec_impl.h"

#define KEYS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static bool is_key_char(char c)
{
	return c && strchr(KEYS, c);
}

static bool is_quote(char c)
{
	return c == '\'' || c == '"';
}

static bool is_delimiter(char c)
{
	return c == ',' || c == ' ';
}

static int fault(struct err *err, struct str s, const char *what)
{
	return err_set(err, ERR_FORMAT, "%s: '%.*s'", what, (int)(s.n < 200 ? s.n : 200), s.p);
}

static int store(struct arena *a, struct str key, struct str value, struct matchspec_fields *f, struct err *err)
{
	enum matchspec_field field = matchspec_fields_find(key);

	if (!key.n || !value.n)
		return fault(err, key, "a key without a value in brackets");
	if (str_eq(key, "optional")) {
		f->optional = true;
		return 0;
	}
	/* conda takes it and has no use for it. */
	if (str_eq(key, "target"))
		return 0;
	if (field == FIELD_N)
		return fault(err, key, "unknown key in brackets");
	f->value[field] = arena_strndup(a, value.p, value.n);
	return 0;
}

/* The value at s->p, cut off with its delimiter. False: none that old conda would see. */
static bool cut_old_value(struct str *s, struct str *value)
{
	char quote = s->n && is_quote(*s->p) ? *s->p : '\0';
	size_t from = quote ? 1 : 0, end = from;

	while (end < s->n && !is_quote(s->p[end]) && (quote || !is_delimiter(s->p[end])))
		end++;
	*value = (struct str){ s->p + from, end - from };
	if (quote) {
		if (end == s->n || s->p[end] != quote)
			return false;
		end++;
	}
	if (end < s->n && !is_delimiter(s->p[end]))
		return false;
	end += end < s->n;
	*s = (struct str){ s->p + end, s->n - end };
	return true;
}

/* Like re.finditer(): whatever is not key=value is passed over. */
static int parse_old(struct arena *a, struct str s, struct matchspec_fields *f, struct err *err)
{
	while (s.n > 0) {
		size_t n = 0;
		struct str key, rest, value;

		while (n < s.n && is_key_char(s.p[n]))
			n++;
		key = (struct str){ s.p, n };
		if (n == s.n)
			return 0;
		rest = (struct str){ s.p + n + 1, s.n - n - 1 };
		if (n > 0 && s.p[n] == '=' && cut_old_value(&rest, &value)) {
			s = rest;
			if (store(a, key, value, f, err) < 0)
				return -1;
		} else {
			s = (struct str){ s.p + n + 1, s.n - n - 1 };
		}
	}
	return 0;
}

static struct str skip(struct str s, const char *chars)
{
	while (s.n > 0 && *s.p && strchr(chars, *s.p))
		s = (struct str){ s.p + 1, s.n - 1 };
	return s;
}

/* Behind an opening quote: up to the one that closes. A backslash hides the byte behind it. */
static bool cut_quoted(struct str *s, char quote, struct str *value)
{
	size_t n = 0;

	while (n < s->n && s->p[n] != quote)
		n += s->p[n] == '\\' && n + 1 < s->n ? 2 : 1;
	if (n >= s->n)
		return false;
	*value = (struct str){ s->p, n };
	*s = (struct str){ s->p + n + 1, s->n - n - 1 };
	return true;
}

static int cut_plain(struct str *s, struct str *value, struct err *err)
{
	size_t n = 0;

	while (n < s->n && !is_delimiter(s->p[n])) {
		if (strchr("'\"[]", s->p[n]))
			return fault(err, *s, "a value with quotes or brackets in brackets must be quoted");
		n++;
	}
	*value = (struct str){ s->p, n };
	*s = (struct str){ s->p + n, s->n - n };
	return 0;
}

/* One item of a list, trimmed and unquoted. */
static int cut_item(struct str *s, struct str *item, struct err *err)
{
	char quote;
	size_t n;

	*s = skip(*s, " ");
	quote = s->n && is_quote(*s->p) ? *s->p : '\0';
	if (quote) {
		*s = (struct str){ s->p + 1, s->n - 1 };
		if (!cut_quoted(s, quote, item))
			return fault(err, *s, "a quote that does not close");
		*s = skip(*s, " ");
	} else {
		for (n = 0; n < s->n && !strchr(",]['\"", s->p[n]); n++)
			;
		*item = str_trim((struct str){ s->p, n });
		*s = (struct str){ s->p + n, s->n - n };
	}
	if (!item->n)
		return fault(err, *s, "an empty item in a list");
	if (memchr(item->p, ',', item->n))
		return fault(err, *item, "a comma within an item of a list");
	return 0;
}

/* Behind "[": items up to "]", as words with commas between. A comma may stand behind the last. */
static int cut_list(struct arena *a, struct str *s, struct str *value, struct err *err)
{
	auto_buf b = { 0 };

	for (;;) {
		struct str item;

		*s = skip(*s, " ");
		if (b.n && s->n && *s->p == ']')
			break;
		if (cut_item(s, &item, err) < 0)
			return -1;
		if (b.n)
			buf_addc(&b, ',');
		buf_add(&b, item.p, item.n);
		if (s->n && *s->p == ',')
			*s = (struct str){ s->p + 1, s->n - 1 };
		else if (!s->n || *s->p != ']')
			return fault(err, *s, "expected ',' or ']' in a list");
	}
	*s = (struct str){ s->p + 1, s->n - 1 };
	*value = (struct str){ arena_strndup(a, b.p, b.n), b.n };
	return 0;
}

static int cut_value(struct arena *a, bool list, struct str *s, struct str *value, struct err *err)
{
	char c = s->n ? *s->p : '\0';
	struct str open = *s;

	if (c && (is_quote(c) || (c == '[' && list)))
		*s = (struct str){ s->p + 1, s->n - 1 };
	if (is_quote(c) && !cut_quoted(s, c, value))
		return fault(err, open, "a quote that does not close");
	if (c == '[' && list && cut_list(a, s, value, err) < 0)
		return -1;
	if (!is_quote(c) && !(c == '[' && list) && cut_plain(s, value, err) < 0)
		return -1;
	if (s->n && !is_delimiter(*s->p))
		return fault(err, *s, "expected ',' or the end of the brackets");
	return 0;
}

static int parse_pair(struct arena *a, struct str *s, struct matchspec_fields *f, struct err *err)
{
	struct str key = { s->p, 0 }, rest, value;
	enum matchspec_field field;
	bool list;

	while (key.n < s->n && is_key_char(s->p[key.n]))
		key.n++;
	rest = skip((struct str){ s->p + key.n, s->n - key.n }, " ");
	if (!key.n || !rest.n || *rest.p != '=')
		return fault(err, *s, "expected 'key=value' in brackets (extras are written extras=[...])");
	field = matchspec_fields_find(key);
	list = field == FIELD_EXTRAS || field == FIELD_FLAGS;
	if (field != FIELD_N && f->value[field])
		return fault(err, key, "the same key twice in brackets");
	rest = skip((struct str){ rest.p + 1, rest.n - 1 }, " ");
	if (cut_value(a, list, &rest, &value, err) < 0)
		return -1;
	*s = rest;
	return store(a, key, value, f, err);
}

static int parse_v3(struct arena *a, struct str s, struct matchspec_fields *f, struct err *err)
{
	s = str_trim(s);
	/* "[version>3]", accepted by accident and therefore in use. */
	if (s.n > 8 && memcmp(s.p, "version", 7) == 0 && strchr("<>!~", s.p[7])) {
		f->value[FIELD_VERSION] = arena_strndup(a, s.p + 7, s.n - 7);
		return 0;
	}
	for (s = skip(s, ", "); s.n > 0; s = skip(s, ", ")) {
		if (parse_pair(a, &s, f, err) < 0)
			return -1;
	}
	return 0;
}

const char *matchspec_brackets_quote(const char *value)
{
	bool one = false, two = false;

	for (; *value; value++) {
		if (*value == '\\') {
			if (!*++value)
				return NULL;
		} else {
			one |= *value == '\'';
			two |= *value == '"';
		}
	}
	return one && two ? NULL : one ? "\"" : "'";
}

int matchspec_brackets_parse(struct arena *a, struct str inside, unsigned flags, struct matchspec_fields *f,
			     struct err *err)
{
	return flags & MATCHSPEC_V3 ? parse_v3(a, inside, f, err) : parse_old(a, inside, f, err);
}
