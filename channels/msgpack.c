#include "channels/msgpack.h"

#include "channels/scan.h"

/* What the first byte of a value says. */
struct lead {
	enum msgpack_type type;
	unsigned len_bytes; /* of a length or number that follows */
	unsigned extra; /* bytes that follow the length (the type of an extension) */
	uint32_t small; /* the length or number where it is in the byte itself */
};

void msgpack_init(struct msgpack *m, const void *p, size_t n)
{
	*m = (struct msgpack){ .at = p, .end = (const unsigned char *)p + n };
}

int msgpack_fail(struct msgpack *m, const char *fault)
{
	if (!m->fault)
		m->fault = fault;
	return -1;
}

/* 0xc0 to 0xdf */
static struct lead lead_of_table(unsigned char c)
{
	static const struct lead table[32] = {
		{ MSGPACK_NIL, 0, 0, 0 },	 { MSGPACK_WRONG, 0, 0, 0 },	 { MSGPACK_FALSE, 0, 0, 0 },
		{ MSGPACK_TRUE, 0, 0, 0 },	 { MSGPACK_BINARY, 1, 0, 0 },	 { MSGPACK_BINARY, 2, 0, 0 },
		{ MSGPACK_BINARY, 4, 0, 0 },	 { MSGPACK_EXTENSION, 1, 1, 0 }, { MSGPACK_EXTENSION, 2, 1, 0 },
		{ MSGPACK_EXTENSION, 4, 1, 0 },	 { MSGPACK_FLOAT, 4, 0, 0 },	 { MSGPACK_FLOAT, 8, 0, 0 },
		{ MSGPACK_INT, 1, 0, 0 },	 { MSGPACK_INT, 2, 0, 0 },	 { MSGPACK_INT, 4, 0, 0 },
		{ MSGPACK_INT, 8, 0, 0 },	 { MSGPACK_INT, 1, 0, 1 },	 { MSGPACK_INT, 2, 0, 1 },
		{ MSGPACK_INT, 4, 0, 1 },	 { MSGPACK_INT, 8, 0, 1 },	 { MSGPACK_EXTENSION, 0, 1, 1 },
		{ MSGPACK_EXTENSION, 0, 1, 2 },	 { MSGPACK_EXTENSION, 0, 1, 4 }, { MSGPACK_EXTENSION, 0, 1, 8 },
		{ MSGPACK_EXTENSION, 0, 1, 16 }, { MSGPACK_STRING, 1, 0, 0 },	 { MSGPACK_STRING, 2, 0, 0 },
		{ MSGPACK_STRING, 4, 0, 0 },	 { MSGPACK_ARRAY, 2, 0, 0 },	 { MSGPACK_ARRAY, 4, 0, 0 },
		{ MSGPACK_MAP, 2, 0, 0 },	 { MSGPACK_MAP, 4, 0, 0 },
	};

	return table[c - 0xc0];
}

static struct lead lead_of(unsigned char c)
{
	if (c < 0x80 || c >= 0xe0)
		return (struct lead){ MSGPACK_INT, 0, 0, c };
	if (c < 0x90)
		return (struct lead){ MSGPACK_MAP, 0, 0, c & 15u };
	if (c < 0xa0)
		return (struct lead){ MSGPACK_ARRAY, 0, 0, c & 15u };
	if (c < 0xc0)
		return (struct lead){ MSGPACK_STRING, 0, 0, c & 31u };
	return lead_of_table(c);
}

enum msgpack_type msgpack_peek(const struct msgpack *m)
{
	return m->at < m->end ? lead_of(*m->at).type : MSGPACK_WRONG;
}

static size_t left(const struct msgpack *m)
{
	return (size_t)(m->end - m->at);
}

