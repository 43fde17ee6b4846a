#include <string.h>

#include "cmd/html_impl.h"
#include "cmd/html_files.h"

/* ---- small pieces ---- */

void html_plural(struct buf *out, uint64_t n, const char *one, const char *many)
{
	html_text_count(out, n);
	buf_addf(out, " %s", n == 1 ? one : many);
}

unsigned html_percent(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned)(((unsigned __int128)part * 100 + whole / 2) / whole) : 0;
}

void html_put_percent(struct buf *out, uint64_t part, uint64_t whole)
{
	unsigned n = html_percent(part, whole);

	if (part && !n)
		buf_adds(out, "under 1\xc2\xa0%");
	else
		buf_addf(out, "%u\xc2\xa0%%", n);
}

bool html_compares(const struct html_page *p)
{
	return p->facts->n_others > 0;
}

void html_number_cell(struct buf *out, uint64_t n, const char *more_class)
{
	buf_addf(out, "<td class=\"n%s\" data-v=\"%llu\">", more_class, (unsigned long long)n);
	html_text_count(out, n);
	buf_adds(out, "</td>");
}

void html_size_cell(struct buf *out, uint64_t bytes, uint64_t whole)
{
	buf_addf(out, "<td class=\"size\" data-v=\"%llu\">%s<span class=\"b b%u\"></span></td>",
		 (unsigned long long)bytes, num_bytes(bytes).s, html_percent(bytes, whole));
}

const char *html_item_colour(const struct html_item *it)
{
	static const char *const colours[LICENSE_KINDS] = { "k0", "k1", "k2", "k3", "k4", "k5" };

	return it->record ? colours[it->kind] : "kx";
}

void html_item_link(const struct html_page *p, const struct html_item *it, struct buf *out)
{
	size_t i = (size_t)(it - p->facts->items);

	if (p->shown[i])
		buf_addf(out, "<a href=\"#p%zu\">", i);
	html_text_cut(out, it->name, HTML_NAME_MAX);
	if (p->shown[i])
		buf_adds(out, "</a>");
}

/* ---- top ---- */

static void fact(struct buf *out, const char *name, const char *value, const char *more)
{
	buf_addf(out, "<div><dt>%s</dt><dd>", name);
	html_text_cut(out, value, HTML_NAME_MAX);
	if (*more) {
		buf_adds(out, "<small>");
		html_text_cut(out, more, HTML_NAME_MAX);
		buf_adds(out, "</small>");
	}
	buf_adds(out, "</dd></div>\n");
}

static void count_fact(struct buf *out, const char *name, uint64_t n, const char *more)
{
	auto_buf text = { 0 };

	html_text_count(&text, n);
	fact(out, name, text.p, more);
}

static void size_facts(const struct html_facts *f, struct buf *out)
{
	auto_buf files = { 0 };
	auto_free char *hidden =
		f->hidden ? mem_printf("%s more hidden by upper layers", num_bytes(f->hidden).s) : mem_strdup("");

	html_plural(&files, f->n_files, "file", "files");
	fact(out, "To pull", num_bytes(f->packed).s, "packed layers");
	fact(out, "On disk", num_bytes(f->bytes).s, *hidden ? hidden : files.p);
}

static void write_facts(struct html_page *p, struct buf *out)
{
	const struct html_facts *f = p->facts;
	const struct image *im = f->contents->image;
	const struct record *libc = f->contents->libc;
	const char *created = im->created ? image_time_text(im->created).s : "";
	auto_free char *platform =
		mem_printf("%s/%s%s%s", im->os, im->arch, im->variant ? "/" : "", im->variant ? im->variant : "");
	auto_free char *day = mem_printf("created %.10s", created);

	count_fact(out, "Packages", f->contents->n_packages, "");
	count_fact(out, "Layers", f->n_layers, "");
	size_facts(f, out);
	fact(out, "C library",
	     libc			  ? libc->version
	     : *f->layers[0].holding.part ? "none"
					  : "of the base",
	     libc ? libc->name : "");
	fact(out, "Platform", platform, *created ? day : "");
}

