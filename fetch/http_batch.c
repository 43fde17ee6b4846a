#include <string.h>

#include "base/log.h"
#include "fetch/http_batch_impl.h"

#define HELD_MAX 64 /* requests whose end is not known yet: then nothing new is begun */
#define LATER_MS 100
#define TURN_MS 1000 /* idle() is called that often at least */

/* ---- wants ---- */

void http_want_later(struct http_run *r, size_t i, int64_t ms)
{
	r->wants[i].state = WANT_LATER;
	r->wants[i].wake_ms = ms > 0 ? http_now_ms() + ms : 0;
	r->later[r->n_later++] = i;
}

/* What one mirror gave was of no use: another is asked, where there is one left. */
static void refuse_mirror(struct want *w)
{
	uint32_t all = w->mirrors ? (1U << w->mirrors->n) - 1 : 0;

	if ((w->refused | w->at) == all)
		return;
	w->refused |= w->at;
	w->tried |= w->at;
	for (size_t k = 0; k < w->mirrors->n; k++)
		if (w->at == 1U << k)
			http_mirror_bad(&w->mirrors->all[k]);
}

void http_want_ended(struct http_run *r, size_t i, int next)
{
	struct want *w = &r->wants[i];

	if (next == HTTP_HOLD) {
		w->state = WANT_HELD;
		r->n_held++;
	} else if (next == HTTP_DONE) {
		w->state = WANT_DONE;
	} else {
		if (next == HTTP_GO) {
			refuse_mirror(w);
			w->tries = 0;
		}
		http_want_later(r, i, next == HTTP_LATER ? LATER_MS : 0);
	}
}

void http_release(struct http_batch *b, size_t i, enum http_next next)
{
	if (b->run->wants[i].state != WANT_HELD)
		return;
	b->run->n_held--;
	http_want_ended(b->run, i, next);
}

void http_wake(struct http *h)
{
	curl_multi_wakeup(h->multi);
}

/* ---- how many at once ---- */

/* As TCP does it: half as many when it was too much, and slowly more while all goes well. */
void http_too_busy(struct http_run *r)
{
	unsigned half = (unsigned)(r->n_running + 1) / 2;

	r->allowed = half < r->allowed ? half : r->allowed;
	r->allowed = r->allowed ? r->allowed : 1;
	r->credit = 0;
	log_debug("the server is too busy: %u at once from now on", r->allowed);
}

void http_went_well(struct http_run *r)
{
	if (r->allowed < r->n_slots && ++r->credit >= r->allowed) {
		r->allowed++;
		r->credit = 0;
	}
}

/* ---- many requests ---- */

/* The next request whose time has come; false: there is none now. */
static bool next_want(struct http_run *r, size_t *i)
{
	int64_t now = r->n_later ? http_now_ms() : 0;

	for (size_t k = 0; k < r->n_later; k++) {
		*i = r->later[k];
		if (r->wants[*i].wake_ms > now)
			continue;
		memmove(&r->later[k], &r->later[k + 1], (--r->n_later - k) * sizeof(*r->later));
		return true;
	}
	if (r->next == r->b->n)
		return false;
	*i = r->next++;
	return true;
}

static struct slot *free_slot(struct http_run *r)
{
	if (r->n_running >= r->allowed || r->n_held >= HELD_MAX)
		return NULL;
	for (unsigned k = 0; k < r->n_slots; k++)
		if (!r->slots[k].busy)
			return &r->slots[k];
	return NULL;
}

static int begin_some(struct http_run *r, struct err *err)
{
	struct slot *s;
	size_t i;

	while ((s = free_slot(r)) && next_want(r, &i))
		if (http_slot_begin(s, i, err) < 0)
			return -1;
	return 0;
}

/* Milliseconds until something may have to be begun. */
static int wait_ms(const struct http_run *r)
{
	int64_t now = http_now_ms(), ret = TURN_MS;

	if (r->n_running >= r->allowed || r->n_held >= HELD_MAX)
		return TURN_MS;
	for (size_t k = 0; k < r->n_later; k++) {
		int64_t left = r->wants[r->later[k]].wake_ms - now;

		ret = left < ret ? left : ret;
	}
	return ret > 0 ? (int)ret : 0;
}

static int take_messages(struct http_run *r, bool *any, struct err *err)
{
	struct CURLMsg *m;
	int left;

	*any = false;
	while ((m = curl_multi_info_read(r->h->multi, &left))) {
		CURLcode code = m->data.result;
		struct slot *s;

		if (m->msg != CURLMSG_DONE)
			continue;
		*any = true;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&s);
		if (http_slot_done(s, code, err) < 0)
			return -1;
	}
	return 0;
}

static int run_all(struct http_run *r, struct err *err)
{
	for (;;) {
		bool any;
		int left;

		if ((r->b->ops->idle && r->b->ops->idle(r->b, err) < 0) || begin_some(r, err) < 0)
			return -1;
		if (!r->n_running && !r->n_held && !r->n_later && r->next == r->b->n)
			return 0;
		if (curl_multi_perform(r->h->multi, &left) != CURLM_OK)
			abort();
		if (take_messages(r, &any, err) < 0)
			return -1;
		if (!any && curl_multi_poll(r->h->multi, NULL, 0, wait_ms(r), NULL) != CURLM_OK)
			abort();
	}
}

int http_run(struct http *h, struct http_batch *b, struct err *err)
{
	auto_free struct http_run *r = NEW(struct http_run);
	auto_free struct want *wants = mem_array(b->n, sizeof(*wants));
	auto_free size_t *later = mem_array(b->n, sizeof(*later));
	int rc;

	r->h = h;
	r->b = b;
	r->wants = wants;
	r->later = later;
	r->n_slots = b->at_once < HTTP_AT_ONCE_MAX ? b->at_once : HTTP_AT_ONCE_MAX;
	if (h->at_once && r->n_slots > h->at_once)
		r->n_slots = h->at_once;
	r->n_slots = r->n_slots ? r->n_slots : 1;
	r->allowed = r->n_slots;
	for (unsigned k = 0; k < r->n_slots; k++)
		r->slots[k].run = r;
	b->run = r;
	rc = run_all(r, err);
	for (unsigned k = 0; k < r->n_slots; k++)
		http_slot_drop(&r->slots[k]);
	b->run = NULL;
	return rc;
}
