/*
 * sha256 (and md5, where a channel has nothing better) as values, and the
 * streams that compute or check them. The only user of openssl.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/io.h"

struct digest {
	uint8_t sha256[32];
};

/* Lower-case hex and a NUL. */
struct digest_text {
	char hex[65];
};

struct digest digest_bytes(const void *p, size_t n);
struct digest_text digest_hex(const struct digest *d);
bool digest_equal(const struct digest *a, const struct digest *b);

/* 64 hex digits of either case, nothing else. */
bool digest_parse(const char *hex, struct digest *ret);

/* n bytes as 2n lower-case hex digits and a NUL in ret; and back (exactly 2n digits). */
void digest_hex_of(const uint8_t *p, size_t n, char *ret);
bool digest_hex_parse(const char *hex, uint8_t *ret, size_t n);

/* A running hash. Not copyable; release it also after the result was taken. */
struct hash {
	void *ctx;
};
void hash_init(struct hash *h);		/* sha256 */
void hash_init_md5(struct hash *h);
void hash_add(struct hash *h, const void *p, size_t n);
struct digest hash_get(struct hash *h);
void hash_get_md5(struct hash *h, uint8_t ret[16]);
void hash_release(struct hash *h);

#define DIGEST_SIZE_ANY UINT64_MAX

/*
 * Passes in through and fails with ERR_INTEGRITY at its end where the bytes are
 * not these: at the first byte too many, or at the end. With want NULL only the
 * size is checked; with DIGEST_SIZE_ANY only the digest.
 */
struct source *source_verify(struct source *in, const struct digest *want, uint64_t size);

/* Hash and count while bytes pass; *digest and *size (NULL allowed) are set at the end of in. */
struct source *source_digest(struct source *in, struct digest *digest, uint64_t *size);

/* The same for what is pushed; set by finish, before out is finished. */
struct sink *sink_digest(struct sink *out, struct digest *digest, uint64_t *size);

#endif