/* ---- the whole ---- */

static void write_title(struct html_page *p, struct buf *out)
{
	html_text_cut(out, p->facts->image, HTML_NAME_MAX);
	buf_adds(out, " \xe2\x80\x93 condaimg inspect");
}

static void write_name(struct html_page *p, struct buf *out)
{
	html_text_cut(out, p->facts->image, HTML_TEXT_MAX);
}

static void write_digest(struct html_page *p, struct buf *out)
{
	buf_addf(out, "sha256:%s", digest_hex(&p->facts->digest).hex);
}

static void write_version(struct html_page *p, struct buf *out)
{
	(void)p;
	buf_adds(out, CONDAIMG_VERSION);
}

static void write_style(struct html_page *p, struct buf *out)
{
	buf_adds(out, page_css);
	for (unsigned i = 0; i <= 100; i++)
		buf_addf(out, ".b%u::before{width:%u%%}\n", i, i);
	buf_adds(out, buf_cstr(&p->rules));
}

static void write_style_hash(struct html_page *p, struct buf *out)
{
	auto_buf style = { 0 };

	write_style(p, &style);
	html_text_csp(out, style.p, style.n);
}

static void write_script(struct html_page *p, struct buf *out)
{
	(void)p;
	buf_adds(out, page_js);
}

static void write_script_hash(struct html_page *p, struct buf *out)
{
	(void)p;
	html_text_csp(out, page_js, strlen(page_js));
}

static const struct {
	const char *name; /* in page.html */
	html_part *write;
} parts[] = {
	{ "title", write_title },	    { "name", write_name },	   { "digest", write_digest },
	{ "facts", write_facts },	    { "version", write_version },  { "style", write_style },
	{ "style-hash", write_style_hash }, { "script", write_script },	   { "script-hash", write_script_hash },
	{ "panels", html_panels },	    { "push", html_push },	   { "layers", html_layers },
	{ "packages", html_packages },	    { "licences", html_licences }, { "channels", html_channels },
	{ "config", html_config },
};

static void write_part(struct html_page *p, struct str name, struct buf *out)
{
	for (size_t i = 0; i < COUNT(parts); i++)
		if (str_eq(name, parts[i].name))
			parts[i].write(p, out);
}

/* The skeleton, with every {{name}} replaced. The picture comes first: the style depends on it. */
static void fill(struct html_page *p, struct buf *ret)
{
	const char *at = page_html, *open;
	auto_buf picture = { 0 };

	html_picture(p, &picture);
	while ((open = strstr(at, "{{"))) {
		const char *close = strstr(open, "}}");
		struct str name = { open + 2, (size_t)(close - open) - 2 };

		buf_add(ret, at, (size_t)(open - at));
		if (str_eq(name, "picture"))
			buf_adds(ret, buf_cstr(&picture));
		else
			write_part(p, name, ret);
		at = close + 2;
	}
	buf_adds(ret, at);
}

/* ---- which items are told one by one ---- */

struct rank {
	uint64_t bytes;
	size_t i;
};

static int rank_cmp(const void *x, const void *y)
{
	const struct rank *a = x, *b = y;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return (a->i > b->i) - (a->i < b->i);
}

static void choose_shown(struct html_page *p)
{
	const struct html_facts *f = p->facts;
	auto_free struct rank *ranks = mem_array(f->n_items + 1, sizeof(*ranks));

	p->shown = mem_array(f->n_items + 1, sizeof(*p->shown));
	for (size_t i = 0; i < f->n_items; i++)
		ranks[i] = (struct rank){ f->items[i].bytes, i };
	qsort(ranks, f->n_items, sizeof(*ranks), rank_cmp);
	for (size_t i = 0; i < f->n_items && i < HTML_ITEMS_MAX; i++)
		p->shown[ranks[i].i] = true;
}

void html_write(const struct html_facts *f, struct buf *ret)
{
	struct html_page p = { .facts = f };

	choose_shown(&p);
	fill(&p, ret);
	buf_release(&p.rules);
	buf_release(&p.rests);
	free(p.shown);
}
