/* One record of repodata: JSON -> struct record, old dress and new (CEP 34, 36; v3: CEP 43-48). */
#ifndef CHANNELS_PARSE_H
#define CHANNELS_PARSE_H

#include "channels/intern.h"
#include "channels/scan.h"
#include "conda/record.h"

/* Where the strings and lists of many records go: equal ones are one, so that equal pointers mean equal text. */
struct parse {
	struct arena *arena;
	struct intern strings, lists;
	/* private: room that is used again and again */
	struct buf room;
	const char **list;
	const char *key;
};

void parse_init(struct parse *p, struct arena *arena);
void parse_release(struct parse *p);

/*
 * The object before s. Fields that a record does not tell are left as they are in *ret. False where it
 * is no record that could be installed; *why (at most n bytes) then says what is wrong with it.
 */
bool parse_record(struct parse *p, struct scan *s, struct record *ret, char *why, size_t n);

#endif
