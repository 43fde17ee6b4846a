#include "channels/scan.h"

#include "channels/block.h"

void scan_init(struct scan *s, const char *p, size_t n)
{
	*s = (struct scan){ .begin = p, .at = p, .end = p + n };
}

int scan_fail(struct scan *s, const char *fault)
{
	if (!s->fault)
		s->fault = fault;
	return -1;
}

static int early(struct scan *s)
{
	s->at = s->end;
	s->early = !s->fault;
	return scan_fail(s, "the text ends too early");
}

static int expected(struct scan *s, const char *fault)
{
	return s->at >= s->end ? early(s) : scan_fail(s, fault);
}

int scan_err(const struct scan *s, struct err *err)
{
	size_t line = 1 + s->lines_gone;

	for (const char *p = s->begin; (p = memchr(p, '\n', (size_t)(s->at - p))); p++)
		line++;
	return err_set(err, ERR_FORMAT, "line %zu, byte %zu: %s", line, (size_t)(s->at - s->begin) + s->bytes_gone,
		       s->fault);
}

/* The zeros after the end stop every loop that looks for something. */
static void skip_space(struct scan *s)
{
	while (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r')
		s->at++;
}

enum scan_type scan_peek(struct scan *s)
{
	skip_space(s);
	switch (*s->at) {
	case '{':
		return SCAN_OBJECT;
	case '[':
		return SCAN_ARRAY;
	case '"':
		return SCAN_STRING;
	case 't':
		return SCAN_TRUE;
	case 'f':
		return SCAN_FALSE;
	case 'n':
		return SCAN_NULL;
	default:
		return *s->at == '-' || (*s->at >= '0' && *s->at <= '9') ? SCAN_NUMBER : SCAN_WRONG;
	}
}

int scan_enter(struct scan *s, enum scan_type type)
{
	if (s->fault)
		return -1;
	skip_space(s);
	if (*s->at != (type == SCAN_OBJECT ? '{' : '['))
		return expected(s, type == SCAN_OBJECT ? "expected an object" : "expected a list");
	s->at++;
	s->fresh = true;
	return 1;
}

/* To the next member, past the comma before it; 0 at the closing bracket. */
static int next_member(struct scan *s, char close)
{
	if (s->fault)
		return -1;
	skip_space(s);
	if (*s->at == close) {
		s->at++;
		s->fresh = false;
		return 0;
	}
	if (!s->fresh) {
		if (*s->at != ',')
			return expected(s, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
		s->at++;
		skip_space(s);
	}
	s->fresh = false;
	return 1;
}

int scan_key_like(struct scan *s, struct str guess, struct scan_text *key)
{
	int rc = next_member(s, '}');

	if (rc <= 0)
		return rc;
	if (*s->at != '"')
		return expected(s, "expected a key in quotes");
	if (s->at[guess.n + 1] == '"' && memcmp(s->at + 1, guess.p, guess.n) == 0) {
		*key = (struct scan_text){ .raw = { s->at + 1, guess.n }, .ascii = true };
		s->at += guess.n + 2;
	} else if (scan_string(s, key) < 0) {
		return -1;
	}
	skip_space(s);
	if (*s->at != ':')
		return expected(s, "expected ':'");
	s->at++;
	return 1;
}

int scan_key(struct scan *s, struct scan_text *key)
{
	return scan_key_like(s, (struct str){ "", 0 }, key);
}

int scan_item(struct scan *s)
{
	int rc = next_member(s, ']');

	if (rc > 0 && scan_peek(s) == SCAN_WRONG)
		return expected(s, "expected a value");
	return rc;
}

/* ---- strings ---- */

#ifdef __SSE2__
/* To the first '"', '\' or control character from p on: there is one, a zero, after the end. *high: past a byte above 127. */
static const char *string_stop(const char *p, bool *high)
{
	unsigned seen = 0;

	for (;; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		__m128i stop =
			_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
		unsigned mask = (unsigned)_mm_movemask_epi8(
			_mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v)));
		unsigned above = (unsigned)_mm_movemask_epi8(v);

		if (mask) {
			*high |= (seen | (above & ((mask & -mask) - 1))) != 0;
			return p + __builtin_ctz(mask);
		}
		seen |= above;
	}
}
#else
static const char *string_stop(const char *p, bool *high)
{
	for (; *p != '"' && *p != '\\' && (unsigned char)*p >= ' '; p++)
		*high |= (unsigned char)*p > 127;
	return p;
}
#endif

int scan_string(struct scan *s, struct scan_text *ret)
{
	bool high = false;
	const char *p;

	if (s->fault)
		return -1;
	skip_space(s);
	if (*s->at != '"')
		return expected(s, "expected a string");
	*ret = (struct scan_text){ .raw.p = s->at + 1 };
	for (p = s->at + 1; *(p = string_stop(p, &high)) == '\\'; p += 2) {
		ret->escaped = true;
		if (p + 1 >= s->end)
			return early(s);
	}
	s->at = p;
	if (*p != '"')
		return expected(s, "a control character in a string");
	ret->raw.n = (size_t)(p - ret->raw.p);
	ret->ascii = !high && !ret->escaped;
	s->at = p + 1;
	return 1;
}

