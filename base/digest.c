#include "base/digest.h"

#include <inttypes.h>
#include <openssl/evp.h>

/* ---- values ---- */

void digest_hex_of(const uint8_t *p, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[p[i] >> 4];
		ret[2 * i + 1] = digits[p[i] & 15];
	}
	ret[2 * n] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool digest_hex_parse(const char *hex, uint8_t *ret, size_t n)
{
	uint8_t bytes[64];

	if (n > sizeof(bytes) || strlen(hex) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_value(hex[2 * i]), lo = hex_value(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		bytes[i] = (uint8_t)(hi << 4 | lo);
	}
	memcpy(ret, bytes, n);
	return true;
}

bool digest_parse(const char *hex, struct digest *ret)
{
	return digest_hex_parse(hex, ret->sha256, sizeof(ret->sha256));
}

struct digest_text digest_hex(const struct digest *d)
{
	struct digest_text t;

	digest_hex_of(d->sha256, sizeof(d->sha256), t.hex);
	return t;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
}

/* ---- running hashes ---- */

static void start(struct hash *h, const EVP_MD *md)
{
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || EVP_DigestInit_ex(h->ctx, md, NULL) != 1)
		abort();
}

void hash_init(struct hash *h)
{
	start(h, EVP_sha256());
}

void hash_init_md5(struct hash *h)
{
	start(h, EVP_md5());
}

void hash_add(struct hash *h, const void *p, size_t n)
{
	if (EVP_DigestUpdate(h->ctx, p, n) != 1)
		abort();
}

static void result(struct hash *h, uint8_t *ret)
{
	if (EVP_DigestFinal_ex(h->ctx, ret, NULL) != 1)
		abort();
}

struct digest hash_get(struct hash *h)
{
	struct digest d;

	result(h, d.sha256);
	return d;
}

void hash_get_md5(struct hash *h, uint8_t ret[16])
{
	result(h, ret);
}

void hash_release(struct hash *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

struct digest digest_bytes(const void *p, size_t n)
{
	struct hash h;
	struct digest d;

	hash_init(&h);
	hash_add(&h, p, n);
	d = hash_get(&h);
	hash_release(&h);
	return d;
}

/* ---- sources ---- */

struct source_hash {
	struct source base;
	struct source *in;
	struct hash hash;
	uint64_t n;
	bool ended, refused;
	/* verify */
	struct digest want;
	bool has_want;
	uint64_t want_size;
	/* digest */
	struct digest *ret;
	uint64_t *ret_size;
};

static int check(struct source_hash *h, struct err *err)
{
	struct digest got = hash_get(&h->hash);

	if (h->want_size != DIGEST_SIZE_ANY && h->n != h->want_size)
		return err_set(err, ERR_INTEGRITY, "has %" PRIu64 " bytes, expected %" PRIu64, h->n, h->want_size);
	if (h->has_want && !digest_equal(&got, &h->want))
		return err_set(err, ERR_INTEGRITY, "is sha256:%s, expected sha256:%s", digest_hex(&got).hex,
			       digest_hex(&h->want).hex);
	return 0;
}

static ssize_t verify_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct source_hash *h = (struct source_hash *)s;
	ssize_t n;

	/* Whoever reads on after the failure must not meet an end that looks like a good one. */
	if (h->refused)
		return err_set(err, ERR_INTEGRITY, "are not the bytes expected");
	if (h->ended)
		return 0;
	h->refused = true;
	n = source_read(h->in, buf, len, err);
	if (n < 0)
		return -1;
	if (n == 0) {
		h->ended = true;
		if (check(h, err) < 0)
			return -1;
	}
	h->n += (uint64_t)n;
	if (h->want_size != DIGEST_SIZE_ANY && h->n > h->want_size)
		return err_set(err, ERR_INTEGRITY, "has more than the %" PRIu64 " bytes expected", h->want_size);
	if (h->has_want)
		hash_add(&h->hash, buf, (size_t)n);
	h->refused = false;
	return n;
}

static ssize_t digest_read(struct source *s, void *buf, size_t len, struct err *err)
{
	struct source_hash *h = (struct source_hash *)s;
	ssize_t n = h->ended ? 0 : source_read(h->in, buf, len, err);

	if (n > 0) {
		hash_add(&h->hash, buf, (size_t)n);
		h->n += (uint64_t)n;
	} else if (n == 0 && !h->ended) {
		h->ended = true;
		*h->ret = hash_get(&h->hash);
		if (h->ret_size)
			*h->ret_size = h->n;
	}
	return n;
}

static void hash_source_free(struct source *s)
{
	struct source_hash *h = (struct source_hash *)s;

	source_free(h->in);
	hash_release(&h->hash);
	free(h);
}

static const struct source_ops verify_ops = { verify_read, hash_source_free };
static const struct source_ops digest_ops = { digest_read, hash_source_free };

struct source *source_verify(struct source *in, const struct digest *want, uint64_t size)
{
	struct source_hash *h;

	if (!in)
		return NULL;
	h = NEW(struct source_hash);
	h->base.ops = &verify_ops;
	h->in = in;
	h->want_size = size;
	if (want) {
		h->want = *want;
		h->has_want = true;
	}
	hash_init(&h->hash);
	return &h->base;
}

struct source *source_digest(struct source *in, struct digest *digest, uint64_t *size)
{
	struct source_hash *h;

	if (!in)
		return NULL;
	h = NEW(struct source_hash);
	h->base.ops = &digest_ops;
	h->in = in;
	h->ret = digest;
	h->ret_size = size;
	hash_init(&h->hash);
	return &h->base;
}

/* ---- sink ---- */

struct sink_hash {
	struct sink base;
	struct sink *out;
	struct hash hash;
	uint64_t n;
	struct digest *ret;
	uint64_t *ret_size;
};

static int hash_write(struct sink *s, const void *p, size_t len, struct err *err)
{
	struct sink_hash *h = (struct sink_hash *)s;

	hash_add(&h->hash, p, len);
	h->n += len;
	return sink_write(h->out, p, len, err);
}

static int hash_finish(struct sink *s, struct err *err)
{
	struct sink_hash *h = (struct sink_hash *)s;

	*h->ret = hash_get(&h->hash);
	if (h->ret_size)
		*h->ret_size = h->n;
	return sink_finish(h->out, err);
}

static void hash_sink_free(struct sink *s)
{
	struct sink_hash *h = (struct sink_hash *)s;

	sink_free(h->out);
	hash_release(&h->hash);
	free(h);
}

static const struct sink_ops hash_sink_ops = { hash_write, hash_finish, hash_sink_free };

struct sink *sink_digest(struct sink *out, struct digest *digest, uint64_t *size)
{
	struct sink_hash *h;

	if (!out)
		return NULL;
	h = NEW(struct sink_hash);
	h->base.ops = &hash_sink_ops;
	h->out = out;
	h->ret = digest;
	h->ret_size = size;
	hash_init(&h->hash);
	return &h->base;
}
