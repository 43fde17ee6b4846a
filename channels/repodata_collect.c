#include <string.h>

#include "channels/packed_format.h"
#include "channels/follow.h"
#include "channels/repodata_impl.h"
#include "fetch/url.h"

/* What all records of one document share, and which of its strings and lists have been made ours. */
struct origin {
	struct packed *p;
	uint32_t rank;
	const char *channel, *subdir, *dir; /* dir: URL of where the files are */
	size_t dir_len;
	const char **strings;
	const char *const **lists;
	struct follow follow;
};

struct collector {
	struct repodata *const *all;
	size_t n;
	struct index *ret;
	struct repodata_stats *stats;
	struct reach reach;
	struct intern strings, lists;
	struct origin *origins;
	const char **room; /* a list on its way */
	size_t room_size;
};

/* ---- which names ---- */

static void reach_all(struct collector *c, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		repodata_reach(&c->reach, c->all, c->n, names[i]);
	for (uint32_t i = 0; i < c->reach.names.n; i++) {
		struct str name = { c->reach.names.entries[i].p, c->reach.names.entries[i].n };

		for (size_t k = 0; k < c->n; k++)
			follow_name(&c->origins[k].follow, &c->reach, name);
	}
}

/* ---- strings and lists ---- */

/* s is string + 1; 0: NULL. */
static const char *text(struct collector *c, struct origin *o, uint32_t s)
{
	const char *p;
	size_t len;

	if (!s || s > packed_n_strings(o->p))
		return NULL;
	if (o->strings[s - 1])
		return o->strings[s - 1];
	p = packed_string(o->p, s - 1, &len);
	return p ? (o->strings[s - 1] = intern_text(&c->strings, (struct str){ p, len })) : NULL;
}

static const char *const *list(struct collector *c, struct origin *o, uint32_t at)
{
	const uint32_t *ids;
	uint32_t n;

	if (!at || at >= packed_n_words(o->p))
		return NULL;
	if (o->lists[at])
		return o->lists[at];
	ids = packed_list(o->p, at, &n);
	if (!ids)
		return NULL;
	if (n >= c->room_size) {
		c->room_size = 2 * (size_t)n + 64;
		c->room = mem_resize(c->room, c->room_size, sizeof(*c->room));
	}
	for (uint32_t i = 0; i < n; i++) {
		c->room[i] = ids[i] < UINT32_MAX ? text(c, o, ids[i] + 1) : NULL;
		if (!c->room[i])
			return NULL;
	}
	c->room[n] = NULL;
	return o->lists[at] = intern_list(&c->lists, c->room, n);
}

/* ---- records ---- */

/* The file's URL; fn is its end where no byte of it had to be written otherwise. */
static void name_file(struct collector *c, const struct origin *o, const struct packed_item *item, struct record *r)
{
	struct arena *a = &c->ret->arena;
	size_t n = item->r->fn_len;
	char *url;

	if (url_is_plain(item->fn, n)) {
		url = arena_alloc(a, o->dir_len + n + 2);
		memcpy(url, o->dir, o->dir_len);
		url[o->dir_len] = '/';
		memcpy(url + o->dir_len + 1, item->fn, n);
		r->fn = url + o->dir_len + 1;
	} else {
		r->fn = arena_strndup(a, item->fn, n);
		url = arena_printf(a, "%s/%s", o->dir, url_encode(a, r->fn));
	}
	r->url = url;
}

static void take_more(struct collector *c, struct origin *o, const struct packed_item *item, struct record *r)
{
	const struct packed_more *m = item->more;
	struct record_extra *extras;

	r->build_number = m->build_number;
	r->indexed_timestamp = m->indexed_timestamp;
	r->version = m->version ? text(c, o, m->version) : r->version;
	r->build = m->build ? text(c, o, m->build) : r->build;
	r->site_packages = text(c, o, m->site_packages);
	r->legacy_bz2_md5 = text(c, o, m->legacy_bz2_md5);
	r->track_features = list(c, o, m->track_features);
	r->flags = list(c, o, m->flags);
	if (!m->n_extras)
		return;
	extras = arena_array(&c->ret->arena, m->n_extras, sizeof(*extras));
	for (uint32_t i = 0; i < m->n_extras; i++) {
		static const char *const none[] = { NULL };
		const char *const *depends = list(c, o, item->extras[2 * i + 1]);
		const char *name = text(c, o, item->extras[2 * i] + 1);

		extras[i] = (struct record_extra){ name ? name : "", depends ? depends : none };
	}
	r->extras = extras;
	r->n_extras = m->n_extras;
}

static void take_record(struct collector *c, struct origin *o, const char *name, const struct packed_item *item,
			struct record *ret)
{
	const struct packed_record *p = item->r;
	const char *version = item->fn + p->name_len + 1, *build = version + p->version_len + 1;
	size_t ext = (p->flags & RECORD_KIND) == KIND_CONDA || (p->flags & RECORD_KIND) == KIND_V3_CONDA ? 6 : 8;
	size_t rest = p->fn_len - (size_t)(build - item->fn);

