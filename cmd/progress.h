/*
 * How far the work is, on stderr, for who waits: a line that is redrawn on a terminal, a line for each package
 * in a log, lines of JSON for a program (docs/progress.md), or nothing. Functions may be called from any thread; a
 * struct progress that is NULL is told nothing.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include "fetch/http.h"

enum progress_mode { PROGRESS_AUTO, PROGRESS_PLAIN, PROGRESS_JSON, PROGRESS_NONE };

/* "auto", "plain", "json", "none"; NULL: auto. ERR_USAGE. */
int progress_parse(const char *text, enum progress_mode *ret, struct err *err);

struct progress;
struct progress *progress_new(enum progress_mode mode);
void progress_free(struct progress *p);

static inline void progress_freep(struct progress **p)
{
	progress_free(*p);
}

#define auto_progress CLEANUP(progress_freep) struct progress

void progress_solve(struct progress *p, const char *platform);
void progress_solved(struct progress *p, const char *platform, size_t packages);

/* For download_all(): base is to be handed to it, between begin and end. */
struct progress_fetch {
	struct download_progress base;
	struct progress *p;
};
void progress_fetch_begin(struct progress_fetch *f, struct progress *p, size_t packages);
void progress_fetch_end(struct progress_fetch *f);

/* Of the layers that follow, each is told once. cached: it was not made now. */
void progress_layers_begin(struct progress *p, const char *platform, size_t layers);
void progress_layer(struct progress *p, const struct digest *digest, uint64_t size, bool cached);
void progress_layers_end(struct progress *p);

/* Blobs on their way to a registry: how many; one more is there. */
void progress_push_begin(struct progress *p, size_t blobs);
void progress_pushed(struct progress *p);
void progress_push_end(struct progress *p);

/* An image, at its place ("oci:dir:tag", redacted). */
void progress_image(struct progress *p, const char *platform, const char *place, const struct digest *digest);

/* ---- what is drawn ---- */

struct progress_view {
	const char *solving; /* a platform, or NULL */
	bool fetching, making, pushing;
	uint64_t bytes, total; /* total 0: not known */
	double rate; /* bytes a second, 0: not known */
	size_t packages, n_packages, layers, n_layers, blobs, n_blobs; /* done, of how many */
};

/* In at most width columns, without a line's end; empty: there is nothing to say. */
void progress_line(const struct progress_view *v, size_t width, struct buf *ret);

#endif
