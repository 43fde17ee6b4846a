#include "conda/version.h"

#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

/* In the order in which they sort. */
enum part_type { PART_TEXT, PART_NUMBER, PART_POST };

struct part {
	uint16_t at, n; /* in text; of a number without leading zeros, so that zero has no bytes */
	uint8_t type;
	bool first; /* of its segment */
};

/*
 * One allocation: this, the parts, the text. The text is in normal form, but for
 * "dev" as a part of its own, which is in upper case: that sorts it where it belongs.
 */
struct version {
	const char *text;
	const struct part *parts;
	uint16_t n_main, n; /* parts of epoch and main version; with those behind '+' */
	uint16_t local; /* where the local version begins in text, 0: none */
};

/* Every byte is a part at most, and every segment, and the epoch, may get a zero in front. */
#define PARTS_MAX (2 * VERSION_MAX + 4)

struct scratch {
	struct version v;
	struct part parts[PARTS_MAX];
	char text[VERSION_MAX + 1];
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_version_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '+' || c == '!' || c == '*';
}

/* Trimmed and lower case into s->text. NULL, or what is wrong. */
static const char *normalise(struct scratch *s, struct str text, size_t *ret)
{
	bool dash = false, underscore = false;

	text = str_trim(text);
	if (!text.n)
		return "empty";
	if (text.n > VERSION_MAX)
		return "longer than 256 bytes";
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		dash |= c == '-';
		underscore |= c == '_';
		if (c != '-' && !is_version_char(c))
			return "invalid character";
		s->text[i] = c;
	}
	s->text[text.n] = '\0';
	if (dash && underscore)
		return "both '-' and '_'";
	for (size_t i = 0; dash && i < text.n; i++) {
		if (s->text[i] == '-')
			s->text[i] = '_';
	}
	*ret = text.n;
	return NULL;
}

static struct part *add_part(struct scratch *s, enum part_type type, size_t at, size_t n)
{
	struct part *p = &s->parts[s->v.n++];

	*p = (struct part){ .at = (uint16_t)at, .n = (uint16_t)n, .type = (uint8_t)type };
	return p;
}

static void add_number(struct scratch *s, size_t at, size_t end)
{
	while (at < end && s->text[at] == '0')
		at++;
	add_part(s, PART_NUMBER, at, end - at);
}

static void add_text(struct scratch *s, size_t at, size_t end)
{
	struct str run = { s->text + at, end - at };
	bool is_post = str_eq(run, "post");

	if (str_eq(run, "dev"))
		memcpy(s->text + at, "DEV", 3);
	add_part(s, is_post ? PART_POST : PART_TEXT, at, end - at);
}

static size_t run_end(const char *text, size_t at, size_t end)
{
	char first = text[at++];

	if (is_digit(first))
		while (at < end && is_digit(text[at]))
			at++;
	else if (first == '*')
		while (at < end && text[at] == '*')
			at++;
	else
		while (at < end && !is_digit(text[at]) && text[at] != '*')
			at++;
	return at;
}

static void add_segment(struct scratch *s, size_t at, size_t end)
{
	size_t first = s->v.n;

	if (!is_digit(s->text[at]))
		add_number(s, at, at);
	while (at < end) {
		size_t run = run_end(s->text, at, end);

		if (is_digit(s->text[at]))
			add_number(s, at, run);
		else
			add_text(s, at, run);
		at = run;
	}
	s->parts[first].first = true;
}

/*
 * The segments of text[at..end). glue: an underscore at the very end belongs to
 * the last segment (openssl's "1.0.1_"). False: an empty segment.
 */
static bool add_segments(struct scratch *s, size_t at, size_t end, bool glue)
{
	size_t split_end = end;

	if (glue && end > at && s->text[end - 1] == '_')
		split_end--;
	for (;;) {
		size_t stop = at;

		while (stop < split_end && s->text[stop] != '.' && s->text[stop] != '_')
			stop++;
		if (stop == split_end)
			stop = end;
		if (stop == at)
			return false;
		add_segment(s, at, stop);
		if (stop == end)
			return true;
		at = stop + 1;
	}
}