	*ret = (struct record){ .name = name,
				.subdir = o->subdir,
				.channel = o->channel,
				.channel_rank = o->rank,
				.size = p->size,
				.timestamp = p->timestamp,
				.build_number = p->build_number,
				.has_sha256 = p->flags & RECORD_SHA256,
				.has_md5 = p->flags & RECORD_MD5,
				.noarch = (enum noarch)(p->flags / RECORD_NOARCH & 3) };
	memcpy(ret->sha256.sha256, p->sha256, sizeof(p->sha256));
	memcpy(ret->md5, p->md5, sizeof(p->md5));
	ret->version = intern_text(&c->strings, (struct str){ version, p->version_len });
	ret->build = intern_text(&c->strings, (struct str){ build, rest > ext ? rest - ext : 0 });
	ret->depends = list(c, o, p->depends);
	ret->constrains = list(c, o, p->constrains);
	ret->license = text(c, o, p->license);
	ret->license_family = text(c, o, p->license_family);
	if (item->more)
		take_more(c, o, item, ret);
	name_file(c, o, item, ret);
	record_defaults(ret);
}

static int name_cmp(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* The names that were reached, in their order. */
static const char **sorted_names(struct collector *c)
{
	uint32_t n = c->reach.names.n;
	const char **ret = mem_array(n ? n : 1, sizeof(*ret));

	for (uint32_t i = 0; i < n; i++)
		ret[i] = c->reach.names.entries[i].p;
	if (n)
		qsort(ret, n, sizeof(*ret), name_cmp);
	return ret;
}

static size_t count_records(struct collector *c, const char *const *names)
{
	uint64_t total = 0, most = 0;

	for (size_t k = 0; k < c->n; k++)
		most += packed_records(c->origins[k].p);
	for (uint32_t i = 0; i < c->reach.names.n; i++) {
		for (size_t k = 0; k < c->n; k++) {
			struct packed *p = c->origins[k].p;
			size_t at = packed_find(p, str_of(names[i]));

			total += at == PACKED_NONE ? 0 : packed_count_of(p, at);
		}
	}
	return total < most ? total : most;
}

static void take_all(struct collector *c)
{
	auto_free const char **names = sorted_names(c);
	size_t room = count_records(c, names);
	struct index *ix = c->ret;

	ix->records = arena_array(&ix->arena, room, sizeof(*ix->records));
	for (uint32_t i = 0; i < c->reach.names.n; i++) {
		const char *name = intern_text(&c->strings, str_of(names[i]));

		for (size_t k = 0; k < c->n; k++) {
			struct origin *o = &c->origins[k];
			size_t at = packed_find(o->p, str_of(name));
			struct packed_cursor cursor = { 0 };
			struct packed_item item;

			if (at != PACKED_NONE)
				cursor = packed_records_of(o->p, at);
			while (ix->n < room && packed_next(o->p, &cursor, &item))
				take_record(c, o, name, &item, &ix->records[ix->n++]);
		}
	}
}

/* ---- all ---- */

static void begin(struct collector *c)
{
	struct arena *a = &c->ret->arena;

	reach_init(&c->reach);
	intern_init(&c->strings, a);
	intern_init(&c->lists, a);
	c->origins = mem_array(c->n ? c->n : 1, sizeof(*c->origins));
	for (size_t k = 0; k < c->n; k++) {
		const struct repodata *d = c->all[k];
		struct origin *o = &c->origins[k];
		const char *example;
		uint64_t broken = packed_broken(d->packed, &example);

		*o = (struct origin){ .p = d->packed, .rank = d->rank };
		o->channel = intern_text(&c->strings, str_of(d->canonical));
		o->subdir = intern_text(&c->strings, str_of(d->subdir));
		o->dir = arena_strdup(a, d->dir);
		o->dir_len = strlen(o->dir);
		o->strings = mem_array(packed_n_strings(o->p) + (size_t)1, sizeof(*o->strings));
		o->lists = mem_array(packed_n_words(o->p), sizeof(*o->lists));
		follow_init(&o->follow, o->p);
		c->stats->records += packed_records(o->p);
		if (broken && !c->stats->broken)
			memcpy(c->stats->example, example, sizeof(c->stats->example));
		c->stats->broken += broken;
	}
}

static void end(struct collector *c)
{
	for (size_t k = 0; k < c->n; k++) {
		free(c->origins[k].strings);
		free(c->origins[k].lists);
		follow_release(&c->origins[k].follow);
	}
	free(c->origins);
	free(c->room);
	reach_release(&c->reach);
	intern_release(&c->strings);
	intern_release(&c->lists);
}

static void collect(struct repodata *const *all, size_t n, const char *const *names, size_t n_names, struct index *ret,
		    struct repodata_stats *stats)
{
	struct collector c = { .all = all, .n = n, .ret = ret, .stats = stats };

	*ret = (struct index){ 0 };
	*stats = (struct repodata_stats){ 0 };
	begin(&c);
	reach_all(&c, names, n_names);
	take_all(&c);
	end(&c);
}

int repodata_collect(struct repodata *const *all, size_t n, const char *const *names, size_t n_names, struct index *ret,
		     struct repodata_stats *stats, struct err *err)
{
	struct repodata_stats unused;

	for (;;) {
		bool damaged = false;

		collect(all, n, names, n_names, ret, stats ? stats : &unused);
		for (size_t k = 0; k < n; k++) {
			if (!packed_damaged(all[k]->packed))
				continue;
			damaged = true;
			if (repodata_again(all[k], err) < 0) {
				index_release(ret);
				return -1;
			}
		}
		if (!damaged)
			return 0;
		index_release(ret);
	}
}
