/* What a package may be called that no channel has under the name that was asked for. */
#ifndef CMD_NEAR_NAMES_H
#define CMD_NEAR_NAMES_H

#include "channels/repodata.h"

/*
 * How to go on after "there is no package 'torch' in ...": "; conda calls it pytorch", "; did you mean numpy?",
 * "; it is for Windows alone", or "". In a.
 */
const char *near_names_text(struct arena *a, struct repodata *const *all, size_t n, const char *name);

#endif
