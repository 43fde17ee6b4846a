#include "cmd/contents.h"

#include <string.h>

#include "conda/lock.h"
#include "oci/layer.h"

#define META_DIR "conda-meta/"
#define TEXTS_MAX ((uint64_t)1 << 30) /* of all records together */

/* A record, or the history, as a layer has it. */
struct text {
	const char *path;
	struct buf bytes;
	uint32_t layer;
};

struct reading {
	struct contents *c;
	enum contents_depth depth;
	struct text *texts;
	size_t n_texts;
	uint64_t bytes;
	char *last; /* path of the member at hand */
};

static void reading_release(struct reading *r)
{
	for (size_t i = 0; i < r->n_texts; i++)
		buf_release(&r->texts[i].bytes);
	free(r->texts);
	free(r->last);
}

/* What stands behind "conda-meta/" at the end of a path, or NULL. */
static const char *in_meta_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) + 1 : 0, m = strlen(META_DIR);

	return n >= m && strncmp(path + n - m, META_DIR, m) == 0 && (n == m || path[n - m - 1] == '/') ? path + n
												       : NULL;
}

static bool is_text(const char *path)
{
	const char *name = in_meta_dir(path);

	return name && (str_ends(name, ".json") || strcmp(name, "history") == 0);
}

static void add_fault(struct contents *c, uint32_t layer, bool is_layer, const char *path, struct err *err)
{
	mem_grow(c->faults, c->n_faults);
	c->faults[c->n_faults++] = (struct contents_fault){ layer, is_layer, arena_strdup(&c->arena, path),
							    arena_strdup(&c->arena, err->text) };
	err_clear(err);
}

/* ---- layers ---- */

static int take_text(struct reading *r, const struct member *m, struct source *content, struct digest *d,
		     struct err *err)
{
	struct text *t;

	if (m->size > META_BYTES_MAX || r->bytes + m->size > TEXTS_MAX)
		return err_set(err, ERR_LIMIT, "%.300s is larger than any record that is read", m->path);
	mem_grow(r->texts, r->n_texts);
	t = &r->texts[r->n_texts++];
	*t = (struct text){ .layer = r->c->files.layer };
	t->path = overlay_path(&r->c->arena, m->path, err);
	if (!t->path || io_slurp(content, META_BYTES_MAX, &t->bytes, err) < 0)
		return -1;
	r->bytes += t->bytes.n;
	*d = digest_bytes(buf_cstr(&t->bytes), t->bytes.n);
	return 0;
}

static int hash_content(struct source *content, struct digest *ret, struct err *err)
{
	struct hash h;
	char room[IO_CHUNK];
	ssize_t n;

	hash_init(&h);
	while ((n = source_read(content, room, sizeof(room), err)) > 0)
		hash_add(&h, room, (size_t)n);
	*ret = hash_get(&h);
	hash_release(&h);
	return n < 0 ? -1 : 0;
}

static int take_member(struct reading *r, const struct member *m, struct source *content, struct err *err)
{
	struct digest d;
	bool hashed = true;

	free(r->last);
	r->last = mem_strdup(m->path);
	if (m->type == MEMBER_FILE && is_text(m->path)) {
		if (take_text(r, m, content, &d, err) < 0)
			return -1;
	} else if (m->type == MEMBER_FILE && r->depth == CONTENTS_FILES) {
		if (hash_content(content, &d, err) < 0)
			return -1;
	} else {
		hashed = false;
	}
	return overlay_add(&r->c->files, m, hashed ? &d : NULL, err);
}

static int read_layer(struct reading *r, struct blobs *b, uint32_t i, struct err *err)
{
	auto_layer_reader *in = layer_open(b, &r->c->image->layers[i], err);
	struct source *content;
	struct member m;
	int got = -1;

	free(r->last);
	r->last = mem_strdup("");
	overlay_begin(&r->c->files, i);
	while (in && (got = layer_next(in, &m, &content, err)) > 0) {
		if (take_member(r, &m, content, err) == 0)
			continue;
		got = -1;
		layer_judge(in, err);
		break;
	}
	if (in && layer_at_end(in))
		free(TAKE(r->last));
	overlay_end(&r->c->files);
	return got;
}

static bool has_records(const struct holding *h)
{
	return strcmp(h->part, "libc") != 0 && strcmp(h->part, "system") != 0;
}

static int read_layers(struct reading *r, struct blobs *b, struct err *err)
{
	struct contents *c = r->c;

	for (uint32_t i = 0; i < c->image->n_layers; i++) {
		if (r->depth == CONTENTS_RECORDS && !has_records(&c->holdings[i]))
			continue;
		if (read_layer(r, b, i, err) == 0)
			continue;
		if (r->depth != CONTENTS_FILES || err->code == ERR_LIMIT)
			return err_at(err, "layer %u of %zu", i + 1, c->image->n_layers);
		add_fault(c, i, true, r->last ? r->last : "", err);
	}
	return 0;
}

/* ---- records ---- */

static int take_record(struct reading *r, const struct text *t, struct err *err)
{
	struct contents *c = r->c;
	struct contents_package p = { .layer = t->layer };
	size_t dir = (size_t)(in_meta_dir(t->path) - t->path) - strlen(META_DIR);

	if (meta_read(&c->arena, buf_cstr(&t->bytes), t->bytes.n, t->path, &p.meta, err) < 0) {
		if (r->depth != CONTENTS_FILES || err->code == ERR_LIMIT)
			return -1;
		add_fault(c, t->layer, false, t->path, err);
		return 0;
	}
	p.dist = record_dist(&c->arena, &p.meta.record);
	p.prefix = arena_strndup(&c->arena, t->path, dir ? dir - 1 : 0);
	mem_grow(c->packages, c->n_packages);
	c->packages[c->n_packages++] = p;
	return 0;
}

