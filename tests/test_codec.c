#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/digest.h"

typedef struct source *open_fn(struct source *in);

static const char text[] = "hello, hello, hello, world\n";
static const unsigned char zst[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x9d, 0x00, 0x00, 0x70 };

/* What the tool on this machine makes of the text; false where it is not installed. */
static bool pack(const char *tool, const char *data, size_t n, struct buf *ret)
{
	struct err err = ERR_INIT;
	struct check_dir d = check_mkdir();
	auto_free char *cmd = mem_printf("cd %s && %s -c <in >out 2>err", d.path, tool);
	bool good;

	assert_ok(fs_write(d.fd, "in", data, n, 0600, &err), err);
	good = system(cmd) == 0;
	if (good)
		assert_ok(fs_read(d.fd, "out", 1 << 20, ret, &err), err);
	check_rmdir(&d);
	return good;
}

static int unpack(open_fn *open, const void *p, size_t n, size_t max, struct buf *ret, struct err *err)
{
	auto_source *in = open(streams_dribble(p, n, max));

	ret->n = 0;
	err_clear(err);
	return io_slurp(in, 1 << 24, ret, err);
}

static const struct {
	const char *tool;
	open_fn *open;
} formats[] = { { "zstd -q", source_zstd }, { "gzip -n", source_gzip }, { "bzip2", source_bzip2 } };

static void streams_of_the_usual_tools_are_read(void **state)
{
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		auto_buf packed = { 0 };

		if (!pack(formats[i].tool, text, strlen(text), &packed))
			continue;
		for (size_t max = 0; max < 4; max++) {
			assert_ok(unpack(formats[i].open, packed.p, packed.n, max, &got, &err), err);
			assert_string_equal(got.p, text);
			assert_ok(unpack(source_auto, packed.p, packed.n, max, &got, &err), err);
			assert_string_equal(got.p, text);
		}
	}
}

static void every_truncation_is_an_error(void **state)
{
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		auto_buf packed = { 0 };

		if (!pack(formats[i].tool, text, strlen(text), &packed))
			continue;
		for (size_t n = 0; n < packed.n; n++)
			for (size_t max = 0; max < 2; max++) {
				if (unpack(formats[i].open, packed.p, n, max, &got, &err) == 0)
					fail_msg("%s: %zu of %zu bytes pass", formats[i].tool, n, packed.n);
				assert_err(err, ERR_FORMAT, "");
			}
	}
}

static void truncated_large_streams_are_an_error_too(void **state)
{
	struct err err = ERR_INIT;
	auto_buf got = { 0 };
	auto_free char *data = mem_alloc(400000);
	uint32_t seed = 3;

	(void)state;
	for (size_t i = 0; i < 400000; i++)
		data[i] = (char)('a' + check_random(&seed) % 8);
	for (size_t i = 0; i < COUNT(formats); i++) {
		auto_buf packed = { 0 };

		if (!pack(formats[i].tool, data, 400000, &packed))
			continue;
		assert_ok(unpack(formats[i].open, packed.p, packed.n, 0, &got, &err), err);
		assert_int_equal(got.n, 400000);
		assert_memory_equal(got.p, data, 400000);
		for (size_t cut = 1; cut < packed.n; cut += cut < 40 ? 1 : 9973)
			if (unpack(formats[i].open, packed.p, packed.n - cut, 0, &got, &err) == 0)
				fail_msg("%s: passes without its last %zu bytes", formats[i].tool, cut);
	}
}

static void concatenated_streams_are_one(void **state)
{
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		auto_buf all = { 0 };

		if (!pack(formats[i].tool, "one ", 4, &all) || !pack(formats[i].tool, "", 0, &all) ||
		    !pack(formats[i].tool, "two", 3, &all))
			continue;
		for (size_t max = 0; max < 3; max++) {
			assert_ok(unpack(formats[i].open, all.p, all.n, max, &got, &err), err);
			assert_string_equal(got.p, "one two");
		}
		for (size_t n = all.n - 1; n > all.n - 8; n--)
			assert_int_equal(unpack(formats[i].open, all.p, n, 0, &got, &err), -1);
	}
}

static void what_follows_the_end_is_an_error(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} tails[] = { { "\0", 1 },
		      { "x", 1 },
		      { "\0\0\0\0\0\0\0\0\0\0\0\0", 12 },
		      { "garbage, and more of it", 23 },
		      { "\x1f", 1 },
		      { "B", 1 },
		      { "\x28\xb5", 2 } };
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++)
		for (size_t t = 0; t < COUNT(tails); t++) {
			auto_buf packed = { 0 };

			if (!pack(formats[i].tool, text, strlen(text), &packed))
				continue;
			buf_add(&packed, tails[t].p, tails[t].n);
			for (size_t max = 0; max < 2; max++) {
				if (unpack(formats[i].open, packed.p, packed.n, max, &got, &err) == 0)
					fail_msg("%s: tail %zu passes", formats[i].tool, t);
				assert_err(err, ERR_FORMAT, "");
			}
		}
}

