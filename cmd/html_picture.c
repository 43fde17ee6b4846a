#include <string.h>

#include "cmd/html_impl.h"
#include "cmd/html_treemap.h"

#define BEST 5 /* items that the caption names */

/* A drawing of the same for one kind of screen. In tenths of a pixel. */
struct screen {
	const char *name; /* class, as page.css has it, with the same sides */
	char letter; /* of its tiles' ids */
	struct html_box box;
	unsigned least; /* what is below 1/least of the whole has no tile of its own */
	uint32_t
		side; /* nor has what would be narrower: 24 pixels, which a finger or an unsteady hand can hit (WCAG 2.5.8) */
};

#define ROUNDS 6 /* in which what is too narrow joins the small ones, and the rest moves */

static const struct screen screens[] = {
	{ "wide", 'w', { 0, 0, 12000, 5600 }, 500, 260 },
	{ "narrow", 'n', { 0, 0, 3400, 5000 }, 100, 260 },
};

/* What becomes a tile: an item, or many that are too small for one. */
struct cell {
	uint64_t bytes;
	size_t item; /* n_items: many */
	size_t first; /* of many: in small */
	size_t n_small;
	struct html_box box;
};

/* The cells of a layer; of the last one, those of all layers. */
struct group {
	uint64_t bytes;
	size_t first, n;
	struct html_box box;
};

struct drawing {
	struct html_page *page;
	const struct screen *screen;
	struct cell *cells;
	size_t n_cells;
	struct group *groups;
	size_t n_groups;
	size_t *small; /* items without a tile, cell after cell */
	size_t n_small;
	bool *late; /* by item: left to the last cell */
	bool *thin; /* by item: turned out too narrow for a tile */
	bool *thin_layer; /* by layer: its small ones together did */
	unsigned n_tiles;
};

static void drawing_release(struct drawing *d)
{
	free(d->cells);
	free(d->groups);
	free(d->small);
	free(d->late);
	free(d->thin);
	free(d->thin_layer);
}

/* ---- from items to cells ---- */

static bool is_small(const struct drawing *d, uint64_t bytes)
{
	return (unsigned __int128)bytes * d->screen->least < d->page->facts->bytes;
}

static bool has_tile(const struct drawing *d, size_t item)
{
	return d->page->shown[item] && !d->thin[item] && !is_small(d, d->page->facts->items[item].bytes);
}

static void begin_group(struct drawing *d)
{
	d->groups[d->n_groups] = (struct group){ .first = d->n_cells };
}

static void add_cell(struct drawing *d, const struct cell *c)
{
	struct group *g = &d->groups[d->n_groups];

	d->cells[d->n_cells++] = *c;
	g->bytes += c->bytes;
	g->n++;
}

static void end_group(struct drawing *d)
{
	d->n_groups += d->groups[d->n_groups].n > 0;
}

/* Small items of one layer: a tile together if that is large enough, else left to the last cell of all. */
static void add_small(struct drawing *d, const struct html_layer *l)
{
	const struct html_item *items = d->page->facts->items;
	struct cell many = { .item = d->page->facts->n_items, .first = d->n_small };

	for (size_t i = l->first; i < l->first + l->n; i++) {
		if (has_tile(d, i))
			continue;
		many.bytes += items[i].bytes;
		d->small[d->n_small++] = i;
	}
	many.n_small = d->n_small - many.first;
	if (many.n_small > 1 && !is_small(d, many.bytes) && !d->thin_layer[l - d->page->facts->layers]) {
		add_cell(d, &many);
		return;
	}
	while (d->n_small > many.first)
		d->late[d->small[--d->n_small]] = true;
}

static void add_layer(struct drawing *d, const struct html_layer *l)
{
	begin_group(d);
	for (size_t i = l->first; i < l->first + l->n; i++)
		if (has_tile(d, i))
			add_cell(d, &(struct cell){ .bytes = d->page->facts->items[i].bytes, .item = i });
	add_small(d, l);
	end_group(d);
}

