#include "check.h"

#include <errno.h>

#include "base/err.h"

static void failing_is_one_line(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&err, ERR_LIMIT, "%d of %s", 3, "x"), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_string_equal(err.text, "3 of x");
	assert_int_equal(err_at(&err, "layer %d", 2), -1);
	assert_int_equal(err_at(&err, "image"), -1);
	assert_string_equal(err.text, "image: layer 2: 3 of x");
	assert_int_equal(err.code, ERR_LIMIT);
	err_clear(&err);
	assert_int_equal(err.code, ERR_NONE);
	assert_string_equal(err.text, "");
}

static void errno_is_told_in_words_and_kept(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	errno = ENOENT;
	assert_int_equal(err_sys(&err, "cannot open %s", "a"), -1);
	assert_string_equal(err.text, "cannot open a: No such file or directory");
	assert_int_equal(err.code, ERR_IO);
	assert_int_equal(err.sys, ENOENT);
}

static void too_long_texts_are_cut(void **state)
{
	struct err err = ERR_INIT;
	char big[5000];

	(void)state;
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	err_set(&err, ERR_FORMAT, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_at(&err, "front");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "front: xxx", 10);
	err_at(&err, "%s", big); /* there is no room for it at all */
	assert_memory_equal(err.text, "front: xxx", 10);
}

static void foreign_text_cannot_speak_to_the_terminal(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_FORMAT,
		"a\033[2Jb\rc\a \xc2\x9b"
		"31m\x7f");
	assert_string_equal(err.text, "a?[2Jb?c? ??31m?");
	err_at(&err, "\033]0;x");
	assert_memory_equal(err.text, "?]0;x: a", 8);
	err_clear(&err);
	err_set(&err, ERR_FORMAT, "gr\xc3\xbc\xc3\x9f\x65\n\tok");
	assert_string_equal(err.text, "gr\xc3\xbc\xc3\x9f\x65\n\tok");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failing_is_one_line),
		cmocka_unit_test(errno_is_told_in_words_and_kept),
		cmocka_unit_test(too_long_texts_are_cut),
		cmocka_unit_test(foreign_text_cannot_speak_to_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