static void broken_streams_never_pass_as_another_text(void **state)
{
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		auto_buf packed = { 0 };

		if (!pack(formats[i].tool, text, strlen(text), &packed))
			continue;
		for (size_t at = 0; at < packed.n * 8; at++) {
			packed.p[at / 8] ^= (char)(1 << at % 8);
			/* Some bits, such as gzip's time, mean nothing for the content. */
			if (unpack(formats[i].open, packed.p, packed.n, 0, &got, &err) == 0)
				assert_string_equal(got.p, text);
			packed.p[at / 8] ^= (char)(1 << at % 8);
		}
	}
}

static void the_beginning_decides_what_auto_does(void **state)
{
	static const char *const plain[] = { "", "x", "\x1f", "BZ", "\x28\xb5\x2f", "{\"a\": 1}", "BZ2 is not BZh" };
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(plain); i++)
		for (size_t max = 0; max < 2; max++) {
			assert_ok(unpack(source_auto, plain[i], strlen(plain[i]), max, &got, &err), err);
			assert_string_equal(buf_cstr(&got), plain[i]);
		}
	assert_int_equal(unpack(source_auto, zst, 10, 1, &got, &err), -1);
	assert_err(err, ERR_FORMAT, "zstd");
}

static void nothing_is_not_a_stream(void **state)
{
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		assert_int_equal(unpack(formats[i].open, "", 0, 0, &got, &err), -1);
		assert_err(err, ERR_FORMAT, "ends too early");
		assert_null(formats[i].open(NULL));
	}
	assert_null(source_auto(NULL));
}

static void a_source_that_breaks_breaks_the_decoder(void **state)
{
	open_fn *const all[] = { source_zstd, source_gzip, source_bzip2, source_auto };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		auto_source *in = all[i](streams_broken_after(0));

		err_clear(&err);
		assert_int_equal(io_drain(in, &err), -1);
		assert_err(err, ERR_NET, "broken on purpose");
	}
}

/* Data that compresses somewhat, with far and near repetitions. */
static char *sample(size_t n)
{
	char *p = mem_resize(NULL, n, 1);
	uint32_t seed = 9;

	for (size_t i = 0; i < n; i++) {
		if (i > 70000 && check_random(&seed) % 50 == 0) {
			size_t from = check_random(&seed) % (i - 60000), len = 1 + check_random(&seed) % 300;

			while (len-- && i < n)
				p[i++] = p[from++];
			i--;
			continue;
		}
		p[i] = (char)(check_random(&seed) >> 13 & 0x1f);
	}
	return p;
}

static struct digest packed_by(const struct codec *c, const char *p, size_t n, size_t max, struct buf *keep)
{
	struct err err = ERR_INIT;
	struct digest d;
	struct buf b = { 0 };
	auto_source *in = streams_dribble(p, n, max);
	auto_sink *out = sink_codec(sink_digest(sink_buf(&b), &d, NULL), c);

	assert_ok(io_copy(in, out, NULL, &err), err);
	assert_ok(sink_finish(out, &err), err);
	if (keep)
		*keep = b;
	else
		buf_release(&b);
	return d;
}

static void output_does_not_depend_on_how_input_is_cut(void **state)
{
	static const struct codec codecs[] = {
		{ CODEC_GZIP, 1 }, { CODEC_GZIP, 6 }, { CODEC_ZSTD, 1 }, { CODEC_ZSTD, 3 }
	};
	static const size_t sizes[] = { 0, 1, 131072, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 9000000 };
	static const size_t cuts[] = { 0, 1, 511, 65536, 1 << 20 };
	auto_free char *data = sample(9000000);

	(void)state;
	for (size_t c = 0; c < COUNT(codecs); c++)
		for (size_t s = 0; s < COUNT(sizes); s++) {
			struct digest first;

			/* Only there zstd begins a second job: at four windows of level 3. */
			if (sizes[s] == 9000000 && codecs[c].level != 3)
				continue;
			first = packed_by(&codecs[c], data, sizes[s], 131072, NULL);
			for (size_t k = 0; k < COUNT(cuts); k++) {
				struct digest d;

				if (cuts[k] == 1 && sizes[s] > 200000)
					continue;
				d = packed_by(&codecs[c], data, sizes[s], cuts[k], NULL);
				if (!digest_equal(&first, &d))
					fail_msg("%s: %zu bytes cut by %zu", codec_name(&codecs[c]).s, sizes[s],
						 cuts[k]);
			}
		}
}

static void what_is_packed_is_unpacked(void **state)
{
	static const size_t sizes[] = { 0, 1, 5000, 1 << 20, 3000000 };
	auto_free char *data = sample(3000000);
	struct err err = ERR_INIT;
	auto_buf got = { 0 };

	(void)state;
	for (int level = 1; level <= 19; level++)
		for (size_t s = 0; s < COUNT(sizes); s++) {
			struct codec c = { level <= 12 ? CODEC_GZIP : CODEC_ZSTD, level };
			auto_buf packed = { 0 };

			if (sizes[s] > 5000 && level > 3 && level < 13)
				continue; /* libdeflate's best levels take their time under the sanitizers */
			packed_by(&c, data, sizes[s] > 5000 && level > 3 ? 100000 : sizes[s], 0, &packed);
			assert_ok(unpack(source_auto, packed.p, packed.n, 0, &got, &err), err);
			assert_int_equal(got.n, sizes[s] > 5000 && level > 3 ? 100000 : sizes[s]);
			if (got.n)
				assert_memory_equal(got.p, data, got.n);
		}
}

