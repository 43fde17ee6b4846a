/*
 * Strings and lists of strings, numbered: what many records share. What is read from JSON or msgpack goes in here, and
 * from here into a packed file. Each string is kept once; a list that comes again soon, as those of builds side by side do, is
 * not kept again. (A table of all of them would be too large for the processor's caches, and every look a trip to memory.)
 */
#ifndef CHANNELS_TEXTS_H
#define CHANNELS_TEXTS_H

#include "channels/intern.h"

#define TEXTS_RECENT 4096
#define TEXTS_LISTS_RECENT 16384

struct texts {
	struct arena arena;
	struct intern strings;
	uint64_t string_bytes; /* of all strings with a NUL after each */
	uint32_t *words; /* of each list the number of its strings, then theirs; the first list is the empty one */
	size_t n_words;
	/* private */
	size_t cap_words, n_list; /* n_list: strings of the list at hand, which lie behind the words */
	struct {
		const char *p;
		uint32_t n, number;
	} recent[TEXTS_RECENT]; /* strings that came lately: most come again soon */
	struct {
		uint32_t hash, at;
	} lists[TEXTS_LISTS_RECENT];
};

void texts_init(struct texts *t);
void texts_release(struct texts *t);

/* Its number. */
uint32_t texts_add(struct texts *t, struct str s);

/* A list is made string by string; its end gives where it begins among the words (0: it is empty). */
void texts_list_begin(struct texts *t);
void texts_list_add(struct texts *t, struct str s);
uint32_t texts_list_end(struct texts *t);

/* Whether all that is in there can still be numbered with 32 bits. */
bool texts_fit(const struct texts *t);

#endif
