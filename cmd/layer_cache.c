#include "cmd/layer_cache.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/codec.h"
#include "base/log.h"
#include "base/num.h"

#define VARIABLE "CONDAIMG_LAYER_CACHE"
#define TEXT_MAX ((uint64_t)64 << 20) /* of facts and answers, decompressed */
#define TRIES_MAX 4
#define PAUSE_NS (100 * 1000000L)
#define MEDIA_QUESTION "application/vnd.condaimg.recipe.v1+text"
#define MEDIA_ANSWER "application/vnd.condaimg.facts.v1+gzip"
#define NOTE_DIFFID "io.condaimg.diffid"
#define NOTE_TAR_SIZE "io.condaimg.tar-size"

static const struct {
	const char *tag, *type;
} kinds[] = {
	[LAYER_CACHE_LAYER] = { "layer", "application/vnd.condaimg.layer.v1" },
	[LAYER_CACHE_PLAN] = { "plan", "application/vnd.condaimg.plan.v1" },
	[LAYER_CACHE_LIBRARIES] = { "libraries", "application/vnd.condaimg.libraries.v1" },
};

struct room {
	struct dest place;
	struct registry *registry; /* to read from */
	atomic_bool dead; /* does not answer */
};

struct layer_cache {
	struct arena arena;
	struct room *rooms;
	size_t n;
	struct registry *writer; /* of the first; opened when it is needed */
	const char *mount; /* repository, or NULL */
	atomic_bool no_writer; /* it was tried, and told */
	pthread_mutex_t lock; /* of what follows */
	struct digest *bad; /* questions whose entries are to be replaced */
	size_t n_bad;
};

struct tag {
	char s[96];
};

static struct tag tag_of(enum layer_cache_kind kind, const struct digest *d)
{
	struct tag t;

	snprintf(t.s, sizeof(t.s), "%s-%s", kinds[kind].tag, digest_hex(d).hex);
	return t;
}

/* ---- open ---- */

static int add_room(struct layer_cache *c, struct registries *r, const struct options *o, const char *text,
		    struct err *err)
{
	struct room *room = &c->rooms[c->n];

	if (registries_ref(r, o, &c->arena, text, &room->place, err) < 0)
		return err_at(err, "--layer-cache %s", text);
	if (room->place.tag || room->place.ref.has_digest)
		return err_set(err, ERR_USAGE, "--layer-cache %s: expected HOST/REPO without a tag or digest", text);
	room->registry = registry_open(room->place.hub, &room->place.ref, REGISTRY_PULL, err);
	if (!room->registry)
		return err_at(err, "--layer-cache %s", text);
	c->n++;
	return 0;
}

/* "none" ends what a file or a variable says. */
static int add_rooms(struct layer_cache *c, struct registries *r, const struct options *o, const char *const *list,
		     size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], "none") == 0)
			return 0;
	c->rooms = arena_array(&c->arena, n, sizeof(*c->rooms));
	for (size_t i = 0; i < n; i++)
		if (add_room(c, r, o, list[i], err) < 0)
			return -1;
	return 0;
}

int layer_cache_open(struct registries *r, const struct options *o, struct layer_cache **ret, struct err *err)
{
	const char *said = getenv(VARIABLE);
	struct layer_cache *c;
	int rc;

	if (!o->n_layer_caches && (!said || !*said))
		return 0;
	if (o->offline) {
		log_debug("--offline: no layer cache is asked");
		return 0;
	}
	c = NEW(struct layer_cache);
	pthread_mutex_init(&c->lock, NULL);
	if (o->n_layer_caches) {
		rc = add_rooms(c, r, o, o->layer_caches, o->n_layer_caches, err);
	} else {
		rc = add_rooms(c, r, o, &said, 1, err);
		if (rc < 0)
			err_at(err, VARIABLE);
	}
	if (rc < 0 || !c->n) {
		layer_cache_free(c);
		return rc;
	}
	*ret = c;
	return 0;
}

void layer_cache_free(struct layer_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		registry_free(c->rooms[i].registry);
	registry_free(c->writer);
	pthread_mutex_destroy(&c->lock);
	free(c->bad);
	arena_release(&c->arena);
	free(c);
}

/* ---- what is wrong ---- */

static void give_up(struct room *room, const struct err *err)
{
	if (!atomic_exchange(&room->dead, true))
		log_warn("the layer cache %s/%s is not used: %s", room->place.ref.host, room->place.ref.repo,
			 err->text);
}

