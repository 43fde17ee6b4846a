/* What tests of downloads share: a cache and an http of a test's own, with waits that a test can wait for. */
#ifndef TESTS_PLACE_H
#define TESTS_PLACE_H

#include "fetch/http.h"

struct place {
	char dir[40];
	int fd;
	struct http *http;
};

void place_make(struct place *p);
void place_drop(struct place *p);

/* A second of silence is enough: for tests of silence alone, as a busy machine is silent, too. */
void place_hurry(struct place *p);

#define auto_place CLEANUP(place_drop) struct place

/* n bytes at content, or all of a string (n = 0). */
struct download place_want(const char *url, const char *content, size_t n);

/* It is there, as it should be, for everybody to read. */
void place_expect(struct place *p, const struct download *d, const char *content);

/* Files in one of its directories. */
size_t place_files(struct place *p, const char *dir);

#endif
