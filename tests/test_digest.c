#include "check.h"

#include "base/digest.h"

/* FIPS 180-2 and RFC 1321. */
#define SHA_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA_NONE "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MD5_ABC "900150983cd24fb0d6963f7d28e17f72"

static void known_texts_have_known_digests(void **state)
{
	struct digest abc = digest_bytes("abc", 3), none = digest_bytes(NULL, 0);
	struct hash h;
	uint8_t md5[16];
	char hex[33];

	(void)state;
	assert_string_equal(digest_hex(&abc).hex, SHA_ABC);
	assert_string_equal(digest_hex(&none).hex, SHA_NONE);
	hash_init_md5(&h);
	hash_add(&h, "a", 1);
	hash_add(&h, "", 0);
	hash_add(&h, "bc", 2);
	hash_get_md5(&h, md5);
	hash_release(&h);
	digest_hex_of(md5, 16, hex);
	assert_string_equal(hex, MD5_ABC);
}

static void hex_is_read_strictly(void **state)
{
	static const char *const bad[] = {
		"",	     "ba78",
		SHA_ABC "0", "sha256:" SHA_ABC,
		" " SHA_ABC, "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	};
	struct digest d = { 0 }, abc = digest_bytes("abc", 3);
	uint8_t two[2];

	(void)state;
	assert_true(digest_parse(SHA_ABC, &d));
	assert_true(digest_equal(&d, &abc));
	assert_true(digest_parse("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", &d));
	assert_true(digest_equal(&d, &abc));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(digest_parse(bad[i], &d));
	assert_true(digest_equal(&d, &abc));
	assert_true(digest_hex_parse("00fF", two, 2));
	assert_int_equal(two[1], 255);
	assert_false(digest_hex_parse("00f", two, 2));
}

static void only_the_promised_bytes_pass(void **state)
{
	static const struct {
		const char *data;
		const char *sha; /* of what is promised; NULL: nothing */
		uint64_t size;
		enum err_code want;
		const char *words;
	} rows[] = {
		{ "abc", SHA_ABC, 3, ERR_NONE, "" },
		{ "abc", SHA_ABC, DIGEST_SIZE_ANY, ERR_NONE, "" },
		{ "abc", NULL, 3, ERR_NONE, "" },
		{ "abc", NULL, DIGEST_SIZE_ANY, ERR_NONE, "" },
		{ "", SHA_NONE, 0, ERR_NONE, "" },
		{ "abd", SHA_ABC, 3, ERR_INTEGRITY, "expected sha256:" SHA_ABC },
		{ "abcd", SHA_ABC, 3, ERR_INTEGRITY, "has more than the 3 bytes expected" },
		{ "ab", SHA_ABC, 3, ERR_INTEGRITY, "has 2 bytes, expected 3" },
		{ "", SHA_ABC, 3, ERR_INTEGRITY, "has 0 bytes, expected 3" },
		{ "x", SHA_NONE, 0, ERR_INTEGRITY, "has more than the 0 bytes" },
		{ "ab", NULL, 3, ERR_INTEGRITY, "has 2 bytes, expected 3" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t max = 0; max < 2; max++) {
			struct err err = ERR_INIT;
			struct digest want;
			auto_buf b = { 0 };
			auto_source *in = NULL;
			int rc;

			assert_true(!rows[i].sha || digest_parse(rows[i].sha, &want));
			in = source_verify(streams_dribble(rows[i].data, strlen(rows[i].data), max),
					   rows[i].sha ? &want : NULL, rows[i].size);
			rc = io_slurp(in, 100, &b, &err);
			assert_int_equal(err.code, rows[i].want);
			if (rc < 0) {
				assert_err(err, rows[i].want, rows[i].words);
				err_clear(&err);
				assert_int_equal(source_read(in, (char[9]){ 0 }, 9, &err), -1);
				assert_err(err, ERR_INTEGRITY, "");
			} else {
				assert_string_equal(buf_cstr(&b), rows[i].data);
				assert_int_equal(source_read(in, (char[9]){ 0 }, 9, &err), 0);
			}
		}
	assert_null(source_verify(NULL, NULL, 3));
}

static void passing_bytes_are_hashed_and_counted(void **state)
{
	struct err err = ERR_INIT;
	struct digest d = { 0 }, e = { 0 };
	uint64_t n = 0, m = 0;
	auto_source *in = source_digest(streams_dribble("abc", 3, 1), &d, &n);
	struct check_sink c = { 0 };
	struct sink *out = sink_digest(check_counting(&c), &e, &m);

	(void)state;
	assert_ok(io_copy(in, out, NULL, &err), err);
	assert_int_equal(source_read(in, (char[9]){ 0 }, 9, &err), 0);
	assert_string_equal(digest_hex(&d).hex, SHA_ABC);
	assert_int_equal(n, 3);
	assert_int_equal(m, 0);
	assert_ok(sink_finish(out, &err), err);
	assert_string_equal(digest_hex(&e).hex, SHA_ABC);
	assert_int_equal(m, 3);
	assert_int_equal(c.finished, 1);
	sink_free(out);
	assert_int_equal(c.freed, 1);
	assert_null(source_digest(NULL, &d, NULL));
	assert_null(sink_digest(NULL, &d, NULL));
}

static void a_break_in_the_middle_is_told_as_it_is(void **state)
{
	struct err err = ERR_INIT;
	struct digest d;
	auto_source *in = source_verify(streams_broken_after(3), NULL, 100),
		    *other = source_digest(streams_broken_after(3), &d, NULL);

	(void)state;
	assert_int_equal(io_drain(in, &err), -1);
	assert_err(err, ERR_NET, "broken on purpose");
	err_clear(&err);
	assert_int_equal(io_drain(other, &err), -1);
	assert_err(err, ERR_NET, "broken on purpose");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_have_known_digests),
		cmocka_unit_test(hex_is_read_strictly),
		cmocka_unit_test(only_the_promised_bytes_pass),
		cmocka_unit_test(passing_bytes_are_hashed_and_counted),
		cmocka_unit_test(a_break_in_the_middle_is_told_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