/* It is made anew, and where that is the cache that is written to, replaced. */
static void distrust(struct layer_cache *c, struct room *room, const struct digest *question, const char *tag,
		     const struct err *err)
{
	log_warn("the layer cache %s/%s has a wrong entry %s, which is not used: %s", room->place.ref.host,
		 room->place.ref.repo, tag, err->text);
	if (room != c->rooms)
		return;
	pthread_mutex_lock(&c->lock);
	mem_grow(c->bad, c->n_bad);
	c->bad[c->n_bad++] = *question;
	pthread_mutex_unlock(&c->lock);
}

static bool is_bad(struct layer_cache *c, const struct digest *question)
{
	bool ret = false;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n_bad; i++)
		ret |= digest_equal(&c->bad[i], question);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

/* ---- an entry that is read ---- */

struct wanted {
	enum layer_cache_kind kind;
	struct digest question;
	uint64_t size; /* of the question's text */
	const char *media_type; /* of the layer, or NULL */
};

static int read_layer(const struct descriptor *d, struct cached_layer *ret, struct err *err)
{
	const char *diffid = descriptor_annotation(d->annotations, d->n_annotations, NOTE_DIFFID);
	const char *size = descriptor_annotation(d->annotations, d->n_annotations, NOTE_TAR_SIZE);

	ret->layer = (struct layer){ .digest = d->digest, .size = d->size };
	if (!diffid || !descriptor_digest(diffid, &ret->layer.diffid))
		return err_set(err, ERR_FORMAT, "its layer has no " NOTE_DIFFID);
	if (!size || !num_parse(size, INT64_MAX, &ret->layer.tar_size))
		return err_set(err, ERR_FORMAT, "its layer has no " NOTE_TAR_SIZE);
	ret->has_layer = true;
	return 0;
}

static int read_blobs(struct arena *a, const struct doc *list, const struct wanted *w, struct cached_layer *ret,
		      struct err *err)
{
	if (!list || list->type != DOC_LIST)
		return err_set(err, ERR_FORMAT, "its manifest has no layers");
	for (size_t i = 0; i < list->n; i++) {
		struct descriptor d;

		if (descriptor_read(a, &list->items[i], &d, err) < 0)
			return -1;
		if (strcmp(d.media_type, MEDIA_ANSWER) == 0)
			ret->facts = d;
		else if (!w->media_type || strcmp(d.media_type, w->media_type) != 0)
			return err_set(err, ERR_FORMAT, "it has a blob of type %.100s", d.media_type);
		else if (read_layer(&d, ret, err) < 0)
			return -1;
	}
	return 0;
}

/* The config is the question, so its digest has to be that of the tag. */
static int read_entry(struct arena *a, const struct buf *text, const struct wanted *w, struct cached_layer *ret,
		      struct err *err)
{
	const struct doc *d = doc_parse_json(a, buf_cstr(text), text->n, "manifest", err);
	struct descriptor config;
	const char *type;

	if (!d || doc_get_string(d, "artifactType", "", &type, err) < 0)
		return -1;
	if (strcmp(type, kinds[w->kind].type) != 0)
		return err_set(err, ERR_FORMAT, "it is of type '%.100s', expected %s", type, kinds[w->kind].type);
	if (descriptor_read(a, doc_find(d, "config"), &config, err) < 0)
		return err_at(err, "config");
	if (!digest_equal(&config.digest, &w->question) || config.size != w->size)
		return err_set(err, ERR_INTEGRITY, "it answers the recipe sha256:%s of %" PRIu64 " bytes",
			       digest_hex(&config.digest).hex, config.size);
	return read_blobs(a, doc_find(d, "layers"), w, ret, err);
}

/* 1, 0, -1: told. */
static int find_in(struct layer_cache *c, struct room *room, struct arena *a, const struct wanted *w,
		   struct cached_layer *ret)
{
	struct tag tag = tag_of(w->kind, &w->question);
	struct err err = ERR_INIT;
	struct descriptor d;
	auto_buf text = { 0 };
	int got;

	*ret = (struct cached_layer){ 0 };
	if (room->dead)
		return 0;
	got = registry_get_manifest(room->registry, a, tag.s, &d, &text, &err);
	if (got == 0)
		return 0;
	if (got < 0 && err.code == ERR_NET)
		give_up(room, &err);
	if (got < 0 && err.code == ERR_NET)
		return -1;
	if (got < 0 || read_entry(a, &text, w, ret, &err) < 0) {
		distrust(c, room, &w->question, tag.s, &err);
		return -1;
	}
	got = ret->has_layer ? registry_has_blob(room->registry, &ret->layer.digest, ret->layer.size, &err) : 1;
	if (got < 0) {
		give_up(room, &err);
		return -1;
	}
	if (got == 0) {
		err_set(&err, ERR_INTEGRITY, "the registry has no blob sha256:%s of %" PRIu64 " bytes",
			digest_hex(&ret->layer.digest).hex, ret->layer.size);
		distrust(c, room, &w->question, tag.s, &err);
		return -1;
	}
	ret->at = room->registry;
	return 1;
}

