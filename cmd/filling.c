#include "cmd/filling.h"

#include <string.h>
#include <sys/stat.h>

#include "base/work.h"
#include "cmd/making.h"
#include "cmd/progress.h"

struct filling {
	struct assembly *a;
	struct record *records;
	struct arena *arenas; /* one a package: threads do not share */
};

bool filling_needed(const struct lock_platform *lp)
{
	for (size_t i = 0; i < lp->n_packages; i++)
		if (lp->packages[i].bare)
			return true;
	return false;
}

static uint64_t size_of(const struct assembly *a, const struct record *r)
{
	auto_free char *path = mem_printf("sha256/%s", digest_hex(&r->sha256).hex);
	struct stat st;

	return fstatat(a->workshop->packages, path, &st, 0) == 0 ? (uint64_t)st.st_size : 0;
}

/* A list has one checksum a package, where a channel has two. */
static int add_md5(const struct assembly *a, struct record *r, struct err *err)
{
	auto_free char *path = mem_printf("sha256/%s", digest_hex(&r->sha256).hex);
	auto_source *in = source_file(a->workshop->packages, path, err);
	auto_free char *chunk = mem_alloc(IO_CHUNK);
	struct hash h;
	ssize_t n = in ? 1 : -1;

	hash_init_md5(&h);
	while (n > 0) {
		n = source_read(in, chunk, IO_CHUNK, err);
		if (n > 0)
			hash_add(&h, chunk, (size_t)n);
	}
	if (n == 0)
		hash_get_md5(&h, r->md5);
	hash_release(&h);
	r->has_md5 = n == 0;
	return n == 0 ? 0 : -1;
}

static int fill_one(void *arg, size_t i, struct err *err)
{
	struct filling *f = arg;
	struct record *r = &f->records[i];
	auto_package *p = NULL;

	if (!r->bare)
		return 0;
	p = making_open_package(f->a, r, err);
	if (!p)
		return -1;
	record_fill(&f->arenas[i], r, &package_info(p)->index);
	if (!r->size)
		r->size = size_of(f->a, r);
	return r->has_md5 ? 0 : add_md5(f->a, r, err);
}

int filling_records(struct assembly *a, struct record *records, struct err *err)
{
	size_t n = a->lp->n_packages;
	auto_free struct arena *arenas = mem_array(n, sizeof(*arenas));
	struct filling f = { a, records, arenas };
	int rc = assembly_fetch_records(f.a, f.records, n, err);

	if (rc == 0)
		rc = work_run(n, a->workshop->threads, fill_one, &f, err);
	for (size_t i = 0; i < n; i++)
		arena_join(&a->arena, &arenas[i]);
	if (rc == 0)
		lock_order(records, n);
	return rc;
}
