/* environment -> lock: channels, virtual packages, libc, solve. */
#ifndef CMD_RESOLVE_H
#define CMD_RESOLVE_H

#include "cmd/input.h"
#include "cmd/workshop.h"

/* What is asked, for one platform, before anybody looked at a channel. */
struct question {
	struct arena arena;
	const struct env *env;
	const struct platform *platform;
	const struct channel *channels;	/* in priority order */
	size_t n_channels;
	const char *const *channel_urls;	/* canonical; NULL-terminated */
	const char *const *specs;	/* as written; NULL-terminated */
	size_t n_specs;
	const char *const *canonical_specs;	/* sorted; NULL-terminated */
	struct virtual_set virtuals;	/* without __glibc where only the channel can tell it */
	const char *glibc;		/* said or found in the base; NULL: the channel's sysroot decides */
	const char *libc;		/* "auto", "none", "base" */
	enum channel_priority priority;
	const char *content_hash;	/* of all this */
};

/* base_glibc: of the base image, or NULL where there is none. ERR_USAGE. To be released in any case. */
int question_make(const struct env *env, const struct options *o, const struct settings *s,
		  const struct platform *platform, const char *base_glibc, struct question *ret, struct err *err);
void question_release(struct question *q);

#define auto_question CLEANUP(question_release) struct question

/*
 * Answer it: *ret (in a) is what the lock says for this platform. Sentences about an
 * unsatisfiable request are printed to stderr, and err is ERR_UNSAT.
 */
int resolve(const struct question *q, struct workshop *w, struct arena *a, struct lock_platform *ret, struct err *err);

/* The lock that holds these answers. Texts and records stay where they are. */
void resolve_lock(struct lock *ret, const struct question *q, const char *source, const struct lock_platform *platforms,
		  size_t n);

/* The platform to work for: said, or the file's only or first one, or this machine's. */
const struct platform *resolve_platform(const struct settings *s, const struct input *in, struct err *err);

#endif
