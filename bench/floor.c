/*
 * The least that a build has to do with one package: unpack it, hash what comes out (the diffid), compress that
 * again. No tar is read, no file hashed, nothing replaced, nothing written. bench/build runs one a package, as many
 * at a time as there are CPUs; FILE is a tar.bz2, or a tar.zst out of a .conda.
 */
#include <bzlib.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#define CHUNK (1 << 20) /* some of each in turns costs more: they push each other out of the CPU's cache */

static EVP_MD_CTX *hash;
static ZSTD_CCtx *packer;
static char packed[CHUNK], unpacked[CHUNK];
static size_t total;

static void fail(const char *what)
{
	fprintf(stderr, "floor: %s\n", what);
	exit(1);
}

static void give(const void *p, size_t n, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = { p, n, 0 };
	size_t left;

	EVP_DigestUpdate(hash, p, n);
	do {
		ZSTD_outBuffer out = { packed, CHUNK, 0 };

		left = ZSTD_compressStream2(packer, &out, &in, how);
		if (ZSTD_isError(left))
			fail("cannot compress");
		total += out.pos;
	} while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
}

static void unpack_bzip2(FILE *f)
{
	int rc = BZ_OK;
	BZFILE *b = BZ2_bzReadOpen(&rc, f, 0, 0, NULL, 0);

	while (rc == BZ_OK) {
		int n = BZ2_bzRead(&rc, b, unpacked, CHUNK);

		if (rc == BZ_OK || rc == BZ_STREAM_END)
			give(unpacked, (size_t)n, ZSTD_e_continue);
	}
	if (rc != BZ_STREAM_END)
		fail("broken bzip2");
	BZ2_bzReadClose(&rc, b);
}

static void unpack_zstd(FILE *f)
{
	static char bytes[CHUNK];
	ZSTD_DCtx *d = ZSTD_createDCtx();
	size_t n;

	while ((n = fread(bytes, 1, CHUNK, f)) > 0) {
		ZSTD_inBuffer in = { bytes, n, 0 };
		ZSTD_outBuffer out;

		do {
			out = (ZSTD_outBuffer){ unpacked, CHUNK, 0 };
			if (ZSTD_isError(ZSTD_decompressStream(d, &out, &in)))
				fail("broken zstd");
			give(unpacked, out.pos, ZSTD_e_continue);
		} while (in.pos < in.size || out.pos == out.size);
	}
	ZSTD_freeDCtx(d);
}

int main(int argc, char **argv)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
	int first = f ? getc(f) : EOF;

	if (first == EOF)
		fail("expected a FILE");
	rewind(f);
	hash = EVP_MD_CTX_new();
	packer = ZSTD_createCCtx();
	EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
	ZSTD_CCtx_setParameter(packer, ZSTD_c_compressionLevel, 3);
	if (first == 'B')
		unpack_bzip2(f);
	else
		unpack_zstd(f);
	give(NULL, 0, ZSTD_e_end);
	EVP_DigestFinal_ex(hash, digest, NULL);
	printf("%02x%02x%02x%02x %zu %s\n", digest[0], digest[1], digest[2], digest[3], total, argv[1]);
	return fclose(f) == 0 ? 0 : 1;
}