/* A cell of one item is that item's. */
static void add_late(struct drawing *d)
{
	const struct html_facts *f = d->page->facts;
	struct cell last = { .item = f->n_items, .first = d->n_small };

	for (size_t i = 0; i < f->n_items; i++) {
		if (!d->late[i])
			continue;
		last.bytes += f->items[i].bytes;
		d->small[d->n_small++] = i;
	}
	last.n_small = d->n_small - last.first;
	if (last.n_small == 1)
		last.item = d->small[last.first];
	begin_group(d);
	if (last.bytes)
		add_cell(d, &last);
	end_group(d);
}

static int cell_cmp(const void *x, const void *y)
{
	const struct cell *a = x, *b = y;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return (a->item > b->item) - (a->item < b->item);
}

static int group_cmp(const void *x, const void *y)
{
	const struct group *a = x, *b = y;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return (a->first > b->first) - (a->first < b->first);
}

static void make_cells(struct drawing *d)
{
	const struct html_facts *f = d->page->facts;

	d->n_cells = d->n_groups = d->n_small = 0;
	for (size_t i = 0; i < f->n_items; i++)
		d->late[i] = false;
	for (size_t i = 0; i <= f->n_layers; i++)
		d->groups[i] = (struct group){ 0 };
	for (size_t i = 0; i < f->n_layers; i++)
		add_layer(d, &f->layers[i]);
	add_late(d);
	for (size_t i = 0; i < d->n_groups; i++)
		qsort(d->cells + d->groups[i].first, d->groups[i].n, sizeof(*d->cells), cell_cmp);
	qsort(d->groups, d->n_groups, sizeof(*d->groups), group_cmp);
}

/* ---- where they are ---- */

static void place_cells(struct drawing *d, const struct group *g)
{
	auto_free uint64_t *weights = mem_array(g->n, sizeof(*weights));
	auto_free struct html_box *boxes = mem_array(g->n, sizeof(*boxes));

	for (size_t i = 0; i < g->n; i++)
		weights[i] = d->cells[g->first + i].bytes;
	html_treemap(weights, g->n, g->box, boxes);
	for (size_t i = 0; i < g->n; i++)
		d->cells[g->first + i].box = boxes[i];
}

static void place_all(struct drawing *d)
{
	auto_free uint64_t *weights = mem_array(d->n_groups + 1, sizeof(*weights));
	auto_free struct html_box *boxes = mem_array(d->n_groups + 1, sizeof(*boxes));

	for (size_t i = 0; i < d->n_groups; i++)
		weights[i] = d->groups[i].bytes;
	html_treemap(weights, d->n_groups, d->screen->box, boxes);
	for (size_t i = 0; i < d->n_groups; i++) {
		d->groups[i].box = boxes[i];
		place_cells(d, &d->groups[i]);
	}
}

static bool is_thin(const struct drawing *d, const struct cell *c)
{
	return c->box.w < d->screen->side || c->box.h < d->screen->side;
}

static bool mark(bool *flag)
{
	bool was = *flag;

	*flag = true;
	return !was;
}

/* What is too narrow shall be among the small ones. Whether there is more of it than before. */
static bool mark_thin(struct drawing *d)
{
	const struct html_facts *f = d->page->facts;
	bool ret = false;

	for (size_t i = 0; i < d->n_cells; i++) {
		const struct cell *c = &d->cells[i];

		if (!is_thin(d, c))
			continue;
		if (c->item < f->n_items)
			ret |= mark(&d->thin[c->item]);
		else if (!d->late[d->small[c->first]])
			ret |= mark(&d->thin_layer[f->items[d->small[c->first]].layer]);
	}
	return ret;
}

static void lay_out(struct drawing *d)
{
	const struct html_facts *f = d->page->facts;

	d->cells = mem_array(f->n_items + f->n_layers + 1, sizeof(*d->cells));
	d->groups = mem_array(f->n_layers + 1, sizeof(*d->groups));
	d->small = mem_array(f->n_items + 1, sizeof(*d->small));
	d->late = mem_array(f->n_items + 1, sizeof(*d->late));
	d->thin = mem_array(f->n_items + 1, sizeof(*d->thin));
	d->thin_layer = mem_array(f->n_layers + 1, sizeof(*d->thin_layer));
	for (unsigned round = 0; round < ROUNDS; round++) {
		make_cells(d);
		place_all(d);
		if (!mark_thin(d))
			return;
	}
}