bool layer_cache_find(struct layer_cache *c, const struct digest *recipe, uint64_t recipe_size, const char *media_type,
		      struct cached_layer *ret)
{
	struct wanted w = { LAYER_CACHE_LAYER, *recipe, recipe_size, media_type };
	struct cached_layer best = { 0 };

	for (size_t i = 0; c && i < c->n && !best.has_layer; i++) {
		struct cached_layer l;
		auto_arena a = { 0 };

		if (find_in(c, &c->rooms[i], &a, &w, &l) > 0 && (l.has_layer || !best.at))
			best = l;
	}
	best.facts.media_type = NULL; /* texts are gone */
	best.facts.annotations = NULL;
	best.facts.n_annotations = 0;
	*ret = best;
	return best.at != NULL;
}

static int read_answer(struct registry *r, const struct descriptor *d, struct buf *ret, struct err *err)
{
	auto_source *in = source_limit(
		source_gzip(source_verify(registry_get_blob(r, &d->digest, d->size, err), &d->digest, d->size)),
		TEXT_MAX, "the answer");

	return in ? io_slurp(in, TEXT_MAX, ret, err) : -1;
}

bool layer_cache_facts(struct layer_cache *c, const struct cached_layer *l, struct buf *ret)
{
	struct err err = ERR_INIT;

	if (!c || !l->at || !l->facts.size)
		return false;
	if (read_answer(l->at, &l->facts, ret, &err) == 0)
		return true;
	log_warn("the layer cache %s/%s: %s", registry_ref(l->at)->host, registry_ref(l->at)->repo, err.text);
	return false;
}

bool layer_cache_text(struct layer_cache *c, enum layer_cache_kind kind, const struct buf *question, struct buf *ret)
{
	struct wanted w = { kind, digest_bytes(buf_cstr(question), question->n), question->n, NULL };

	for (size_t i = 0; c && i < c->n; i++) {
		struct err err = ERR_INIT;
		struct cached_layer l;
		auto_arena a = { 0 };
		size_t before = ret->n;

		if (find_in(c, &c->rooms[i], &a, &w, &l) <= 0)
			continue;
		if (!l.facts.size)
			err_set(&err, ERR_FORMAT, "it has no answer");
		else if (read_answer(l.at, &l.facts, ret, &err) == 0)
			return true;
		ret->n = before;
		distrust(c, &c->rooms[i], &w.question, tag_of(kind, &w.question).s, &err);
	}
	return false;
}

/* ---- writing ---- */

static struct registry *open_writer(struct layer_cache *c, struct err *err)
{
	struct registry *ret;

	pthread_mutex_lock(&c->lock);
	if (!c->writer) {
		c->writer = registry_open(c->rooms[0].place.hub, &c->rooms[0].place.ref, REGISTRY_PUSH, err);
		if (c->writer && c->mount)
			registry_mount_from(c->writer, c->mount);
	}
	ret = c->writer;
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static void not_written(struct layer_cache *c, const struct err *err)
{
	if (!atomic_exchange(&c->no_writer, true))
		log_warn("the layer cache %s/%s is not written to: %s", c->rooms[0].place.ref.host,
			 c->rooms[0].place.ref.repo, err->text);
}

bool layer_cache_lacks(struct layer_cache *c, enum layer_cache_kind kind, const struct digest *question)
{
	struct err err = ERR_INIT;
	struct descriptor d;
	auto_arena a = { 0 };
	int got;

	if (!c || c->no_writer || c->rooms[0].dead)
		return false;
	if (is_bad(c, question))
		return true;
	got = registry_head_manifest(c->rooms[0].registry, &a, tag_of(kind, question).s, &d, &err);
	if (got < 0)
		give_up(&c->rooms[0], &err);
	return got == 0;
}

void layer_cache_mount_from(struct layer_cache *c, const struct ref *ref)
{
	const struct ref *own = c ? &c->rooms[0].place.ref : NULL;

	if (own && strcmp(own->host, ref->host) == 0 && strcmp(own->repo, ref->repo) != 0)
		c->mount = arena_strdup(&c->arena, ref->repo);
}

/* A blob of an entry: out of memory, or out of a store. */
struct part {
	struct registry_origin base;
	struct store *from; /* or NULL */
	const struct buf *text;
	struct descriptor d;
};

static struct source *part_open(struct registry_origin *o, const struct descriptor *d, struct err *err)
{
	const struct part *p = (const struct part *)o;

