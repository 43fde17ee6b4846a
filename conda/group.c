#include "conda/group.h"

#include "base/digest.h"

/* One of so many layers is shared by small packages. */
#define SHARED_PART 4

struct rank {
	const struct record *r;
	size_t i; /* of the packages */
};

/* Largest first. */
static int size_cmp(const void *x, const void *y)
{
	const struct rank *a = x, *b = y;

	if (a->r->size != b->r->size)
		return a->r->size > b->r->size ? -1 : 1;
	return record_cmp(a->r, b->r) ? record_cmp(a->r, b->r) : (a->i > b->i) - (a->i < b->i);
}

static uint64_t name_hash(const char *name)
{
	struct digest d = digest_bytes(name, strlen(name));
	uint64_t h = 0;

	for (unsigned i = 0; i < 8; i++)
		h = h << 8 | d.sha256[i];
	return h;
}

/* splitmix64's finish: every bit of the result depends on every bit of x. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Rendezvous: each shelf draws a lot for the name, the highest gets it. One shelf more takes only its own share. */
static size_t shelf_of(const char *name, size_t shelves)
{
	uint64_t h = name_hash(name), best = 0;
	size_t ret = 0;

	for (size_t i = 0; i < shelves; i++) {
		uint64_t lot = mix(h ^ mix(i + 1));

		if (i == 0 || lot > best) {
			best = lot;
			ret = i;
		}
	}
	return ret;
}

/* For each package the number of its layer; the first n_own of ranks have one of their own. */
static void assign(const struct rank *ranks, size_t n, size_t n_own, size_t shelves, size_t *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[ranks[i].i] = i < n_own ? i : n_own + shelf_of(ranks[i].r->name, shelves);
}

/* Layers in the order of their first members; empty ones are none. */
static size_t gather(struct arena *a, const size_t *layer_of, size_t n, size_t budget, struct group *ret)
{
	auto_free size_t *sizes = mem_array(budget, sizeof(*sizes));
	auto_free size_t *number = mem_array(budget, sizeof(*number)); /* of the group, from 1 */
	size_t n_ret = 0;

	for (size_t i = 0; i < n; i++)
		sizes[layer_of[i]]++;
	for (size_t i = 0; i < n; i++) {
		size_t l = layer_of[i];
		struct group *g;

		if (!number[l]) {
			number[l] = ++n_ret;
			ret[n_ret - 1].members = arena_array(a, sizes[l], sizeof(size_t));
		}
		g = &ret[number[l] - 1];
		((size_t *)g->members)[g->n++] = i;
	}
	return n_ret;
}

void group_packages(struct arena *a, const struct record *packages, size_t n, size_t budget, const struct group **ret,
		    size_t *n_ret)
{
	size_t shelves = n <= budget ? 0 : (budget + SHARED_PART - 1) / SHARED_PART;
	size_t n_own = n <= budget ? n : budget - shelves;
	auto_free struct rank *ranks = mem_array(n, sizeof(*ranks));
	auto_free size_t *layer_of = mem_array(n, sizeof(*layer_of));
	struct group *groups = arena_array(a, n < budget ? n : budget, sizeof(*groups));

	for (size_t i = 0; i < n; i++)
		ranks[i] = (struct rank){ &packages[i], i };
	if (n)
		qsort(ranks, n, sizeof(*ranks), size_cmp);
	assign(ranks, n, n_own, shelves, layer_of);
	*n_ret = gather(a, layer_of, n, budget, groups);
	*ret = groups;
}
