#include "cmd/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"

static void tell_bytes(struct download_progress *base, uint64_t bytes, uint64_t total, const struct download *done)
{
	struct progress_bar *p = (struct progress_bar *)base;

	(void)done;
	if (!p->on)
		return;
	p->shown = true;
	fprintf(stderr, "\r\033[K%s %s of %s", p->what, num_bytes(bytes).s, num_bytes(total).s);
	fflush(stderr);
}

void progress_begin(struct progress_bar *p, const char *what)
{
	*p = (struct progress_bar){ .base = { tell_bytes }, .what = what };
	progress_hide(p, false);
}

void progress_hide(struct progress_bar *p, bool hide)
{
	p->on = !hide && isatty(STDERR_FILENO) && log_get_level() == LOG_INFO;
}

void progress_expect(struct progress_bar *p, size_t total)
{
	p->total = total;
}

void progress_step(struct progress_bar *p)
{
	size_t done = atomic_fetch_add(&p->done, 1) + 1;

	if (!p->on)
		return;
	p->shown = true;
	fprintf(stderr, "\r\033[K%s %zu of %zu", p->what, done, (size_t)p->total);
	fflush(stderr);
}

void progress_end(struct progress_bar *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
