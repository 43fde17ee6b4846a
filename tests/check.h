/* What the tests of base/ and conda/ share: cmocka with what it needs, a directory to write in, streams (streams.h) and a sink that counts. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/io.h"
#include "streams.h"

#define assert_ok(rc, err)                                                     \
	do {                                                                   \
		if ((rc) < 0)                                                  \
			fail_msg("%s", (err).text[0] ? (err).text : "failed"); \
	} while (0)

#define assert_err(err, want, part)                                                                              \
	do {                                                                                                     \
		if ((err).code != (want) || !strstr((err).text, (part)))                                         \
			fail_msg("got error %d '%s', expected %d '%s'", (err).code, (err).text, (want), (part)); \
	} while (0)

/* A fresh directory, open; remove it with check_rmdir(). */
struct check_dir {
	int fd;
	char path[64];
};
struct check_dir check_mkdir(void);
void check_rmdir(struct check_dir *d);

/* The same numbers every time. */
uint32_t check_random(uint32_t *state);

/* Counts what happens to it. After fail_at bytes writing fails. */
struct check_sink {
	uint64_t bytes, fail_at;
	unsigned finished, freed;
};
struct sink *check_counting(struct check_sink *c);

#endif
