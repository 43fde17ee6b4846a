/* Images from one place to another, as they are: what push, pull and copy are made of. */
#ifndef CMD_TRANSFER_H
#define CMD_TRANSFER_H

#include "cmd/opt.h"
#include "cmd/registries.h"

/*
 * All of from, or with --platform the one image, to to; and the result on stdout. A destination on this machine that
 * has no tag takes that of a registry.
 */
int transfer_run(const struct options *o, struct arena *a, const struct dest *from, const struct dest *to,
		 struct err *err);

#endif
