/* One record of repodata.json -> struct draft. */
#ifndef CHANNELS_PARSE_H
#define CHANNELS_PARSE_H

#include "channels/draft.h"
#include "channels/scan.h"

#define PARSE_FIELDS 19

struct parse {
	struct texts *texts; /* where strings and lists go; not owned */
	/* private: room that is used again and again */
	struct buf room, own[3];
	struct draft_extra *extras;
	const char *key;
	size_t next; /* field */
	uint64_t heads[PARSE_FIELDS]; /* the first bytes of their keys */
};

void parse_init(struct parse *p, struct texts *texts);
void parse_release(struct parse *p);

/*
 * The object before s. False where it is no record as records are; *why (at most n bytes) then says what is wrong
 * with it.
 */
bool parse_record(struct parse *p, struct scan *s, struct draft *ret, char *why, size_t n);

#endif
