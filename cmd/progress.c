#include "cmd/progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "fetch/url.h"

#define VERSION 1 /* of the events, docs/progress.md */
#define DRAW_MS 100
#define EVENT_MS 250
#define RATE_MS 500 /* between two looks at the rate */

/* LOG_SHORT: a line for each package that came over the network; LOG_LONG: for all that happens. */
enum style { OFF, BAR, LOG_SHORT, LOG_LONG, EVENTS }; /* in this order */

struct progress {
	enum style style;
	pthread_mutex_t lock;
	int64_t begun_ms;
	const char *platform; /* of the layers */
	struct progress_view view;
	int64_t told_ms; /* when the line was drawn, or the bytes were told */
	int64_t looked_ms;
	uint64_t looked_bytes;
	struct buf drawn;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int progress_parse(const char *text, enum progress_mode *ret, struct err *err)
{
	static const char *const names[] = { "auto", "plain", "json", "none" };

	*ret = PROGRESS_AUTO;
	for (size_t i = 0; text && i < COUNT(names); i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*ret = (enum progress_mode)i;
		return 0;
	}
	return text ? err_set(err, ERR_USAGE, "--progress is '%s', expected auto, plain, json or none", text) : 0;
}

/* ---- the line ---- */

/* "45 s", "3 min", "2 h 5 min". */
static void add_time(struct buf *b, double seconds)
{
	uint64_t s = seconds < 360000 ? (uint64_t)(seconds + 0.999) : 360000;

	if (s < 100)
		buf_addf(b, "%llu s", (unsigned long long)s);
	else if (s < 100 * 60)
		buf_addf(b, "%llu min", (unsigned long long)((s + 30) / 60));
	else
		buf_addf(b, "%llu h %llu min", (unsigned long long)(s / 3600), (unsigned long long)(s % 3600 / 60));
}

static void add_fetching(const struct progress_view *v, unsigned parts, struct buf *ret)
{
	buf_addf(ret, "fetching %s", num_bytes(v->bytes).s);
	if (v->total)
		buf_addf(ret, " of %s", num_bytes(v->total).s);
	if (parts > 2 && v->n_packages)
		buf_addf(ret, ", %zu of %zu packages", v->packages, v->n_packages);
	if (parts > 0 && v->rate > 0)
		buf_addf(ret, ", %s/s", num_bytes((uint64_t)v->rate).s);
	if (parts > 1 && v->rate > 0 && v->total > v->bytes) {
		buf_adds(ret, ", ");
		add_time(ret, (double)(v->total - v->bytes) / v->rate);
		buf_adds(ret, " left");
	}
}

static void add_view(const struct progress_view *v, unsigned parts, struct buf *ret)
{
	if (v->solving)
		buf_addf(ret, "solving for %s", v->solving);
	else if (v->fetching)
		add_fetching(v, parts, ret);
	else if (v->pushing)
		buf_addf(ret, "pushing: %zu of %zu blobs", v->blobs, v->n_blobs);
	if (v->solving || v->pushing || !v->making || !v->n_layers)
		return;
	if (!v->fetching)
		buf_addf(ret, "making layers: %zu of %zu", v->layers, v->n_layers);
	else if (parts > 3 && v->layers)
		buf_addf(ret, ", %zu of %zu layers", v->layers, v->n_layers);
}

void progress_line(const struct progress_view *v, size_t width, struct buf *ret)
{
	for (unsigned parts = 4;; parts--) {
		ret->n = 0;
		add_view(v, parts, ret);
		if (ret->n <= width)
			return;
		if (!parts)
			break;
	}
	ret->n = width;
	ret->p[width] = '\0';
}

static size_t columns(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

/* One write, and only of what changed, so that nothing flickers. The last column would make some terminals wrap. */
static void draw(struct progress *p, bool at_once)
{
	int64_t now = now_ms();
	auto_buf line = { 0 }, out = { 0 };

	if (p->style != BAR || (!at_once && now - p->told_ms < DRAW_MS))
		return;
	p->told_ms = now;
	progress_line(&p->view, columns() - 1, &line);
	if (line.n == p->drawn.n && (!line.n || memcmp(line.p, p->drawn.p, line.n) == 0))
		return;
	buf_addf(&out, "\r%s\033[K", buf_cstr(&line));
	log_set_open(line.n > 0);
	if (write(STDERR_FILENO, out.p, out.n) < 0)
		p->style = OFF; /* nobody is there any more */
	p->drawn.n = 0;
	buf_add(&p->drawn, line.p, line.n);
}

/* ---- lines of a log ---- */

__attribute__((format(printf, 3, 4))) static void say(struct progress *p, enum style least, const char *fmt, ...)
{
	char line[1200];
	va_list ap;

	if (p->style < least || p->style > LOG_LONG)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	str_tidy(line); /* names come from channels */
	fprintf(stderr, "%s\n", line);
}

/* ---- events ---- */

struct event {
	struct json j;
	struct buf text;
};

static bool event_begin(struct progress *p, struct event *e, const char *name)
{
	if (p->style != EVENTS)
		return false;
	*e = (struct event){ 0 };
	e->j.out = &e->text;
	json_object(&e->j);
	json_put_int(&e->j, "version", VERSION);
	json_put_int(&e->j, "ms", now_ms() - p->begun_ms);
	json_put_string(&e->j, "event", name);
	return true;
}

static void event_end(struct event *e)
{
	json_end(&e->j);
	buf_addc(&e->text, '\n');
	fwrite(e->text.p, 1, e->text.n, stderr);
	buf_release(&e->text);
}

static void put_digest(struct event *e, const char *key, const struct digest *d)
{
	auto_buf text = { 0 };

	buf_addf(&text, "sha256:%s", digest_hex(d).hex);
	json_put_string(&e->j, key, text.p);
}

/* ---- one progress ---- */

/* A line that is redrawn wants a terminal that can; and chatter in between (-v) would tear it. */
static enum style choose(enum progress_mode mode)
{
	const char *term = getenv("TERM");
	bool able = isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;

	if (mode == PROGRESS_JSON)
		return EVENTS;
	if (mode == PROGRESS_NONE || log_get_level() == LOG_QUIET)
		return OFF;
	if (mode == PROGRESS_PLAIN)
		return LOG_LONG;
	return able && log_get_level() == LOG_INFO ? BAR : LOG_SHORT;
}

struct progress *progress_new(enum progress_mode mode)
{
	struct progress *p = NEW(struct progress);

	p->style = choose(mode);
	pthread_mutex_init(&p->lock, NULL);
	p->begun_ms = now_ms();
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	p->view = (struct progress_view){ 0 };
	draw(p, true);
	buf_release(&p->drawn);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static struct progress *enter(struct progress *p)
{
	if (!p || p->style == OFF)
		return NULL;
	pthread_mutex_lock(&p->lock);
	return p;
}

static void leavep(struct progress **p)
{
	if (*p)
		pthread_mutex_unlock(&(*p)->lock);
}

#define auto_entered CLEANUP(leavep) struct progress

/* ---- solving ---- */

void progress_solve(struct progress *p, const char *platform)
{
	auto_entered *in = enter(p);
	struct event e;

	if (!in)
		return;
	p->view.solving = platform;
	say(p, LOG_LONG, "solving for %s", platform);
	if (event_begin(p, &e, "solve")) {
		json_put_string(&e.j, "state", "begin");
		json_put_string(&e.j, "platform", platform);
		event_end(&e);
	}
	draw(p, true);
}

void progress_solved(struct progress *p, const char *platform, size_t packages)
{
	auto_entered *in = enter(p);
	struct event e;

	if (!in)
		return;
	p->view.solving = NULL;
	say(p, LOG_LONG, "solved for %s: %zu packages", platform, packages);
	if (event_begin(p, &e, "solve")) {
		json_put_string(&e.j, "state", "end");
		json_put_string(&e.j, "platform", platform);
		json_put_int(&e.j, "packages", (int64_t)packages);
		event_end(&e);
	}
	draw(p, true);
}

/* ---- fetching ---- */

/* What is new counts for a quarter: a rate that jumps is of no use. */
static void look_at_rate(struct progress *p, int64_t now)
{
	struct progress_view *v = &p->view;
	double rate;

	if (now - p->looked_ms < RATE_MS)
		return;
	rate = v->bytes > p->looked_bytes ? (double)(v->bytes - p->looked_bytes) * 1000 / (double)(now - p->looked_ms)
					  : 0;
	v->rate = v->rate > 0 ? (3 * v->rate + rate) / 4 : rate;
	p->looked_ms = now;
	p->looked_bytes = v->bytes;
}

static void tell_bytes(struct progress *p, int64_t now)
{
	struct event e;

	if (now - p->told_ms < EVENT_MS || !event_begin(p, &e, "fetch"))
		return;
	p->told_ms = now;
	json_put_string(&e.j, "state", "progress");
	json_put_int(&e.j, "bytes", (int64_t)p->view.bytes);
	json_put_int(&e.j, "total", (int64_t)p->view.total);
	event_end(&e);
}

static void tell_package(struct progress *p, const struct download *d)
{
	auto_arena a = { 0 };
	struct event e;

	p->view.packages++;
	if (d->was_there)
		say(p, LOG_LONG, "%s is in the cache", d->fn);
	else if (url_is(d->url, "file"))
		say(p, LOG_LONG, "copied %s (%s)", d->fn, num_bytes(d->size).s);
	else
		say(p, LOG_SHORT, "fetched %s%s%s%s", d->fn, d->size ? " (" : "", d->size ? num_bytes(d->size).s : "",
		    d->size ? ")" : "");
	if (event_begin(p, &e, "package")) {
		json_put_string(&e.j, "file", d->fn);
		json_put_string(&e.j, "url", url_redact(&a, d->url));
		json_put_int(&e.j, "size", (int64_t)d->size);
		put_digest(&e, "digest", &d->sha256);
		json_put_bool(&e.j, "cached", d->was_there);
		event_end(&e);
	}
}

static void tell(struct download_progress *base, uint64_t bytes, uint64_t total, const struct download *done)
{
	struct progress *p = ((struct progress_fetch *)base)->p;
	auto_entered *in = enter(p);
	int64_t now;
	bool is_new;

	if (!in)
		return;
	now = now_ms();
	p->view.bytes = bytes;
	p->view.total = total;
	look_at_rate(p, now);
	if (done)
		tell_package(p, done);
	else
		tell_bytes(p, now);
	is_new = !p->view.fetching && (total > 0 || bytes > 0); /* all in the cache is nothing to be seen */
	p->view.fetching = p->view.fetching || is_new;
	draw(p, is_new);
}

void progress_fetch_begin(struct progress_fetch *f, struct progress *p, size_t packages)
{
	auto_entered *in = enter(p);
	struct event e;

	*f = (struct progress_fetch){ .base = { tell }, .p = p };
	if (!in)
		return;
	p->view.bytes = p->view.total = p->looked_bytes = 0;
	p->view.rate = 0;
	p->view.packages = 0;
	p->view.n_packages = packages;
	p->looked_ms = now_ms();
	if (event_begin(p, &e, "fetch")) {
		json_put_string(&e.j, "state", "begin");
		json_put_int(&e.j, "packages", (int64_t)packages);
		event_end(&e);
	}
}

void progress_fetch_end(struct progress_fetch *f)
{
	struct progress *p = f->p;
	auto_entered *in = enter(p);
	struct event e;

	if (!in)
		return;
	p->view.fetching = false;
	if (event_begin(p, &e, "fetch")) {
		json_put_string(&e.j, "state", "end");
		json_put_int(&e.j, "bytes", (int64_t)p->view.bytes);
		event_end(&e);
	}
	draw(p, true);
}

/* ---- layers, and the image ---- */

void progress_layers_begin(struct progress *p, const char *platform, size_t layers)
{
	auto_entered *in = enter(p);

	if (!in)
		return;
	p->platform = platform;
	p->view.making = true;
	p->view.layers = 0;
	p->view.n_layers = layers;
}

void progress_layer(struct progress *p, const struct digest *digest, uint64_t size, bool cached)
{
	auto_entered *in = enter(p);
	struct progress_view *v;
	struct event e;

	if (!in)
		return;
	v = &p->view;
	v->layers += v->layers < v->n_layers;
	if (!cached)
		say(p, LOG_LONG, "made layer %zu of %zu for %s (%s)", v->layers, v->n_layers, p->platform,
		    num_bytes(size).s);
	if (event_begin(p, &e, "layer")) {
		json_put_string(&e.j, "platform", p->platform);
		put_digest(&e, "digest", digest);
		json_put_int(&e.j, "size", (int64_t)size);
		json_put_bool(&e.j, "cached", cached);
		json_put_int(&e.j, "done", (int64_t)v->layers);
		json_put_int(&e.j, "total", (int64_t)v->n_layers);
		event_end(&e);
	}
	draw(p, false);
}

void progress_layers_end(struct progress *p)
{
	auto_entered *in = enter(p);

	if (!in)
		return;
	p->view.making = false;
	draw(p, true);
}

/* ---- on the way to a registry ---- */

static void tell_blobs(struct progress *p, const char *state)
{
	struct event e;

	if (!event_begin(p, &e, "push"))
		return;
	json_put_string(&e.j, "state", state);
	json_put_int(&e.j, "done", (int64_t)p->view.blobs);
	json_put_int(&e.j, "total", (int64_t)p->view.n_blobs);
	event_end(&e);
}

void progress_push_begin(struct progress *p, size_t blobs)
{
	auto_entered *in = enter(p);

	if (!in)
		return;
	p->view.pushing = true;
	p->view.blobs = 0;
	p->view.n_blobs = blobs;
	tell_blobs(p, "begin");
	draw(p, true);
}

void progress_pushed(struct progress *p)
{
	auto_entered *in = enter(p);

	if (!in)
		return;
	p->view.blobs += p->view.blobs < p->view.n_blobs;
	tell_blobs(p, "progress");
	draw(p, false);
}

void progress_push_end(struct progress *p)
{
	auto_entered *in = enter(p);

	if (!in || !p->view.pushing)
		return;
	tell_blobs(p, "end");
	p->view.pushing = false;
	draw(p, true);
}

void progress_image(struct progress *p, const char *platform, const char *place, const struct digest *digest)
{
	auto_entered *in = enter(p);
	struct event e;

	if (!in)
		return;
	say(p, LOG_LONG, "wrote %s", place);
	if (event_begin(p, &e, "image")) {
		if (platform)
			json_put_string(&e.j, "platform", platform);
		json_put_string(&e.j, "place", place);
		put_digest(&e, "digest", digest);
		event_end(&e);
	}
}
