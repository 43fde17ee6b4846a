/* Property: a binary keeps its size; the result does not depend on how the input is cut. */
#include "fuzz.h"

#include "conda/placeholder.h"
#include "streams.h"

static int run(const uint8_t *p, size_t n, size_t step, bool text, const char *placeholder, const char *prefix,
	       struct buf *ret)
{
	struct err err = ERR_INIT;
	struct source *in = streams_dribble(p, n, step);
	auto_source *s = text ? placeholder_text(in, placeholder, prefix) : placeholder_binary(in, placeholder, prefix);

	return io_slurp(s, UINT64_MAX, ret, &err);
}

/* The first byte: text or binary, and how it is cut; then placeholder and prefix, each ending with a NUL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *placeholder = NULL, *prefix = NULL;
	auto_buf whole = { 0 }, cut = { 0 };
	bool text;
	size_t step;
	int rc;

	if (size < 3)
		return 0;
	text = data[0] & 1;
	step = 1 + (data[0] >> 1) % 37;
	data++, size--;
	placeholder = mem_printf("%.*s", (int)strnlen((const char *)data, size < 64 ? size : 64), (const char *)data);
	data += strlen(placeholder), size -= strlen(placeholder);
	if (size)
		data++, size--;
	prefix = mem_printf("%.*s", (int)strnlen((const char *)data, size < 64 ? size : 64), (const char *)data);
	data += strlen(prefix), size -= strlen(prefix);
	rc = run(data, size, SIZE_MAX, text, placeholder, prefix, &whole);
	FUZZ_CHECK(run(data, size, step, text, placeholder, prefix, &cut) == rc, "cut by %zu", step);
	if (rc < 0)
		return 0;
	FUZZ_CHECK(text || whole.n == size, "%zu bytes became %zu", size, whole.n);
	FUZZ_CHECK(whole.n == cut.n && (!cut.n || memcmp(whole.p, cut.p, cut.n) == 0), "cut by %zu", step);
	return 0;
}