/* ---- tiles ---- */

/* Hundredths of a percent. Edges are rounded, not lengths, so that neighbours still meet. */
static unsigned edge(uint32_t at, uint32_t whole)
{
	return (unsigned)(((uint64_t)at * 10000 + whole / 2) / whole);
}

static void put_percent(struct buf *out, const char *name, unsigned from, unsigned to)
{
	buf_addf(out, "%s:%u.%02u%%;", name, (to - from) / 100, (to - from) % 100);
}

static void put_rule(struct drawing *d, struct html_box b)
{
	const struct html_box *all = &d->screen->box;
	unsigned left = edge(b.x, all->w), top = edge(b.y, all->h);
	struct buf *out = &d->page->rules;

	buf_addf(out, "#%c%u{", d->screen->letter, d->n_tiles);
	put_percent(out, "left", 0, left);
	put_percent(out, "top", 0, top);
	put_percent(out, "width", left, edge(b.x + b.w, all->w));
	put_percent(out, "height", top, edge(b.y + b.h, all->h));
	buf_adds(out, "}\n");
}

static const char *send_class(const struct html_page *p, uint32_t layer)
{
	return !html_compares(p) ? "" : p->facts->layers[layer].known ? " s0" : " s1";
}

static void put_item_title(const struct html_page *p, const struct html_item *it, struct buf *out)
{
	html_text_cut(out, it->name, HTML_NAME_MAX);
	if (it->record) {
		buf_addc(out, ' ');
		html_text_cut(out, it->record->version, HTML_NAME_MAX);
	}
	buf_addf(out, ": %s in ", num_bytes(it->bytes).s);
	html_plural(out, it->n_files, "file", "files");
	buf_addf(out, ", layer %u", it->layer + 1);
	if (it->record) {
		buf_adds(out, ", ");
		html_text_cut(out, it->license ? it->license : "licence not told", HTML_NAME_MAX);
	}
	if (html_compares(p))
		buf_adds(out, p->facts->layers[it->layer].known ? ", there already" : ", to send");
}

/* "353 kB" where num_bytes() says "352.6 kB": a tile has little room. */
static struct num_text brief(uint64_t bytes)
{
	struct num_text t = num_bytes(bytes);
	char *dot = strchr(t.s, '.');

	if (dot && dot - t.s >= 3)
		memmove(dot, dot + 2, strlen(dot + 2) + 1);
	return t;
}

/* What cannot be hit is no link; the tables lead to what is behind it. */
static void begin_tile(const struct drawing *d, const struct cell *c, struct buf *out)
{
	buf_adds(out, is_thin(d, c) ? "<li><span" : "<li><a");
}

static void end_tile(const struct drawing *d, const struct cell *c, struct buf *out)
{
	buf_addf(out, "</b> <span>%s</span></%s></li>\n", brief(c->bytes).s, is_thin(d, c) ? "span" : "a");
}

static void put_item_tile(struct drawing *d, const struct cell *c, struct buf *out)
{
	const struct html_item *it = &d->page->facts->items[c->item];

	begin_tile(d, c, out);
	buf_addf(out, " class=\"t %s%s\" id=\"%c%u\"", html_item_colour(it), send_class(d->page, it->layer),
		 d->screen->letter, d->n_tiles);
	if (!is_thin(d, c))
		buf_addf(out, " href=\"#p%zu\"", c->item);
	buf_adds(out, " title=\"");
	put_item_title(d->page, it, out);
	buf_adds(out, "\"><b>");
	html_text_cut(out, it->name, HTML_NAME_MAX);
	end_tile(d, c, out);
}

/* A colour says something of many only where it is true for each of them. */
static void put_many_classes(const struct drawing *d, const struct cell *c, struct buf *out)
{
	const struct html_item *items = d->page->facts->items;
	const size_t *small = d->small + c->first;
	const char *colour = html_item_colour(&items[small[0]]), *send = send_class(d->page, items[small[0]].layer);

	for (size_t i = 1; i < c->n_small; i++) {
		if (strcmp(colour, html_item_colour(&items[small[i]])) != 0)
			colour = "kx";
		if (strcmp(send, send_class(d->page, items[small[i]].layer)) != 0)
			send = "";
	}
	buf_addf(out, "t %s%s", colour, send);
}