/* NULL, or what is wrong. */
static const char *add_epoch(struct scratch *s, size_t end)
{
	for (size_t i = 0; i < end; i++) {
		if (!is_digit(s->text[i]))
			return "the epoch before '!' is no number";
	}
	if (!end)
		return "the epoch before '!' is no number";
	add_number(s, 0, end);
	return NULL;
}

/* NULL, or what is wrong. */
static const char *parse(struct scratch *s, struct str text)
{
	const char *wrong, *bang, *plus;
	size_t n, at = 0, end;

	s->v = (struct version){ .text = s->text, .parts = s->parts };
	wrong = normalise(s, text, &n);
	if (wrong)
		return wrong;
	bang = memchr(s->text, '!', n);
	if (bang) {
		at = (size_t)(bang - s->text) + 1;
		wrong = add_epoch(s, at - 1);
		if (wrong)
			return wrong;
		if (memchr(bang + 1, '!', n - at))
			return "more than one '!'";
	} else {
		add_number(s, 0, 0);
	}
	s->parts[0].first = true;
	plus = memchr(s->text + at, '+', n - at);
	end = plus ? (size_t)(plus - s->text) : n;
	if (end == at)
		return "no version before the local version";
	if (!add_segments(s, at, end, true))
		return "empty segment";
	s->v.n_main = s->v.n;
	if (!plus)
		return NULL;
	if (memchr(plus + 1, '+', n - end - 1))
		return "more than one '+'";
	s->v.local = (uint16_t)(end + 1);
	return add_segments(s, end + 1, n, false) ? NULL : "empty segment";
}

const struct version *version_parse(struct arena *a, const char *text, struct err *err)
{
	struct scratch s;
	const char *wrong = parse(&s, str_of(text));
	size_t parts = s.v.n * sizeof(s.parts[0]), bytes;
	struct version *v;

	if (wrong) {
		err_set(err, ERR_FORMAT, "version '%.300s': %s", text, wrong);
		return NULL;
	}
	bytes = strlen(s.text) + 1;
	v = arena_alloc(a, sizeof(*v) + parts + bytes);
	*v = s.v;
	v->parts = memcpy(v + 1, s.parts, parts);
	v->text = memcpy((char *)(v + 1) + parts, s.text, bytes);
	return v;
}

/* A run of segments: parts of one version. */
struct list {
	const char *text;
	const struct part *at, *end;
};

static struct list main_list(const struct version *v)
{
	return (struct list){ v->text, v->parts, v->parts + v->n_main };
}

static struct list local_list(const struct version *v)
{
	return (struct list){ v->text, v->parts + v->n_main, v->parts + v->n };
}

static const struct part zero = { .type = PART_NUMBER };

/* Cut the first segment off l; an empty one where l is empty. */
static struct list cut_segment(struct list *l)
{
	struct list ret = { l->text, l->at, l->at };

	if (l->at < l->end)
		l->at++;
	while (l->at < l->end && !l->at->first)
		l->at++;
	ret.end = l->at;
	return ret;
}

static const struct part *cut_part(struct list *l)
{
	return l->at < l->end ? l->at++ : &zero;
}

static int part_cmp(const char *ta, const struct part *a, const char *tb, const struct part *b)
{
	int c;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->type == PART_NUMBER && a->n != b->n)
		return a->n < b->n ? -1 : 1;
	c = memcmp(ta + a->at, tb + b->at, a->n < b->n ? a->n : b->n);
	if (c)
		return c < 0 ? -1 : 1;
	return a->n == b->n ? 0 : a->n < b->n ? -1 : 1;
}

static int segment_cmp(struct list a, struct list b)
{
	while (a.at < a.end || b.at < b.end) {
		const struct part *x = cut_part(&a), *y = cut_part(&b);
		int c = part_cmp(a.text, x, b.text, y);

		if (c)
			return c;
	}
	return 0;
}

static int list_cmp(struct list a, struct list b)
{
	while (a.at < a.end || b.at < b.end) {
		struct list x = cut_segment(&a), y = cut_segment(&b);
		int c = segment_cmp(x, y);

		if (c)
			return c;
	}
	return 0;
}

