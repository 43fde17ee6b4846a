/*
 * Whether the image has the shared libraries that its programs ask the loader for: conda packages leave some to
 * the system (old ones libcrypt.so.1, those with a window libGL.so.1), and an image without an OS has none. What is looked up
 * is the names alone, anywhere in the image: a program that sets its own search path is not doubted.
 */
#ifndef CMD_LIBRARIES_H
#define CMD_LIBRARIES_H

#include "cmd/assembly.h"
#include "conda/link_facts.h"

/*
 * t, which is package i's tree as it is linked, and which is taken over; reading it to its end notes what is to be known of
 * it (conda/link_facts.h) in the cache, if it is not yet.
 */
struct tree *libraries_watch(const struct assembly *a, size_t i, struct tree *t);

/* A library that is missing. Texts live as long as the assembly. */
struct missing_library {
	const char *name; /* "libcrypt.so.1" */
	const char *text; /* who needs it, and what may have it */
	bool vital; /* a program does not start (link_facts_is_vital()) */
};

struct libraries {
	const struct missing_library *missing; /* sorted by name */
	size_t n_missing;
	const char *const
		*special; /* files that lost a setuid, setgid or sticky bit, a sentence a package; ends with NULL */
};

/*
 * After the layers were made. Where all is remembered nothing is opened. An image whose C library is somebody else's affair
 * (--libc none) misses nothing that is known of.
 */
int libraries_check(struct assembly *a, struct libraries *ret, struct err *err);

/* The facts of package i (n_packages: the C library) as text, appended, where they are remembered. drops: of its files less those it leaves. */
bool libraries_facts_text(const struct assembly *a, size_t i, bool drops, struct buf *ret);

/* Warnings for what is missing, less what the application brings; remarks for the rest. */
void libraries_tell(const struct assembly *a, const struct libraries *l);

/*
 * Pure, for tests: which names that the facts of packages (dists: their names) need for a machine are in none of them, nor
 * in others (sorted). In a.
 */
const struct missing_library *libraries_missing(struct arena *a, const struct link_facts *facts,
						const char *const *dists, size_t n, unsigned machine,
						const char *const *others, size_t n_others, size_t *n_ret);

#endif