	return p->from ? store_get(p->from, &d->digest, d->size, err) : source_bytes(buf_cstr(p->text), p->text->n);
}

static struct part part_of_text(const char *media_type, const struct buf *text)
{
	return (struct part){
		{ part_open, NULL },
		NULL,
		text,
		{ .media_type = media_type, .digest = digest_bytes(buf_cstr(text), text->n), .size = text->n }
	};
}

static void encode(enum layer_cache_kind kind, const struct part *config, const struct part *parts, size_t n,
		   struct buf *ret)
{
	struct json j = { .out = ret };

	json_object(&j);
	json_put_string(&j, "artifactType", kinds[kind].type);
	json_key(&j, "config");
	descriptor_write(&j, &config->d);
	json_key(&j, "layers");
	json_array(&j);
	for (size_t i = 0; i < n; i++)
		descriptor_write(&j, &parts[i].d);
	json_end(&j);
	json_put_string(&j, "mediaType", MEDIA_MANIFEST);
	json_put_int(&j, "schemaVersion", 2);
	json_end(&j);
}

static int push_part(struct registry *r, struct part *p, bool blindly, struct err *err)
{
	enum registry_sent sent;

	return registry_push_blob(r, &p->d, &p->base, blindly, &sent, err);
}

static bool has_entry(struct registry *r, const char *tag, const struct digest *want)
{
	struct err none = ERR_INIT;
	struct descriptor d;
	auto_arena a = { 0 };

	return registry_head_manifest(r, &a, tag, &d, &none) > 0 && digest_equal(&d.digest, want);
}

/* Others may write the same bytes at the same moment, which some registries answer with a failure. */
static int put_entry(struct registry *r, const char *tag, const struct buf *text, struct err *err)
{
	struct digest d = digest_bytes(text->p, text->n);
	struct registry_put put;

	for (long tries = 1;; tries++) {
		if (registry_put_manifest(r, tag, MEDIA_MANIFEST, text->p, text->n, &put, err) == 0)
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = tries * PAUSE_NS }, NULL);
		if (tries == TRIES_MAX || has_entry(r, tag, &d))
			break;
		err_clear(err);
	}
	if (!has_entry(r, tag, &d))
		return -1;
	err_clear(err);
	return 0;
}

static int write_entry(struct layer_cache *c, enum layer_cache_kind kind, struct part *config, struct part *parts,
		       size_t n, struct err *err)
{
	struct registry *r = open_writer(c, err);
	bool blindly = is_bad(c, &config->d.digest);
	auto_buf text = { 0 };

	if (!r || push_part(r, config, blindly, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (push_part(r, &parts[i], blindly, err) < 0)
			return -1;
	encode(kind, config, parts, n, &text);
	return put_entry(r, tag_of(kind, &config->d.digest).s, &text, err);
}

static void compress(const struct buf *text, struct buf *ret)
{
	struct err none = ERR_INIT;
	auto_sink *s = sink_codec(sink_buf(ret), &CODEC_GZIP_DEFAULT);

	if (sink_write(s, buf_cstr(text), text->n, &none) == 0)
		sink_finish(s, &none);
}

static void put(struct layer_cache *c, enum layer_cache_kind kind, const struct buf *question, struct part *layer,
		const struct buf *facts)
{
	struct part config = part_of_text(MEDIA_QUESTION, question), parts[2];
	struct err err = ERR_INIT;
	auto_buf packed = { 0 };
	size_t n = 0;

	if (layer)
		parts[n++] = *layer;
	if (facts->n) {
		compress(facts, &packed);
		parts[n++] = part_of_text(MEDIA_ANSWER, &packed);
	}
	if (n && write_entry(c, kind, &config, parts, n, &err) < 0)
		not_written(c, &err);
}

void layer_cache_put(struct layer_cache *c, const struct buf *recipe, const char *media_type, const struct layer *layer,
		     struct store *from, const struct buf *facts)
{
	auto_free char *size = mem_printf("%" PRIu64, layer ? layer->tar_size : 0);
	auto_free char *diffid = layer ? mem_printf("sha256:%s", digest_hex(&layer->diffid).hex) : NULL;
	const struct annotation notes[] = { { NOTE_DIFFID, diffid }, { NOTE_TAR_SIZE, size } };
	struct part p = { { part_open, c->mount }, from, NULL, { .media_type = media_type } };

	if (layer) {
		p.d.digest = layer->digest;
		p.d.size = layer->size;
		p.d.annotations = notes;
		p.d.n_annotations = COUNT(notes);
	}
	put(c, LAYER_CACHE_LAYER, recipe, layer ? &p : NULL, facts);
}

void layer_cache_put_text(struct layer_cache *c, enum layer_cache_kind kind, const struct buf *question,
			  const struct buf *text)
{
	put(c, kind, question, NULL, text);
}
