#include "conda/placeholder.h"

#include <stdint.h>

/* A "#!" line whose interpreter alone is longer than this is not repaired. */
#define SHEBANG_READ_MAX ((size_t)64 << 10)

/* How the placeholder is looked for: so many bytes first, and so many times in vain. */
#define HEAD 16
#define MISSES_MAX 64

enum encoding { UTF_8, UTF_16_LE, UTF_16_BE, UTF_32_LE, UTF_32_BE };

/* conda's order; a later one sees what the earlier ones left. */
static const struct {
	enum encoding encoding;
	unsigned unit; /* bytes of a NUL */
} encodings[] = {
	{ UTF_8, 1 }, { UTF_16_LE, 2 }, { UTF_16_BE, 2 }, { UTF_32_LE, 4 }, { UTF_32_BE, 4 },
};

/* ---- encodings ---- */

/* One character of UTF-8 at *s, which moves on. False where it is none. */
static bool decode(const char **s, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)*s;
	unsigned more = p[0] < 0x80 ? 0 : p[0] < 0xc2 ? 4 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : p[0] < 0xf5 ? 3 : 4;
	uint32_t c = more ? p[0] & (0x3fu >> more) : p[0];

	if (more > 3)
		return false;
	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return false;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return false;
	*s += more + 1;
	*ret = c;
	return true;
}

static void put_unit(struct buf *b, uint32_t v, unsigned bytes, bool big)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_addc(b, (char)(v >> 8 * (big ? bytes - 1 - i : i)));
}

static void put_char(struct buf *b, uint32_t c, enum encoding e)
{
	bool big = e == UTF_16_BE || e == UTF_32_BE;

	if (e == UTF_32_LE || e == UTF_32_BE) {
		put_unit(b, c, 4, big);
	} else if (c < 0x10000) {
		put_unit(b, c, 2, big);
	} else {
		put_unit(b, 0xd800 | (c - 0x10000) >> 10, 2, big);
		put_unit(b, 0xdc00 | ((c - 0x10000) & 0x3ff), 2, big);
	}
}

static bool encode(const char *s, enum encoding e, struct buf *ret)
{
	uint32_t c;

	if (e == UTF_8) {
		buf_adds(ret, s);
		return true;
	}
	while (*s) {
		if (!decode(&s, &c))
			return false;
		put_char(ret, c, e);
	}
	return true;
}

/* ---- one encoding of the placeholder ---- */

struct swap {
	struct source base;
	struct source *in;
	struct buf from, to;
	size_t anchor; /* of from: a byte that is not 0 */
	unsigned unit;
	bool binary;
	struct buf held; /* read, not yet looked through; begins with the placeholder while a string's end is sought */
	size_t sought; /* of held: no NUL before this */
	struct buf out; /* to be given */
	size_t at; /* of out: given so far */
	bool ended; /* in is at its end */
};

/*
 * The placeholder in the n bytes at p. memmem() is slow where zeros abound, as in wide strings and
 * in binaries; a byte that is none, and then the rest, is fast. Only where that is led astray again
 * and again (it takes intent) memmem()'s steady pace is better.
 */
static const char *find(const struct swap *s, const char *p, size_t n)
{
	size_t head = s->from.n < HEAD ? s->from.n : HEAD;
	const char *at, *end;
	unsigned misses = 0;

	if (n < s->from.n)
		return NULL;
	at = p + s->anchor;
	end = p + n - s->from.n + s->anchor + 1;
	for (; at < end && (at = memchr(at, s->from.p[s->anchor], (size_t)(end - at))); at++) {
		const char *hit = at - s->anchor;

		if (memcmp(hit, s->from.p, head) != 0)
			continue;
		if (memcmp(hit, s->from.p, s->from.n) == 0)
			return hit;
		if (misses++ == MISSES_MAX)
			return memmem(hit + 1, (size_t)(p + n - hit) - 1, s->from.p, s->from.n);
	}
	return NULL;
}

/* Where the first NUL character begins that is at or after i and aligned to i; false: not here yet, *ret is to go on. */
static bool find_nul(const struct swap *s, size_t i, size_t *ret)
{
	static const char zeros[4];
	const char *nul;

	if (s->unit == 1) {
		nul = memchr(s->held.p + i, '\0', s->held.n - i);
		*ret = nul ? (size_t)(nul - s->held.p) : s->held.n;
		return nul != NULL;
	}
	while (s->held.n - i >= s->unit && memcmp(s->held.p + i, zeros, s->unit) != 0)
		i += s->unit;
	*ret = i;
	return s->held.n - i >= s->unit;
}