/* The layer that all of them are in, from 1; 0: several. */
static uint32_t layer_of_many(const struct drawing *d, const struct cell *c)
{
	const struct html_item *items = d->page->facts->items;
	uint32_t layer = items[d->small[c->first]].layer;

	for (size_t i = 1; i < c->n_small; i++)
		if (items[d->small[c->first + i]].layer != layer)
			return 0;
	return layer + 1;
}

static void put_many_name(const struct drawing *d, const struct cell *c, struct buf *out)
{
	uint32_t layer = layer_of_many(d, c);

	if (layer)
		buf_addf(out, "layer %u", layer);
	else
		buf_adds(out, "small ones");
}

static void put_many_panel(struct drawing *d, const struct cell *c, struct buf *out)
{
	const struct html_item *items = d->page->facts->items;
	unsigned id = d->page->n_rests;

	buf_addf(out, "<section class=\"panel\" id=\"m%u\" tabindex=\"-1\" aria-labelledby=\"m%u-h\">\n", id, id);
	buf_addf(out, "<div class=\"top\"><h3 id=\"m%u-h\">", id);
	put_many_name(d, c, out);
	buf_addf(out, ": %zu, together %s</h3>" HTML_BACK "</div>\n<ul class=\"names\">\n", c->n_small,
		 num_bytes(c->bytes).s);
	for (size_t i = 0; i < c->n_small && i < HTML_ITEMS_MAX; i++) {
		const struct html_item *it = &items[d->small[c->first + i]];

		buf_adds(out, "<li>");
		html_item_link(d->page, it, out);
		buf_addf(out, " %s</li>\n", num_bytes(it->bytes).s);
	}
	if (c->n_small > HTML_ITEMS_MAX)
		buf_addf(out, "<li>and %zu more</li>\n", c->n_small - HTML_ITEMS_MAX);
	buf_adds(out, "</ul>\n</section>\n");
}

static void put_many_tile(struct drawing *d, const struct cell *c, struct buf *out)
{
	begin_tile(d, c, out);
	buf_adds(out, " class=\"");
	put_many_classes(d, c, out);
	buf_addf(out, "\" id=\"%c%u\"", d->screen->letter, d->n_tiles);
	if (!is_thin(d, c)) {
		buf_addf(out, " href=\"#m%u\"", ++d->page->n_rests);
		put_many_panel(d, c, &d->page->rests);
	}
	buf_addf(out, " title=\"%zu parts that are too small for this picture: %s\"><b>", c->n_small,
		 num_bytes(c->bytes).s);
	put_many_name(d, c, out);
	end_tile(d, c, out);
}

static void draw_group(struct drawing *d, const struct group *g, struct buf *out, struct buf *frames)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct cell *c = &d->cells[g->first + i];

		put_rule(d, c->box);
		if (c->item < d->page->facts->n_items)
			put_item_tile(d, c, out);
		else
			put_many_tile(d, c, out);
		d->n_tiles++;
	}
	if (g->n < 2)
		return;
	put_rule(d, g->box);
	buf_addf(frames, "<div class=\"g\" id=\"%c%u\"></div>\n", d->screen->letter, d->n_tiles++);
}

static void draw(struct html_page *p, const struct screen *s, struct buf *out)
{
	CLEANUP(drawing_release) struct drawing d = { .page = p, .screen = s };
	auto_buf frames = { 0 };

	lay_out(&d);
	buf_addf(out, "<div class=\"map %s\">\n<ul aria-label=\"Packages by size\">\n", s->name);
	for (size_t i = 0; i < d.n_groups; i++)
		draw_group(&d, &d.groups[i], out, &frames);
	buf_addf(out, "</ul>\n%s</div>\n", buf_cstr(&frames));
}

/* ---- what the colours say ---- */

static void put_key(struct buf *out, const char *colour, const char *name, uint64_t n, uint64_t bytes, const char *one,
		    const char *many)
{
	buf_addf(out, "<li><i class=\"dot %s\"></i>%s <small>", colour, name);
	html_plural(out, n, one, many);
	buf_addf(out, ", %s</small></li>\n", num_bytes(bytes).s);
}

