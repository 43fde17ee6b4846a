/* What is asked of the channels, for one platform, before anybody looked at one. */
#ifndef CMD_QUESTION_H
#define CMD_QUESTION_H

#include "channels/channel.h"
#include "cmd/input.h"
#include "cmd/settings.h"

struct question {
	struct arena arena;
	const struct env *env;
	const struct platform *platform;
	const struct channel *channels; /* in priority order */
	size_t n_channels;
	const char *const *channel_urls; /* canonical; NULL-terminated */
	const char *const *asked_urls; /* those that options and files name; all, where they name none */
	const char *const *specs; /* as written; NULL-terminated */
	size_t n_specs;
	const char *const *canonical_specs; /* sorted; NULL-terminated */
	struct virtual_set virtuals; /* without __glibc where only the channel can tell it */
	const char *glibc; /* said or found in the base; NULL: the channel's sysroot decides */
	const char *libc; /* "auto", "none", "base" */
	enum channel_priority priority;
	const char *const *pins; /* as given; NULL-terminated */
	size_t n_pins;
	const char *const *canonical_pins; /* sorted; NULL-terminated */
	const char *const *asked_pins; /* likewise, those of the options alone */
	int64_t exclude_newer; /* milliseconds since 1970; 0: none */
	const char *exclude_newer_text; /* canonical; NULL: none */
	const char *content_hash; /* of all this */
};

/* base_glibc: of the base image, or NULL where there is none. ERR_USAGE. To be released in any case. */
int question_make(const struct env *env, const struct options *o, const struct settings *s,
		  const struct platform *platform, const char *base_glibc, struct question *ret, struct err *err);
void question_release(struct question *q);

#define auto_question CLEANUP(question_release) struct question

/* The platform to work for: said, or the file's only or first one, or this machine's. */
const struct platform *question_platform(const struct settings *s, const struct input *in, struct err *err);

#endif