/* Everything in held[i..end) with the placeholder replaced, and as many NULs as that made it shorter. */
static void put_string(struct swap *s, size_t i, size_t end)
{
	size_t n = s->out.n + (end - i);
	const char *hit;

	while ((hit = find(s, s->held.p + i, end - i))) {
		buf_add(&s->out, s->held.p + i, (size_t)(hit - s->held.p) - i);
		buf_add(&s->out, s->to.p, s->to.n);
		i = (size_t)(hit - s->held.p) + s->from.n;
	}
	buf_add(&s->out, s->held.p + i, end - i);
	while (s->out.n < n)
		buf_addc(&s->out, '\0');
}

/* The string whose placeholder stands at hit, if its end is here. 1: done, *i is at its end; 0: read more; -1. */
static int binary_string(struct swap *s, size_t hit, size_t *i, struct err *err)
{
	size_t from = hit + s->from.n, end;

	if (s->to.n > s->from.n)
		return err_set(err, ERR_FORMAT, "has a placeholder of %zu bytes, too short for a prefix of %zu",
			       s->from.n, s->to.n);
	if (!find_nul(s, hit == 0 && s->sought > from ? s->sought : from, &end)) {
		if (end - hit > PLACEHOLDER_STRING_MAX)
			return err_set(err, ERR_LIMIT, "has a string with a placeholder that is longer than %zu bytes",
				       PLACEHOLDER_STRING_MAX);
		s->sought = end - hit;
		*i = hit;
		return 0;
	}
	put_string(s, hit, end);
	s->sought = 0;
	*i = end;
	return 1;
}

