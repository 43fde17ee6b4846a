#include "channels/provenance.h"

#include <string.h>

#include "base/json.h"
#include "conda/instant.h"

#define ROOM ((size_t)16 << 10)

/* One subdir of one channel. */
struct origin {
	const char *channel, *subdir; /* kept once, so pointers tell */
	const char *name;
	uint64_t records;
	int64_t newest;
	struct hash hash;
	struct buf room; /* not yet hashed */
};

struct origins {
	struct origin *all;
	size_t n;
};

static void origins_release(struct origins *o)
{
	for (size_t i = 0; i < o->n; i++) {
		hash_release(&o->all[i].hash);
		buf_release(&o->all[i].room);
	}
	free(o->all);
}

static struct origin *origin_of(struct origins *o, const struct record *r, struct arena *a)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->all[i].channel == r->channel && o->all[i].subdir == r->subdir)
			return &o->all[i];
	mem_grow(o->all, o->n);
	o->all[o->n] = (struct origin){ .channel = r->channel,
					.subdir = r->subdir,
					.name = arena_printf(a, "%s/%s", r->channel, r->subdir) };
	hash_init(&o->all[o->n].hash);
	return &o->all[o->n++];
}

static void flush(struct origin *o)
{
	if (o->room.n)
		hash_add(&o->hash, o->room.p, o->room.n);
	o->room.n = 0;
}

/* "FILE SHA256\n", or its md5, or nothing where it is told neither. */
static void add(struct origin *o, const struct record *r)
{
	char hex[65] = "";

	if (r->has_sha256)
		digest_hex_of(r->sha256.sha256, sizeof(r->sha256.sha256), hex);
	else if (r->has_md5)
		digest_hex_of(r->md5, sizeof(r->md5), hex);
	buf_add(&o->room, r->fn, strlen(r->fn));
	buf_addc(&o->room, ' ');
	buf_add(&o->room, hex, strlen(hex));
	buf_addc(&o->room, '\n');
	o->records++;
	if (record_time(r) > o->newest)
		o->newest = record_time(r);
	if (o->room.n > ROOM)
		flush(o);
}

static int origin_cmp(const void *x, const void *y)
{
	return strcmp(((const struct origin *)x)->name, ((const struct origin *)y)->name);
}

static void write_origin(struct json *j, struct origin *o, struct arena *a)
{
	struct digest digest;

	flush(o);
	digest = hash_get(&o->hash);
	json_key(j, o->name);
	json_object(j);
	if (o->newest)
		json_put_string(j, "newest", instant_text(a, o->newest));
	json_put_int(j, "records", (int64_t)o->records);
	json_put_string(j, "sha256", digest_hex(&digest).hex);
	json_end(j);
}

const char *provenance_text(struct arena *a, const struct index *ix)
{
	CLEANUP(origins_release) struct origins o = { 0 };
	struct origin *last = NULL;
	auto_buf b = { 0 };
	struct json j = { .out = &b };

	/* Records come name by name, of each by channel, subdir and file name: one order for all forms of a channel. */
	for (size_t i = 0; i < ix->n; i++) {
		const struct record *r = &ix->records[i];

		if (!last || last->channel != r->channel || last->subdir != r->subdir)
			last = origin_of(&o, r, a);
		add(last, r);
	}
	if (o.n)
		qsort(o.all, o.n, sizeof(*o.all), origin_cmp);
	json_object(&j);
	for (size_t i = 0; i < o.n; i++)
		write_origin(&j, &o.all[i], a);
	json_end(&j);
	return arena_strdup(a, buf_cstr(&b));
}
