/*
 * conda-lock.yml v1 (CEP 37), which conda-lock and micromamba read too: all that
 * a build needs to know.
 *
 * What only condaimg knows is in metadata.custom_metadata, a map of strings, and
 * nowhere else; docs/lock.md lists its keys. A lock made by another tool lacks
 * them and is read all the same: then records carry only what the lock says.
 */
#ifndef CONDA_LOCK_H
#define CONDA_LOCK_H

#include "conda/env.h"
#include "conda/record.h"

/* What is locked for one platform. */
struct lock_platform {
	const char *subdir; /* "linux-64" */
	const char *content_hash; /* hex: of what was asked (lock_content_hash()) */
	const char *const *virtuals; /* "__glibc=2.36=0", sorted; empty where the lock does not say */
	const char *libc; /* what "--libc" came to: "auto", "none", "" where the lock does not say */
	const struct record *packages; /* dependencies first, ties by name (lock_order()) */
	size_t n_packages;
	const struct record *libc_packages; /* category "libc": they make the libc layer, not the prefix */
	size_t n_libc_packages;
	const char *provenance; /* what the channels had to choose from, as JSON (docs/lock.md); or NULL */
	const char *refused; /* why nothing can be built of it: "the packages x, y are from PyPI, ..."; else NULL */
};

struct lock {
	struct arena arena;
	const char *const *channels; /* in order: canonical base URLs (of a foreign lock: as written), no credentials */
	const char *const *sources; /* environment files, relative to the lock */
	const char *const *requested; /* canonical specs, sorted */
	const char *name; /* of the environment, or NULL */
	const char *base; /* the image it is for, by digest: "docker://debian:12@sha256:..."; or NULL */
	const char *priority; /* "strict", "flexible", "disabled", or "" */
	const char *const *pins; /* canonical specs, sorted; NULL or empty: none */
	const char *exclude_newer; /* "2026-01-31T23:59:59.999Z", or NULL */
	const struct env_variable *variables; /* sorted */
	size_t n_variables;
	const struct lock_platform *platforms; /* sorted by subdir */
	size_t n_platforms;
	const char *
		unverified; /* "list.txt:3: URL": of a list, the first package without a checksum; NULL: every one has some */
	bool foreign; /* made by another tool: no custom_metadata of ours */
	const char *const *warnings; /* of reading: each begins with file:line:column; ends with NULL */
};

/* What decides whether a lock still answers the question that is asked now. */
struct lock_question {
	const char *subdir;
	const char *const *channels; /* canonical base URLs in order */
	const char *const *specs; /* canonical texts, in any order */
	const char *const *virtuals; /* "__glibc=2.36=0", in any order */
	const char *priority; /* "strict", "flexible", "disabled" */
	const char *libc;
	const char *const *pins; /* canonical texts, in any order; NULL: none */
	const char *exclude_newer; /* canonical, or NULL */
};

/* Hex sha256 of the question's canonical form, in a. */
const char *lock_content_hash(struct arena *a, const struct lock_question *q);

/*
 * Sort records so that dependencies come first; ties by name. In a cycle
 * what others need of noarch packages gives way (python stands before pip), then
 * the smallest name goes first. In place; the order of the input has no say.
 */
void lock_order(struct record *records, size_t n);

/*
 * Reads the text of a lock. file is the name for errors (copied). ERR_FORMAT.
 *
 * Nothing in it is trusted: names, versions and subdirs agree with the URLs,
 * every package has a hash, sizes are bounded, credentials in URLs are dropped.
 * Of a foreign lock's packages those of category "main" are read; one that pip
 * would install is refused.
 */
int lock_parse(const char *p, size_t n, const char *file, struct lock *ret, struct err *err);

/*
 * The canonical text, appended to *ret: equal locks give equal bytes, and reading
 * it gives an equal lock. A foreign lock is written without what is condaimg's.
 */
void lock_write(const struct lock *l, struct buf *ret);

/* NULL where the lock has nothing for this subdir. */
const struct lock_platform *lock_find(const struct lock *l, const char *subdir);

void lock_release(struct lock *l);

#define auto_lock CLEANUP(lock_release) struct lock

#endif
