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

unsigned work_cpus(void)
{
	cpu_set_t set;
	long n;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	n = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than a cpu_set_t holds */
	return n > 0 ? (unsigned)n : 1;
}