int version_cmp(const struct version *a, const struct version *b)
{
	int c;

	if (a == b)
		return 0;
	c = list_cmp(main_list(a), main_list(b));
	return c ? c : list_cmp(local_list(a), local_list(b));
}

/* prefix is not empty. */
static bool segment_starts_with(struct list s, struct list prefix)
{
	const struct part *last = prefix.end - 1, *x;

	while (prefix.at < last) {
		const struct part *p = cut_part(&prefix);

		x = cut_part(&s);
		if (part_cmp(s.text, x, prefix.text, p) != 0)
			return false;
	}
	x = cut_part(&s);
	if (last->type != PART_TEXT)
		return part_cmp(s.text, x, prefix.text, last) == 0;
	return x->type == PART_TEXT && x->n >= last->n && memcmp(s.text + x->at, prefix.text + last->at, last->n) == 0;
}

static bool list_starts_with(struct list l, struct list prefix)
{
	for (;;) {
		struct list x = cut_segment(&l), y = cut_segment(&prefix);

		if (prefix.at == prefix.end)
			return segment_starts_with(x, y);
		if (segment_cmp(x, y) != 0)
			return false;
	}
}

bool version_starts_with(const struct version *v, const struct version *prefix)
{
	if (!prefix->local)
		return list_starts_with(main_list(v), main_list(prefix));
	return list_cmp(main_list(v), main_list(prefix)) == 0 && list_starts_with(local_list(v), local_list(prefix));
}

int version_text_cmp(const char *a, const char *b)
{
	struct scratch x, y;
	bool bad_x = parse(&x, str_of(a)), bad_y = parse(&y, str_of(b));
	int c;

	if (!bad_x && !bad_y)
		return version_cmp(&x.v, &y.v);
	if (bad_x != bad_y)
		return bad_x ? -1 : 1;
	c = strcmp(a, b);
	return c < 0 ? -1 : c > 0;
}

const char *version_text(struct arena *a, const struct version *v)
{
	char *s = arena_strdup(a, v->text);

	for (char *p = s; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	return s;
}

static void dump_part(struct buf *b, struct list l, const struct part *p)
{
	if (p->type == PART_NUMBER && !p->n)
		buf_addc(b, '0');
	else if (p->type == PART_NUMBER)
		buf_add(b, l.text + p->at, p->n);
	else if (p->n == 3 && memcmp(l.text + p->at, "DEV", 3) == 0)
		buf_adds(b, "\"dev\"");
	else
		buf_addf(b, "\"%.*s\"", (int)p->n, l.text + p->at);
}

const char *version_segments(struct arena *a, const struct version *v, bool local)
{
	struct list l = local ? local_list(v) : main_list(v);
	auto_buf b = { 0 };

	buf_addc(&b, '[');
	for (const struct part *p = l.at; p < l.end; p++) {
		if (p->first)
			buf_adds(&b, p == l.at ? "[" : "],[");
		else
			buf_addc(&b, ',');
		dump_part(&b, l, p);
	}
	buf_adds(&b, l.at < l.end ? "]]" : "]");
	return arena_strndup(a, b.p, b.n);
}

/* The digits at the start of the i-th segment behind the epoch, zeros in front included. */
static struct str segment_number(const char *text, size_t i)
{
	const char *bang = strchr(text, '!'), *end;

	if (bang)
		text = bang + 1;
	for (; i > 0; i--) {
		text += strcspn(text, "._+");
		if (*text != '.' && *text != '_')
			return (struct str){ text, 0 };
		text++;
	}
	for (end = text; is_digit(*end); end++)
		;
	return (struct str){ text, (size_t)(end - text) };
}

const char *version_major_minor(struct arena *a, const char *text)
{
	struct scratch s;
	struct str major, minor;

	if (parse(&s, str_of(text)))
		return NULL;
	major = segment_number(s.text, 0);
	minor = segment_number(s.text, 1);
	if (!major.n || !minor.n)
		return NULL;
	return arena_printf(a, "%.*s.%.*s", (int)major.n, major.p, (int)minor.n, minor.p);
}
