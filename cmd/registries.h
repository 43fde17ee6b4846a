/* Places of images as options name them, those in registries too: whom to trust, and what registries say to users. */
#ifndef CMD_REGISTRIES_H
#define CMD_REGISTRIES_H

#include "cmd/config.h"
#include "cmd/opt.h"
#include "cmd/progress.h"
#include "oci/dest.h"

/* Zeroed, it is empty; nothing is opened before the first place in a registry turns up. */
struct registries {
	struct config config; /* conda's, of which proxies and the like are for registries, too */
	struct http *http;
	struct registry_hub *hub;
};

/* The hub, which is opened where it is not yet. ERR_IO, ERR_FORMAT. */
int registries_open(struct registries *r, const struct options *o, struct err *err);

/* dest_parse(), fit to be read and written. ERR_USAGE, and failures of the files that registries are set up with. */
int registries_place(struct registries *r, const struct options *o, struct arena *a, const char *text, struct dest *ret,
		     struct err *err);

/* The same for a place that was parsed already. */
int registries_attach(struct registries *r, const struct options *o, struct dest *d, struct err *err);

/* "HOST/REPO:TAG", with or without "docker://". */
int registries_ref(struct registries *r, const struct options *o, struct arena *a, const char *text, struct dest *ret,
		   struct err *err);

/* --media-types. ERR_USAGE. */
int registries_media_types(const struct options *o, bool *docker, struct err *err);

/* What becomes of blobs, told to progress (or NULL) while they go up. */
struct registries_told {
	struct dest_told base;
	struct progress *progress;
};
void registries_told_begin(struct registries_told *t, struct progress *progress);
void registries_told_end(struct registries_told *t);

/* Warns of what registries wanted to be told, and lets go. */
void registries_release(struct registries *r);

#define auto_registries CLEANUP(registries_release) struct registries

#endif
