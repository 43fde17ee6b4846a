#include "base/work.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include "base/mem.h"

struct work {
	pthread_mutex_t lock;
	size_t next, n;
	work_fn *fn;
	void *arg;
	size_t failed_at; /* n: none */
	struct err err;
};

/* The lowest job's failure is told; one that only stopped because of another's never hides the cause. */
static void failed(struct work *w, size_t i, const struct err *err)
{
	bool was = w->failed_at < w->n && w->err.code == ERR_CANCELLED, is = err->code == ERR_CANCELLED;

	if (w->failed_at == w->n || (was && !is) || (was == is && i < w->failed_at)) {
		w->failed_at = i;
		w->err = *err;
	}
}

static void *worker(void *arg)
{
	struct work *w = arg;

	for (;;) {
		struct err err = ERR_INIT;
		size_t i;

		pthread_mutex_lock(&w->lock);
		i = w->failed_at < w->n ? w->n : w->next;
		if (i < w->n)
			w->next++;
		pthread_mutex_unlock(&w->lock);
		if (i >= w->n)
			return NULL;
		if (w->fn(w->arg, i, &err) == 0)
			continue;
		pthread_mutex_lock(&w->lock);
		failed(w, i, &err);
		pthread_mutex_unlock(&w->lock);
	}
}

int work_run(size_t n, unsigned threads, work_fn *fn, void *arg, struct err *err)
{
	struct work w = { .lock = PTHREAD_MUTEX_INITIALIZER, .n = n, .failed_at = n, .fn = fn, .arg = arg };
	auto_free pthread_t *ids = NULL;
	unsigned started = 0;

	if (threads > n)
		threads = (unsigned)n;
	ids = mem_array(threads, sizeof(*ids));
	while (started + 1 < threads && pthread_create(&ids[started], NULL, worker, &w) == 0)
		started++;
	worker(&w); /* this thread works too; and alone where no other could be had */
	while (started)
		pthread_join(ids[--started], NULL);
	if (w.failed_at == n)
		return 0;
	*err = w.err;
	return -1;
}

/* ---- jobs that turn up one by one ---- */

struct ready {
	size_t i;
	uint64_t weight;
};

struct work_line {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct ready *ready; /* not begun */
	size_t n;
	bool ended; /* no more will come */
	work_line_fn *fn;
	void *arg;
	pthread_t *ids;
	unsigned n_ids;
	bool alone; /* no thread could be had */
};

/* Waits for a job and takes it. False: there will be none. */
static bool take_heaviest(struct work_line *w, size_t *ret)
{
	size_t best = 0;
	bool got;

	pthread_mutex_lock(&w->lock);
	while (!w->n && !w->ended)
		pthread_cond_wait(&w->changed, &w->lock);
	got = w->n > 0;
	for (size_t k = 1; k < w->n; k++)
		if (w->ready[k].weight > w->ready[best].weight)
			best = k;
	if (got) {
		*ret = w->ready[best].i;
		w->ready[best] = w->ready[--w->n];
	}
	pthread_mutex_unlock(&w->lock);
	return got;
}

static void *line_worker(void *arg)
{
	struct work_line *w = arg;
	size_t i;

	while (take_heaviest(w, &i))
		w->fn(w->arg, i);
	return NULL;
}

struct work_line *work_line_new(unsigned threads, work_line_fn *fn, void *arg)
{
	struct work_line *w = NEW(struct work_line);

	*w = (struct work_line){ .lock = PTHREAD_MUTEX_INITIALIZER,
				 .changed = PTHREAD_COND_INITIALIZER,
				 .fn = fn,
				 .arg = arg,
				 .ids = mem_array(threads, sizeof(*w->ids)) };
	while (w->n_ids < threads && pthread_create(&w->ids[w->n_ids], NULL, line_worker, w) == 0)
		w->n_ids++;
	w->alone = threads && !w->n_ids;
	return w;
}

void work_line_add(struct work_line *w, size_t i, uint64_t weight)
{
	if (w->alone) {
		w->fn(w->arg, i);
		return;
	}
	pthread_mutex_lock(&w->lock);
	mem_grow(w->ready, w->n);
	w->ready[w->n++] = (struct ready){ i, weight };
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void work_line_end(struct work_line *w, bool forget)
{
	pthread_mutex_lock(&w->lock);
	w->n = forget ? 0 : w->n;
	w->ended = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (!w->n_ids)
		line_worker(w); /* none was asked for */
	while (w->n_ids)
		pthread_join(w->ids[--w->n_ids], NULL);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w->ready);
	free(w->ids);
	free(w);
}

unsigned work_cpus(void)
{
	cpu_set_t set;
	long n;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	n = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than a cpu_set_t holds */
	return n > 0 ? (unsigned)n : 1;
}
