#include "conda/clobber.h"

/* One path of one package. */
struct claim {
	const struct linked_path *path;
	size_t owner;
};

struct claims {
	struct claim *all; /* sorted by path, then owner */
	size_t n;
	const char *const *names;
};

static int claim_cmp(const void *x, const void *y)
{
	const struct claim *a = x, *b = y;
	int c = strcmp(a->path->path, b->path->path);

	return c ? c : (a->owner > b->owner) - (a->owner < b->owner);
}

static struct claims collect(const struct linked_list *lists, const char *const *names, size_t n)
{
	struct claims ret = { .names = names };
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		ret.n += lists[i].n;
	ret.all = mem_array(ret.n, sizeof(*ret.all));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < lists[i].n; k++)
			ret.all[at++] = (struct claim){ &lists[i].paths[k], i };
	if (ret.n)
		qsort(ret.all, ret.n, sizeof(*ret.all), claim_cmp);
	return ret;
}

/* The last of the claims to the path of claim i. */
static size_t last_of(const struct claims *c, size_t i)
{
	size_t last = i;

	while (last + 1 < c->n && strcmp(c->all[i].path->path, c->all[last + 1].path->path) == 0)
		last++;
	return last;
}

/* The first claim to the len bytes at path, or NULL. */
static const struct claim *find(const struct claims *c, const char *path, size_t len)
{
	size_t lo = 0, hi = c->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strncmp(c->all[mid].path->path, path, len) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->n && strncmp(c->all[lo].path->path, path, len) == 0 && !c->all[lo].path->path[len] ? &c->all[lo]
													  : NULL;
}

static int two_kinds(const struct claims *c, const struct claim *dir, const struct claim *other, const char *path,
		     struct err *err)
{
	return err_set(err, ERR_FORMAT, "'%s' is a directory in %s and a %s in %s", path, c->names[dir->owner],
		       other->path->type == PATH_SYMLINK ? "symlink" : "file", c->names[other->owner]);
}

/* Claims first..last are to one path: all are directories, or none is. */
static int check_kinds(const struct claims *c, size_t first, size_t last, struct err *err)
{
	for (size_t i = first; i <= last; i++)
		if ((c->all[i].path->type == PATH_DIR) != (c->all[first].path->type == PATH_DIR)) {
			bool first_is_dir = c->all[first].path->type == PATH_DIR;

			return two_kinds(c, &c->all[first_is_dir ? first : i], &c->all[first_is_dir ? i : first],
					 c->all[i].path->path, err);
		}
	return 0;
}

/* Each directory on the way to a path is nowhere a file. Those that it shares with last were looked at. */
static int check_parents(const struct claims *c, const struct claim *claim, const char *last, struct err *err)
{
	const char *path = claim->path->path, *slash = strchr(path + linked_common_dir(last, path), '/');

	for (; slash; slash = strchr(slash + 1, '/')) {
		const struct claim *dir = find(c, path, (size_t)(slash - path));

		if (dir && dir->path->type != PATH_DIR)
			return two_kinds(c, claim, dir, dir->path->path, err);
	}
	return 0;
}

static bool same_content(const struct linked_path *a, const struct linked_path *b)
{
	return a->type == PATH_FILE && b->type == PATH_FILE && a->has_sha256 && b->has_sha256 &&
	       a->rewritten == b->rewritten && digest_equal(&a->sha256, &b->sha256);
}

static int check(const struct claims *c, size_t *n_clobbers, struct err *err)
{
	const char *last = "";

	*n_clobbers = 0;
	for (size_t i = 0; i < c->n; last = c->all[i].path->path, i++) {
		size_t end = last_of(c, i);

		if (check_kinds(c, i, end, err) < 0 || check_parents(c, &c->all[i], last, err) < 0)
			return -1;
		if (c->all[i].path->type != PATH_DIR)
			*n_clobbers += end - i;
		i = end;
	}
	return 0;
}

static void fill(const struct claims *c, struct clobber *ret)
{
	for (size_t i = 0, end; i < c->n; i = end + 1) {
		end = last_of(c, i);
		if (c->all[i].path->type == PATH_DIR)
			continue;
		for (size_t k = i; k < end; k++)
			*ret++ = (struct clobber){
				.path = c->all[k].path->path,
				.winner = c->all[end].owner,
				.loser = c->all[k].owner,
				.same = same_content(c->all[k].path, c->all[end].path),
			};
	}
}

/* Clobbers are sorted by path, so each list comes out sorted. */
static const char *const **drop(struct arena *a, const struct clobber *clobbers, size_t n_clobbers, size_t n)
{
	const char *const **ret = arena_array(a, n, sizeof(*ret));
	auto_free size_t *counts = mem_array(n, sizeof(*counts));
	auto_free const char ***lists = mem_array(n, sizeof(*lists));

	for (size_t i = 0; i < n_clobbers; i++)
		counts[clobbers[i].loser]++;
	for (size_t i = 0; i < n; i++) {
		lists[i] = arena_array(a, counts[i] + 1, sizeof(*lists[i]));
		ret[i] = (const char *const *)lists[i];
	}
	for (size_t i = 0; i < n_clobbers; i++)
		*lists[clobbers[i].loser]++ = clobbers[i].path;
	return ret;
}

int clobber_plan(struct arena *a, const struct linked_list *lists, const char *const *names, size_t n,
		 struct clobber_plan *ret, struct err *err)
{
	struct claims c = collect(lists, names, n);
	struct clobber *clobbers;
	size_t n_clobbers;

	if (check(&c, &n_clobbers, err) < 0) {
		free(c.all);
		return -1;
	}
	clobbers = arena_array(a, n_clobbers, sizeof(*clobbers));
	fill(&c, clobbers);
	free(c.all);
	*ret = (struct clobber_plan){ drop(a, clobbers, n_clobbers, n), clobbers, n_clobbers };
	return 0;
}