static void put_kind_key(const struct html_page *p, struct buf *out)
{
	const struct html_facts *f = p->facts;
	uint64_t bytes[LICENSE_KINDS + 1] = { 0 }, n[LICENSE_KINDS + 1] = { 0 };

	for (size_t i = 0; i < f->n_items; i++) {
		unsigned k = f->items[i].record ? f->items[i].kind : LICENSE_KINDS;

		bytes[k] += f->items[i].bytes;
		n[k]++;
	}
	buf_adds(out, "<ul class=\"key key-kind\" aria-label=\"Colours: kind of licence\">\n");
	for (unsigned k = 0; k < LICENSE_KINDS; k++) {
		auto_free char *colour = mem_printf("k%u", k);

		if (n[k])
			put_key(out, colour, license_kind_name(k), n[k], bytes[k], "package", "packages");
	}
	if (n[LICENSE_KINDS])
		put_key(out, "kx", "no package", n[LICENSE_KINDS], bytes[LICENSE_KINDS], "part", "parts");
	if (p->n_rests)
		buf_adds(out, "<li><i class=\"dot kx\"></i>several small ones</li>\n");
	buf_adds(out, "</ul>\n");
}

static void put_send_key(const struct html_page *p, struct buf *out)
{
	const struct html_facts *f = p->facts;

	buf_adds(out, "<ul class=\"key key-push\" aria-label=\"Colours: what a push sends\">\n");
	put_key(out, "s1", "to send", f->n_missing, f->missing, "layer", "layers");
	put_key(out, "s0", "there already", f->n_layers - f->n_missing, f->packed - f->missing, "layer", "layers");
	buf_adds(out, "</ul>\n");
}

static void put_choice(struct buf *out)
{
	buf_adds(out,
		 "<div class=\"choice\" role=\"radiogroup\" aria-labelledby=\"by\"><span id=\"by\">Colours say</span>\n"
		 "<label><input type=\"radio\" name=\"by\" id=\"by-push\" checked>what a push sends</label>\n"
		 "<label><input type=\"radio\" name=\"by\" id=\"by-kind\">kind of licence</label>\n</div>\n");
}

/* ---- the same in words ---- */

static int size_cmp(const void *x, const void *y)
{
	const struct html_item *a = *(const struct html_item *const *)x, *b = *(const struct html_item *const *)y;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return (a > b) - (a < b);
}

static void put_caption(const struct html_page *p, struct buf *out)
{
	const struct html_facts *f = p->facts;
	auto_free const struct html_item **list = mem_array(f->n_items, sizeof(*list));
	size_t n = f->n_items < BEST ? f->n_items : BEST;

	for (size_t i = 0; i < f->n_items; i++)
		list[i] = &f->items[i];
	qsort(list, f->n_items, sizeof(*list), size_cmp);
	buf_addf(out, "<figcaption>The largest of %s: ", num_bytes(f->bytes).s);
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, i ? ", " : "");
		html_item_link(p, list[i], out);
		buf_addf(out, " %s (", num_bytes(list[i]->bytes).s);
		html_put_percent(out, list[i]->bytes, f->bytes);
		buf_addc(out, ')');
	}
	buf_adds(out, ". All of them are in the <a href=\"#packages\">table of packages</a>.</figcaption>\n");
}

void html_picture(struct html_page *p, struct buf *out)
{
	auto_buf maps = { 0 };

	if (!p->facts->bytes) {
		buf_adds(out, "<p>There are no bytes in the image's files.</p>\n");
		return;
	}
	for (size_t i = 0; i < COUNT(screens); i++)
		draw(p, &screens[i], &maps);
	buf_adds(out, "<p>Each area is the size of a package's files on disk. A frame holds the packages of one layer. "
		      "Choose one to see its largest files. "
		      "<a class=\"vh skip\" href=\"#push\">Skip the picture</a></p>\n");
	if (html_compares(p))
		put_choice(out);
	put_kind_key(p, out);
	if (html_compares(p))
		put_send_key(p, out);
	buf_addf(out, "<figure>\n%s", maps.p);
	put_caption(p, out);
	buf_adds(out, "</figure>\n");
}