static int read_texts(struct reading *r, struct err *err)
{
	struct contents *c = r->c;
	const char *history = c->prefix ? arena_printf(&c->arena, "%s/" META_DIR "history", c->prefix) : "";

	for (size_t i = 0; i < r->n_texts; i++) {
		struct text *t = &r->texts[i];
		const struct overlay_file *f = overlay_find(&c->files, t->path);

		if (!f || f->layer != t->layer || f->type != MEMBER_FILE)
			continue;
		if (strcmp(t->path, history) == 0)
			c->history = arena_strndup(&c->arena, buf_cstr(&t->bytes), t->bytes.n);
		else if (str_ends(t->path, ".json") && take_record(r, t, err) < 0)
			return -1;
	}
	return 0;
}

/* In the order of a lock: of two packages that bring one path, the later one's is there. */
static void order_packages(struct contents *c)
{
	auto_free struct record *records = mem_array(c->n_packages, sizeof(*records));
	auto_free struct contents_package *old = mem_array(c->n_packages, sizeof(*old));

	for (size_t i = 0; i < c->n_packages; i++) {
		old[i] = c->packages[i];
		records[i] = old[i].meta.record;
		records[i].channel_rank = (uint32_t)i;
	}
	lock_order(records, c->n_packages);
	for (size_t i = 0; i < c->n_packages; i++)
		c->packages[i] = old[records[i].channel_rank];
}

/* A base may be of our making: each build has one layer of system files, and below that perhaps a C library. */
static uint32_t find_own(const struct contents *c)
{
	uint32_t ret = 0, others = 0;

	while (others < c->image->n_layers && !*c->holdings[others].part)
		others++;
	for (uint32_t i = 0; i < c->image->n_layers; i++)
		if (strcmp(c->holdings[i].part, "system") == 0)
			ret = i;
	if (ret && strcmp(c->holdings[ret - 1].part, "libc") == 0)
		ret--;
	return ret > others ? ret : others;
}

/* ---- libc ---- */

static const char *note(const struct image_layer *l, const char *key)
{
	return descriptor_annotation(l->annotations, l->n_annotations, key);
}

/* It leaves no record in conda-meta: what the layer's annotations say is all there is. */
static void find_libc(struct contents *c)
{
	for (size_t i = 0; i < c->image->n_layers; i++) {
		const struct image_layer *l = &c->image->layers[i];
		const char *hex = note(l, "io.condaimg.libc.sha256");
		const char *md5 = note(l, "io.condaimg.libc.md5");
		struct record *r;

		if (strcmp(c->holdings[i].part, "libc") != 0)
			continue;
		r = arena_alloc(&c->arena, sizeof(*r));
		r->url = note(l, "io.condaimg.libc.url");
		r->channel = note(l, "io.condaimg.libc.channel");
		r->license = note(l, "io.condaimg.libc.license");
		r->subdir = note(l, "io.condaimg.libc.subdir");
		r->has_md5 = md5 && digest_hex_parse(md5, r->md5, sizeof(r->md5));
		r->has_sha256 = hex && digest_parse(hex, &r->sha256);
		r->fn = r->url && strrchr(r->url, '/') ? strrchr(r->url, '/') + 1 : NULL;
		if (!record_split_fn(&c->arena, arena_printf(&c->arena, "%s.conda", c->holdings[i].packages), &r->name,
				     &r->version, &r->build))
			continue;
		record_defaults(r);
		c->libc = r;
	}
}

int contents_read(struct contents *c, struct blobs *b, enum contents_depth depth, struct err *err)
{
	CLEANUP(reading_release) struct reading r = { .c = c, .depth = depth };
	const char *label;

	*c = (struct contents){ .image = blobs_image(b) };
	c->holdings = arena_array(&c->arena, c->image->n_layers, sizeof(*c->holdings));
	for (size_t i = 0; i < c->image->n_layers; i++)
		c->holdings[i] = holding_of(&c->arena, &c->image->layers[i]);
	label = holding_label(c->image, "io.condaimg.prefix");
	if (label && label[0] == '/')
		c->prefix = label + 1;
	c->own = find_own(c);
	if (read_layers(&r, b, err) < 0 || read_texts(&r, err) < 0)
		return -1;
	order_packages(c);
	find_libc(c);
	return 0;
}

const struct contents_package *contents_find(const struct contents *c, const char *dist)
{
	for (size_t i = 0; i < c->n_packages; i++)
		if (strcmp(c->packages[i].dist, dist) == 0)
			return &c->packages[i];
	return NULL;
}

bool contents_is_broken(const struct contents *c, uint32_t layer)
{
	for (size_t i = 0; i < c->n_faults; i++)
		if (c->faults[i].is_layer && c->faults[i].layer == layer)
			return true;
	return false;
}

const struct contents_fault *contents_broken_holder(const struct contents *c, const char *dist)
{
	for (size_t i = 0; i < c->n_faults; i++) {
		struct str rest = str_of(c->holdings[c->faults[i].layer].packages), name;

		while (c->faults[i].is_layer && str_cut(&rest, ',', &name))
			if (str_eq(name, dist))
				return &c->faults[i];
	}
	return NULL;
}

bool contents_has_part(const struct contents *c, const char *part)
{
	for (uint32_t i = c->own; i < c->image->n_layers; i++)
		if (strcmp(c->holdings[i].part, part) == 0)
			return true;
	return false;
}

void contents_release(struct contents *c)
{
	overlay_release(&c->files);
	free(c->packages);
	free(c->faults);
	arena_release(&c->arena);
	*c = (struct contents){ 0 };
}