static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static void add_utf8(struct buf *b, unsigned c)
{
	char u[4];

	if (c < 0x80) {
		buf_addc(b, (char)c);
	} else if (c < 0x800) {
		u[0] = (char)(0xc0 | c >> 6);
		u[1] = (char)(0x80 | (c & 63));
		buf_add(b, u, 2);
	} else if (c < 0x10000) {
		u[0] = (char)(0xe0 | c >> 12);
		u[1] = (char)(0x80 | (c >> 6 & 63));
		u[2] = (char)(0x80 | (c & 63));
		buf_add(b, u, 3);
	} else {
		u[0] = (char)(0xf0 | c >> 18);
		u[1] = (char)(0x80 | (c >> 12 & 63));
		u[2] = (char)(0x80 | (c >> 6 & 63));
		u[3] = (char)(0x80 | (c & 63));
		buf_add(b, u, 4);
	}
}

/* p is after "\u". Returns the bytes used, or 0. */
static size_t decode_u(const char *p, const char *end, struct buf *to)
{
	int c = hex4(p, end), low;

	if (c <= 0 || (c >= 0xdc00 && c < 0xe000))
		return 0;
	if (c < 0xd800 || c >= 0xe000) {
		add_utf8(to, (unsigned)c);
		return 4;
	}
	if (end - p < 10 || p[4] != '\\' || p[5] != 'u')
		return 0;
	low = hex4(p + 6, end);
	if (low < 0xdc00 || low >= 0xe000)
		return 0;
	add_utf8(to, 0x10000 + ((unsigned)(c - 0xd800) << 10) + (unsigned)(low - 0xdc00));
	return 10;
}

