/* A line on the terminal that says how far a step is; nothing at all where stderr is no terminal. */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdatomic.h>

#include "fetch/http.h"

struct progress_bar {
	struct download_progress base;
	const char *what;
	atomic_bool shown, on;
	atomic_size_t done, total;
};

void progress_begin(struct progress_bar *p, const char *what);
void progress_expect(struct progress_bar *p, size_t total); /* steps */
void progress_hide(struct progress_bar *p, bool hide); /* steps are counted all the same */
void progress_step(struct progress_bar *p); /* from any thread */
void progress_end(struct progress_bar *p);

#endif