static void other_tools_read_what_is_packed(void **state)
{
	static const struct {
		struct codec c;
		const char *tool;
	} rows[] = { { { CODEC_GZIP, 6 }, "gzip -dc" }, { { CODEC_ZSTD, 3 }, "zstd -dc" } };
	auto_free char *data = sample(2500000);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		struct check_dir d = check_mkdir();
		auto_free char *cmd = mem_printf("cd %s && %s <in >out 2>err", d.path, rows[i].tool);
		auto_buf packed = { 0 }, got = { 0 };

		packed_by(&rows[i].c, data, 2500000, 0, &packed);
		assert_ok(fs_write(d.fd, "in", packed.p, packed.n, 0600, &err), err);
		if (system(cmd) == 0) {
			assert_ok(fs_read(d.fd, "out", 1 << 24, &got, &err), err);
			assert_int_equal(got.n, 2500000);
			assert_memory_equal(got.p, data, got.n);
		}
		check_rmdir(&d);
	}
}

static void the_end_is_handed_on_and_failures_too(void **state)
{
	static const struct codec codecs[] = { { CODEC_GZIP, 6 }, { CODEC_ZSTD, 3 }, { CODEC_NONE, 0 } };
	auto_free char *data = sample(3000000);

	(void)state;
	for (size_t i = 0; i < COUNT(codecs); i++) {
		struct err err = ERR_INIT;
		struct check_sink c = { 0 }, full = { .fail_at = 20 };
		struct sink *out = sink_codec(check_counting(&c), &codecs[i]);

		assert_ok(sink_finish(out, &err), err);
		sink_free(out);
		assert_int_equal(c.finished, 1);
		assert_int_equal(c.freed, 1);
		assert_true(codecs[i].type == CODEC_NONE || c.bytes > 0);
		out = sink_codec(check_counting(&full), &codecs[i]);
		if (sink_write(out, data, 3000000, &err) == 0)
			assert_int_equal(sink_finish(out, &err), -1);
		assert_err(err, ERR_IO, "full on purpose");
		sink_free(out);
		assert_int_equal(full.finished, 0);
		assert_int_equal(full.freed, 1);
		assert_null(sink_codec(NULL, &codecs[i]));
	}
}

static void names_of_codecs(void **state)
{
	static const struct {
		const char *text;
		enum codec_type type;
		int level; /* -1: refused */
	} rows[] = {
		{ "gzip", CODEC_GZIP, 6 }, { "gzip:12", CODEC_GZIP, 12 },
		{ "zstd", CODEC_ZSTD, 3 }, { "zstd:19", CODEC_ZSTD, 19 },
		{ "none", CODEC_NONE, 0 }, { "gzip:0", 0, -1 },
		{ "gzip:13", 0, -1 },	   { "zstd:20", 0, -1 },
		{ "zstd:", 0, -1 },	   { "zstd:3:4", 0, -1 },
		{ "none:1", 0, -1 },	   { "", 0, -1 },
		{ "xz", 0, -1 },	   { "gzip:-1", 0, -1 },
		{ "GZIP", 0, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		struct codec c = { CODEC_NONE, 77 };
		int rc = codec_parse(rows[i].text, &c, &err);

		if (rows[i].level < 0) {
			assert_int_equal(rc, -1);
			assert_err(err, ERR_USAGE, "compression");
			assert_int_equal(c.level, 77);
		} else {
			assert_ok(rc, err);
			assert_int_equal(c.type, rows[i].type);
			assert_int_equal(c.level, rows[i].level);
		}
	}
	assert_memory_equal(codec_name(&CODEC_ZSTD_DEFAULT).s, "zstd:3 libzstd 1.", 17);
	assert_string_equal(codec_name(&(struct codec){ CODEC_NONE, 0 }).s, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_of_the_usual_tools_are_read),
		cmocka_unit_test(every_truncation_is_an_error),
		cmocka_unit_test(truncated_large_streams_are_an_error_too),
		cmocka_unit_test(concatenated_streams_are_one),
		cmocka_unit_test(what_follows_the_end_is_an_error),
		cmocka_unit_test(broken_streams_never_pass_as_another_text),
		cmocka_unit_test(the_beginning_decides_what_auto_does),
		cmocka_unit_test(nothing_is_not_a_stream),
		cmocka_unit_test(a_source_that_breaks_breaks_the_decoder),
		cmocka_unit_test(output_does_not_depend_on_how_input_is_cut),
		cmocka_unit_test(what_is_packed_is_unpacked),
		cmocka_unit_test(other_tools_read_what_is_packed),
		cmocka_unit_test(the_end_is_handed_on_and_failures_too),
		cmocka_unit_test(names_of_codecs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
