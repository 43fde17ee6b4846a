/* What "WWW-Authenticate" asks for (RFC 7235, and Docker's token authentication). */
#ifndef OCI_CHALLENGE_H
#define OCI_CHALLENGE_H

#include "base/arena.h"

enum challenge_type { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER, CHALLENGE_OTHER };

struct challenge {
	enum challenge_type type;
	const char *realm, *service, *scope; /* "" where not said */
};

/*
 * One header, which may hold several challenges: Bearer goes before Basic, Basic before what is not known. Texts in a.
 * Whatever cannot be made out is CHALLENGE_NONE or left empty.
 */
struct challenge challenge_parse(struct arena *a, const char *header);

#endif
