/* What records of a packed file depend on, each list of specs once, and each spec. */
#ifndef CHANNELS_FOLLOW_H
#define CHANNELS_FOLLOW_H

#include "channels/packed.h"
#include "channels/reach.h"

struct follow {
	struct packed *p; /* not owned */
	uint8_t *lists, *strings; /* a bit each: it was followed */
};

void follow_init(struct follow *f, struct packed *p);
void follow_release(struct follow *f);

/* Reach what the records of a name ask for, where there are some. */
void follow_name(struct follow *f, struct reach *r, struct str name);

#endif
