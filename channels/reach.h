/* The names that a request reaches, in the order in which it does: by depends, by extra_depends, by when="...". */
#ifndef CHANNELS_REACH_H
#define CHANNELS_REACH_H

#include "channels/intern.h"

struct reach {
	struct arena arena;
	struct intern names; /* lower case */
	struct buf room;
};

void reach_init(struct reach *r);
void reach_release(struct reach *r);

/* A name; virtual packages ("__x") are not reached. */
void reach_name(struct reach *r, struct str name);

/* What a spec asks for, and what its condition does (CEP 43). Words that are no names reach nothing there is. */
void reach_spec(struct reach *r, const char *spec);

/* Whether a name with '*' in it, each of which is any run of bytes, fits. */
bool reach_fits(const char *glob, struct str name);

#endif
