#include "base/work.h"

#include <pthread.h>
#include <sched.h>

#include "base/mem.h"

struct work {
	pthread_mutex_t lock;
	size_t next, n;
	work_fn *fn;
	void *arg;
	size_t failed_at;	/* n: none */
	struct err err;
};

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
		if (i < w->failed_at) {
			w->failed_at = i;
			w->err = err;
		}
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
	worker(&w);	/* this thread works too; and alone where no other could be had */
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

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}