/* Move what can be decided from held to out. */
static int look_through(struct swap *s, struct err *err)
{
	size_t i = 0, keep;
	const char *hit;
	int rc;

	while ((hit = find(s, s->held.p + i, s->held.n - i))) {
		size_t at = (size_t)(hit - s->held.p);

		buf_add(&s->out, s->held.p + i, at - i);
		i = at;
		if (!s->binary) {
			buf_add(&s->out, s->to.p, s->to.n);
			i += s->from.n;
			continue;
		}
		rc = binary_string(s, at, &i, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			break;
	}
	/* Without a hit, the end may be the beginning of one. */
	keep = s->held.n - i;
	if (s->ended)
		keep = 0;
	else if (!hit && keep >= s->from.n)
		keep = s->from.n - 1;
	buf_add(&s->out, s->held.p + i, s->held.n - i - keep);
	memmove(s->held.p, s->held.p + s->held.n - keep, keep);
	s->held.n = keep;
	return 0;
}

static int swap_fill(struct swap *s, struct err *err)
{
	ssize_t n;

	s->out.n = s->at = 0;
	while (!s->out.n && !s->ended) {
		n = source_read(s->in, buf_room(&s->held, IO_CHUNK), IO_CHUNK, err);
		if (n < 0)
			return -1;
		s->held.n += (size_t)n;
		s->ended = n == 0;
		if (look_through(s, err) < 0)
			return -1;
	}
	return 0;
}

static ssize_t swap_read(struct source *src, void *buf, size_t len, struct err *err)
{
	struct swap *s = (struct swap *)src;

	if (s->at == s->out.n && swap_fill(s, err) < 0)
		return -1;
	if (len > s->out.n - s->at)
		len = s->out.n - s->at;
	if (len)
		memcpy(buf, s->out.p + s->at, len);
	s->at += len;
	return (ssize_t)len;
}

static void swap_free(struct source *src)
{
	struct swap *s = (struct swap *)src;

	source_free(s->in);
	buf_release(&s->from);
	buf_release(&s->to);
	buf_release(&s->held);
	buf_release(&s->out);
	free(s);
}

static const struct source_ops swap_ops = { swap_read, swap_free };

/* Where the placeholder has a byte that files have seldom; at worst, its first that is not 0. */
static size_t anchor(const struct buf *from)
{
	const char *at = NULL;
	size_t ret = 0;

	for (const char *rare = "zqjxkwvyb"; !at && *rare; rare++)
		at = memchr(from->p, *rare, from->n);
	if (at)
		return (size_t)(at - from->p);
	while (!from->p[ret])
		ret++;
	return ret;
}

static struct source *swap_all(struct source *in, const char *placeholder, const char *prefix, bool binary)
{
	if (!*placeholder)
		return in;
	for (size_t i = 0; in && i < COUNT(encodings); i++) {
		struct swap *s = NEW(struct swap);

		s->base.ops = &swap_ops;
		s->in = in;
		s->unit = encodings[i].unit;
		s->binary = binary;
		in = &s->base;
		if (encode(placeholder, encodings[i].encoding, &s->from) &&
		    encode(prefix, encodings[i].encoding, &s->to)) {
			s->anchor = anchor(&s->from);
			continue;
		}
		in = TAKE(s->in); /* not UTF-8: it has no other encoding */
		swap_free(&s->base);
	}
	return in;
}

/* ---- the first line ---- */

struct shebang {
	struct source base;
	struct source *in;
	struct buf head; /* the beginning, to be given before in goes on */
	size_t at;
	bool looked;
};

/* Read until a line end, max bytes, or the end of in. */
static int read_line(struct source *in, size_t max, struct buf *ret, struct err *err)
{
	ssize_t n = 1;

	while (n > 0 && ret->n < max && !(ret->n && memchr(ret->p, '\n', ret->n))) {
		n = source_read(in, buf_room(ret, 4096), 4096, err);
		if (n < 0)
			return -1;
		ret->n += (size_t)n;
	}
	return 0;
}

/* Where the interpreter's path ends: at white space that no backslash escapes. */
static size_t interpreter_end(const char *p, size_t n, size_t i)
{
	while (i < n) {
		if (p[i] == '\\' && i + 1 < n && p[i + 1] == ' ')
			i += 2;
		else if (strchr(" \n\r\t", p[i]) && p[i])
			break;
		else
			i++;
	}
	return i;
}

static void shorten(struct buf *head)
{
	struct str line = { head->p, head->n };
	auto_buf ret = { 0 };
	const char *nl = memchr(head->p, '\n', head->n), *name;
	size_t i = 2, end;

	if (nl)
		line.n = (size_t)(nl - head->p);
	while (i < line.n && line.p[i] == ' ')
		i++;
	if (line.n <= PLACEHOLDER_SHEBANG_MAX || i == line.n || line.p[i] != '/')
		return;
	end = interpreter_end(line.p, line.n, i);
	if (end == head->n && end >= SHEBANG_READ_MAX) /* it goes on */
		return;
	name = (const char *)memrchr(line.p + i, '/', end - i) + 1;
	buf_adds(&ret, "#!/usr/bin/env ");
	buf_add(&ret, name, (size_t)(line.p + end - name));
	buf_add(&ret, line.p + end, head->n - end);
	buf_release(head);
	*head = ret;
	ret = (struct buf){ 0 };
}

static int shebang_look(struct shebang *s, struct err *err)
{
	s->looked = true;
	if (read_line(s->in, 2, &s->head, err) < 0)
		return -1;
	if (s->head.n < 2 || memcmp(s->head.p, "#!", 2) != 0)
		return 0;
	if (read_line(s->in, SHEBANG_READ_MAX, &s->head, err) < 0)
		return -1;
	shorten(&s->head);
	return 0;
}

static ssize_t shebang_read(struct source *src, void *buf, size_t len, struct err *err)
{
	struct shebang *s = (struct shebang *)src;

	if (!s->looked && shebang_look(s, err) < 0)
		return -1;
	if (s->at == s->head.n)
		return source_read(s->in, buf, len, err);
	if (len > s->head.n - s->at)
		len = s->head.n - s->at;
	memcpy(buf, s->head.p + s->at, len);
	s->at += len;
	return (ssize_t)len;
}

static void shebang_free(struct source *src)
{
	struct shebang *s = (struct shebang *)src;

	source_free(s->in);
	buf_release(&s->head);
	free(s);
}

static const struct source_ops shebang_ops = { shebang_read, shebang_free };

struct source *placeholder_text(struct source *in, const char *placeholder, const char *prefix)
{
	struct shebang *s;

	in = swap_all(in, placeholder, prefix, false);
	if (!in)
		return NULL;
	s = NEW(struct shebang);
	s->base.ops = &shebang_ops;
	s->in = in;
	return &s->base;
}

struct source *placeholder_binary(struct source *in, const char *placeholder, const char *prefix)
{
	return swap_all(in, placeholder, prefix, true);
}