static bool unescape(struct str raw, struct buf *to)
{
	static const char from[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *end = raw.p + raw.n;

	to->n = 0;
	for (const char *p = raw.p; p < end;) {
		const char *at = memchr(p, '\\', (size_t)(end - p)), *which;
		size_t n;

		buf_add(to, p, (size_t)((at ? at : end) - p));
		if (!at)
			break;
		if (at + 1 >= end)
			return false;
		which = at[1] ? strchr(from, at[1]) : NULL;
		p = at + 2;
		if (which) {
			buf_addc(to, means[which - from]);
			continue;
		}
		n = at[1] == 'u' ? decode_u(p, end, to) : 0;
		if (!n)
			return false;
		p += n;
	}
	return true;
}

/* Bytes of the well-formed character at p, which is no ASCII; 0: it is none (RFC 3629). */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

	if (p[0] < 0xc2 || p[0] > 0xf4 || left < n)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static bool is_utf8(struct str s)
{
	size_t i = 0;

	while (i < s.n) {
		uint64_t eight;
		size_t n;

		if (s.n - i >= 8 && (memcpy(&eight, s.p + i, 8), !(eight & 0x8080808080808080u))) {
			i += 8;
			continue;
		}
		n = (unsigned char)s.p[i] < 0x80 ? 1 : utf8_len((const unsigned char *)s.p + i, s.n - i);
		if (!n)
			return false;
		i += n;
	}
	return true;
}

bool scan_decode_slowly(const struct scan_text *t, struct buf *room, struct str *ret)
{
	if (t->escaped) {
		if (!unescape(t->raw, room))
			return false;
		*ret = (struct str){ buf_cstr(room), room->n };
	} else {
		*ret = t->raw;
	}
	return is_utf8(*ret);
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One more digit at the end of v, which sticks at its largest. */
static uint64_t times10(uint64_t v, unsigned digit)
{
	uint64_t ret;

	if (__builtin_mul_overflow(v, 10, &ret) || __builtin_add_overflow(ret, digit, &ret))
		return UINT64_MAX;
	return ret;
}

/* -?int[.frac][e[+-]exp] of RFC 8259; the parts without their signs. */
static int split_number(struct scan *s, struct str *whole, struct str *frac, long *exp)
{
	const char *p = s->at + (*s->at == '-');
	bool down;

	*whole = (struct str){ p, 0 };
	while (is_digit(p[whole->n]))
		whole->n++;
	p += whole->n;
	if (!whole->n || (whole->n > 1 && *whole->p == '0'))
		return expected(s, "expected a number");
	*frac = (struct str){ p + 1, 0 };
	if (*p == '.') {
		while (is_digit(frac->p[frac->n]))
			frac->n++;
		p = frac->p + frac->n;
		if (!frac->n)
			return expected(s, "expected digits after the point of a number");
	}
	*exp = 0;
	if ((*p | 0x20) == 'e') {
		down = p[1] == '-';
		p += 1 + (p[1] == '-' || p[1] == '+');
		if (!is_digit(*p))
			return expected(s, "expected digits in the exponent of a number");
		for (; is_digit(*p); p++)
			*exp = *exp > 10000 ? *exp : *exp * 10 + (*p - '0');
		*exp = down ? -*exp : *exp;
	}
	s->at = p;
	return 1;
}

/* What nearly all numbers are: a few digits. */
static bool is_plain_number(struct scan *s, struct scan_number *ret)
{
	const char *p = s->at;
	uint64_t v = 0;

	while (is_digit(*p))
		v = v * 10 + (uint64_t)(*p++ - '0');
	if (p == s->at || p - s->at > 18 || (*s->at == '0' && p - s->at > 1) || *p == '.' || (*p | 0x20) == 'e')
		return false;
	*ret = (struct scan_number){ .whole = v, .integral = true };
	s->at = p;
	return true;
}

int scan_number(struct scan *s, struct scan_number *ret)
{
	struct str whole = { 0 }, frac = { 0 };
	long exp = 0, point;

	if (s->fault)
		return -1;
	skip_space(s);
	if (is_plain_number(s, ret))
		return 1;
	*ret = (struct scan_number){ .integral = true, .negative = *s->at == '-' };
	if (split_number(s, &whole, &frac, &exp) < 0)
		return -1;
	/* The digits are whole, then frac; the point is after so many of them. */
	point = (long)whole.n + exp;
	for (long i = 0; i < (long)(whole.n + frac.n); i++) {
		char c = i < (long)whole.n ? whole.p[i] : frac.p[i - (long)whole.n];
		unsigned digit = (unsigned)(c - '0');

		if (i < point)
			ret->whole = times10(ret->whole, digit);
		else if (i - point < 3)
			ret->thousandths += digit * (i == point ? 100 : i == point + 1 ? 10 : 1);
		ret->integral &= i < point || digit == 0;
	}
	for (long i = (long)(whole.n + frac.n); i < point && ret->whole && ret->whole != UINT64_MAX; i++)
		ret->whole = times10(ret->whole, 0);
	return 1;
}

/* ---- skipping ---- */

/* Open or close one bracket. kinds has a bit a level: 1 for '{'. */
static bool bracket(char c, unsigned *depth, uint64_t *kinds)
{
	bool curly = (c & 0x20) != 0;

	if ((c | 0x20) == '{') {
		if (*depth == SCAN_DEPTH_MAX)
			return false;
		*kinds = *kinds << 1 | curly;
		(*depth)++;
		return true;
	}
	if ((*kinds & 1) != curly)
		return false;
	*kinds >>= 1;
	(*depth)--;
	return true;
}

/* From an opening bracket to after its closing one. */
static int skip_nested(struct scan *s)
{
	uint64_t in_string = 0, carry = 0, kinds = 0;
	unsigned depth = 0;

	for (const char *p = s->at; p < s->end; p += BLOCK_SIZE) {
		struct block b = block_read(p);
		uint64_t strings, found;

		if (b.escapes | carry)
			b.quotes &= ~block_escaped(b.escapes, &carry);
		strings = block_parity(b.quotes) ^ in_string;
		in_string = (uint64_t)((int64_t)strings >> 63);
		for (found = b.brackets & ~strings; found; found &= found - 1) {
			s->at = p + __builtin_ctzll(found);
			if (!bracket(*s->at, &depth, &kinds))
				return scan_fail(s, depth == SCAN_DEPTH_MAX ? "nested too deeply"
									    : "the brackets do not match");
			if (!depth) {
				s->at++;
				return 1;
			}
		}
	}
	return early(s);
}

static int skip_word(struct scan *s, struct str word)
{
	size_t left = (size_t)(s->end - s->at);

	if (memcmp(s->at, word.p, left < word.n ? left : word.n) != 0)
		return scan_fail(s, "expected a value");
	if (left < word.n)
		return early(s);
	s->at += word.n;
	return 1;
}

int scan_skip(struct scan *s)
{
	struct scan_text text;
	struct scan_number number;

	if (s->fault)
		return -1;
	switch (scan_peek(s)) {
	case SCAN_NULL:
		return skip_word(s, STR("null"));
	case SCAN_TRUE:
		return skip_word(s, STR("true"));
	case SCAN_FALSE:
		return skip_word(s, STR("false"));
	case SCAN_NUMBER:
		return scan_number(s, &number);
	case SCAN_STRING:
		return scan_string(s, &text);
	case SCAN_OBJECT:
	case SCAN_ARRAY:
		return skip_nested(s);
	case SCAN_WRONG:
	default:
		return expected(s, "expected a value");
	}
}

int scan_end(struct scan *s)
{
	if (s->fault)
		return -1;
	skip_space(s);
	return s->at == s->end ? 0 : scan_fail(s, "more text after the end of the document");
}
