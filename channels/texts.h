/*
 * Strings and lists of strings, each kept once and numbered: what many records share. What is read from JSON or
 * msgpack goes in here, and from here into a packed file.
 */
#ifndef CHANNELS_TEXTS_H
#define CHANNELS_TEXTS_H

#include "channels/intern.h"

#define TEXTS_RECENT 2048

struct texts {
	struct arena arena;
	struct intern strings, lists;
	uint64_t string_bytes; /* of all strings with a NUL after each */
	uint32_t *list_at; /* of list i: where it begins among the words */
	uint64_t words; /* one for the number of strings, then their numbers; the first list is the empty one */
	/* private */
	uint32_t *room; /* the list at hand */
	size_t n_room, room_size;
	struct {
		const char *p;
		uint32_t n, number;
	} recent[TEXTS_RECENT]; /* strings that came lately: most come again soon */
};

void texts_init(struct texts *t);
void texts_release(struct texts *t);

/* Its number. */
uint32_t texts_add(struct texts *t, struct str s);

/* A list is made string by string; its end gives where it begins (0: it is empty). */
void texts_list_begin(struct texts *t);
void texts_list_add(struct texts *t, struct str s);
uint32_t texts_list_end(struct texts *t);

/* Which of t->lists begins there; at is what texts_list_end() gave, and not 0. */
uint32_t texts_list_number(const struct texts *t, uint32_t at);

/* Whether all that is in there can still be numbered with 32 bits. */
bool texts_fit(const struct texts *t);

#endif