/* The number of n bytes at p, the highest first. */
static uint64_t big_endian(const unsigned char *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Past the first byte and what stands behind it, which is *number. */
static int begin(struct msgpack *m, struct lead *lead, uint64_t *number)
{
	*lead = (struct lead){ 0 };
	*number = 0;
	if (m->fault)
		return -1;
	if (m->at >= m->end)
		return msgpack_fail(m, "ends too early");
	*lead = lead_of(*m->at++);
	if (lead->type == MSGPACK_WRONG)
		return msgpack_fail(m, "has a byte that begins no value");
	if (left(m) < lead->len_bytes + lead->extra)
		return msgpack_fail(m, "ends too early");
	*number = lead->len_bytes ? big_endian(m->at, lead->len_bytes) : lead->small;
	m->at += lead->len_bytes + lead->extra;
	return 1;
}

static int container(struct msgpack *m, enum msgpack_type type, unsigned least, const char *fault, uint32_t *n)
{
	struct lead lead;
	uint64_t number;

	*n = 0;
	if (!m->fault && msgpack_peek(m) != type && m->at < m->end)
		return msgpack_fail(m, fault);
	if (begin(m, &lead, &number) < 0)
		return -1;
	if (number > left(m) / least)
		return msgpack_fail(m, "ends too early");
	*n = (uint32_t)number;
	return 1;
}

int msgpack_map(struct msgpack *m, uint32_t *n)
{
	return container(m, MSGPACK_MAP, 2, "has something else where a map is expected", n);
}

int msgpack_array(struct msgpack *m, uint32_t *n)
{
	return container(m, MSGPACK_ARRAY, 1, "has something else where a list is expected", n);
}

int msgpack_bytes(struct msgpack *m, struct str *ret)
{
	enum msgpack_type type = msgpack_peek(m);
	struct lead lead;
	uint64_t n;

	*ret = (struct str){ "", 0 };
	if (!m->fault && type != MSGPACK_STRING && type != MSGPACK_BINARY && m->at < m->end)
		return msgpack_fail(m, "has something else where a string is expected");
	if (begin(m, &lead, &n) < 0)
		return -1;
	if (n > left(m))
		return msgpack_fail(m, "ends too early");
	*ret = (struct str){ (const char *)m->at, (size_t)n };
	m->at += n;
	return 1;
}

int msgpack_string(struct msgpack *m, struct str *ret)
{
	struct scan_text t = { 0 };

	if (!m->fault && m->at < m->end && msgpack_peek(m) != MSGPACK_STRING)
		return msgpack_fail(m, "has something else where a string is expected");
	if (msgpack_bytes(m, &t.raw) < 0)
		return -1;
	if (memchr(t.raw.p, '\0', t.raw.n) || !scan_decode(&t, NULL, ret))
		return msgpack_fail(m, "has a string that is no text");
	return 1;
}

int msgpack_next(struct msgpack *m, uint32_t *left, struct str *ret)
{
	if (!*left)
		return 0;
	--*left;
	return msgpack_string(m, ret);
}

int msgpack_int(struct msgpack *m, uint64_t *magnitude, bool *negative)
{
	unsigned char first = m->at < m->end ? *m->at : 0;
	struct lead lead;
	uint64_t n, sign;

	if (!m->fault && m->at < m->end && msgpack_peek(m) != MSGPACK_INT)
		return msgpack_fail(m, "has something else where a whole number is expected");
	if (begin(m, &lead, &n) < 0)
		return -1;
	*magnitude = n;
	*negative = false;
	if (lead.len_bytes ? !lead.small : first < 0x80)
		return 1;
	/* in two's complement, of one byte where it is in the first */
	sign = (uint64_t)1 << (lead.len_bytes ? 8 * lead.len_bytes - 1 : 7);
	*negative = n & sign;
	if (*negative)
		*magnitude = sign - (n & (sign - 1));
	return 1;
}

int msgpack_float(struct msgpack *m, double *ret)
{
	struct lead lead;
	uint64_t n;

	if (!m->fault && m->at < m->end && msgpack_peek(m) != MSGPACK_FLOAT)
		return msgpack_fail(m, "has something else where a number is expected");
	if (begin(m, &lead, &n) < 0)
		return -1;
	if (lead.len_bytes == 4) {
		uint32_t bits = (uint32_t)n;
		float f;

		memcpy(&f, &bits, sizeof(f));
		*ret = (double)f;
	} else {
		memcpy(ret, &n, sizeof(*ret));
	}
	return 1;
}

int msgpack_skip(struct msgpack *m)
{
	uint64_t todo[MSGPACK_DEPTH_MAX + 1] = { 1 }; /* values on each level */
	unsigned depth = 0;
	struct lead lead;
	uint64_t n;

	for (;;) {
		while (depth && !todo[depth])
			depth--;
		if (!todo[depth])
			return 1;
		todo[depth]--;
		if (begin(m, &lead, &n) < 0)
			return -1;
		if (lead.type == MSGPACK_MAP || lead.type == MSGPACK_ARRAY) {
			if (depth == MSGPACK_DEPTH_MAX)
				return msgpack_fail(m, "is nested too deeply");
			todo[++depth] = lead.type == MSGPACK_MAP ? 2 * n : n;
		} else if (lead.type == MSGPACK_STRING || lead.type == MSGPACK_BINARY ||
			   lead.type == MSGPACK_EXTENSION) {
			if (n > left(m))
				return msgpack_fail(m, "ends too early");
			m->at += n;
		}
	}
}
