/*
 * 64 bytes of JSON at a time as bit masks: bit i tells of byte i. In a header, so
 * that the loops that use it need no calls and a test can hold the two ways of
 * making them against each other.
 */
#ifndef CHANNELS_BLOCK_H
#define CHANNELS_BLOCK_H

#include <endian.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK_SIZE 64

struct block {
	uint64_t quotes; /* " */
	uint64_t escapes; /* \ */
	uint64_t brackets; /* { } [ ] */
};

/* The high bit of each byte of v that equals c; exact for every byte. */
static inline uint64_t block_eq8(uint64_t v, unsigned char c)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
	uint64_t x = v ^ (0x0101010101010101u * c);

	return ~(((x & low) + low) | x | low);
}

/* High bits of eight bytes -> eight bits. */
static inline uint64_t block_pack8(uint64_t high)
{
	return ((high >> 7) * 0x0102040810204080u) >> 56;
}

static inline struct block block_portable(const char *p)
{
	struct block b = { 0 };

	for (unsigned i = 0; i < BLOCK_SIZE; i += 8) {
		uint64_t v, curled;

		memcpy(&v, p + i, 8);
		v = le64toh(v);
		curled = v | 0x2020202020202020u; /* [ and ] become { and } */
		b.quotes |= block_pack8(block_eq8(v, '"')) << i;
		b.escapes |= block_pack8(block_eq8(v, '\\')) << i;
		b.brackets |= block_pack8(block_eq8(curled, '{') | block_eq8(curled, '}')) << i;
	}
	return b;
}

#ifdef __SSE2__
static inline uint64_t block_mask16(__m128i x, unsigned shift)
{
	return (uint64_t)(uint32_t)_mm_movemask_epi8(x) << shift;
}

static inline struct block block_sse2(const char *p)
{
	struct block b = { 0 };

	for (unsigned i = 0; i < BLOCK_SIZE; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(p + i));
		__m128i curled = _mm_or_si128(v, _mm_set1_epi8(0x20));

		b.quotes |= block_mask16(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), i);
		b.escapes |= block_mask16(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')), i);
		b.brackets |= block_mask16(_mm_or_si128(_mm_cmpeq_epi8(curled, _mm_set1_epi8('{')),
							_mm_cmpeq_epi8(curled, _mm_set1_epi8('}'))),
					   i);
	}
	return b;
}
#endif

static inline struct block block_read(const char *p)
{
#ifdef __SSE2__
	return block_sse2(p);
#else
	return block_portable(p);
#endif
}

/* Bit i: the number of bits set in 0..i is odd. Between quotes, that is. */
static inline uint64_t block_parity(uint64_t x)
{
	x ^= x << 1;
	x ^= x << 2;
	x ^= x << 4;
	x ^= x << 8;
	x ^= x << 16;
	x ^= x << 32;
	return x;
}

/* The bytes that a backslash before them makes plain. *carry (0 or 1) goes from block to block. */
static inline uint64_t block_escaped(uint64_t escapes, uint64_t *carry)
{
	uint64_t ret = *carry;

	*carry = 0;
	escapes &= ~ret;
	while (escapes) {
		unsigned i = (unsigned)__builtin_ctzll(escapes);

		if (i == 63) {
			*carry = 1;
			break;
		}
		ret |= (uint64_t)2 << i;
		escapes &= ~((uint64_t)3 << i);
	}
	return ret;
}

#endif
