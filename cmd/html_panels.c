#include <string.h>

#include "cmd/html_impl.h"
#include "fetch/url.h"

/* Rows of files: so many of each item, and so many bytes in all. */
#define FILES_MOST 20
#define FILES_LEAST 4
#define FILES_BYTES 600000
#define ROW_BYTES 120 /* about */
#define PATH_MAX_SHOWN 160 /* characters */

static size_t rows_of_each(const struct html_facts *f)
{
	size_t n = FILES_BYTES / ROW_BYTES / (f->n_items + 1);

	return n > FILES_MOST ? FILES_MOST : n < FILES_LEAST ? FILES_LEAST : n;
}

static void put_pair(struct buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(out, "<dt>%s</dt><dd>", name);
	html_text_cut(out, value, HTML_TEXT_MAX);
	buf_adds(out, "</dd>\n");
}

static void put_address(struct buf *out, const char *name, const char *url)
{
	auto_arena a = { 0 };
	const char *clean;

	if (!url || !*url)
		return;
	clean = url_redact(&a, url);
	buf_addf(out, "<dt>%s</dt><dd>", name);
	if (html_text_is_link(clean)) {
		buf_adds(out, "<a rel=\"noreferrer\" href=\"");
		html_text_escape(out, clean);
		buf_adds(out, "\">");
	}
	html_text_cut(out, clean, HTML_TEXT_MAX);
	buf_addf(out, "%s</dd>\n", html_text_is_link(clean) ? "</a>" : "");
}

static void put_layer(const struct html_page *p, const struct html_item *it, struct buf *out)
{
	const struct html_layer *l = &p->facts->layers[it->layer];

	buf_addf(out, "<dt>Layer</dt><dd><a href=\"#l%u\">%u</a>", it->layer + 1, it->layer + 1);
	if (l->n == 1)
		buf_addf(out, ", its own, %s packed", num_bytes(l->layer->layer.size).s);
	else
		buf_addf(out, ", with %zu more, %s packed", l->n - 1, num_bytes(l->layer->layer.size).s);
	if (html_compares(p))
		buf_addf(out, "; %s", l->known ? "there already" : "to send");
	buf_adds(out, "</dd>\n");
}

static void put_about(const struct html_page *p, const struct html_item *it, struct buf *out)
{
	const struct record *r = it->record;

	buf_adds(out, "<dl>\n");
	buf_addf(out, "<dt>On disk</dt><dd>%s in ", num_bytes(it->bytes).s);
	html_plural(out, it->n_files, "file", "files");
	buf_adds(out, "</dd>\n");
	put_layer(p, it, out);
	if (r) {
		put_pair(out, "Licence", it->license ? it->license : "not told");
		put_pair(out, "Build", r->build);
		put_address(out, "From", r->url && *r->url ? r->url : r->channel);
	}
	buf_adds(out, "</dl>\n");
}

static void put_files(const struct html_item *it, size_t most, struct buf *out)
{
	size_t n = 0;
	uint64_t bytes = 0;

	while (n < it->n_files && n < most && it->files[n].size)
		n++;
	if (!n)
		return;
	buf_adds(out, "<table>\n<caption>");
	if (n < it->n_files)
		buf_addf(out, "The %zu largest of its files", n);
	else
		buf_adds(out, n > 1 ? "Its files" : "Its file");
	buf_adds(out, "</caption>\n<thead><tr><th>Size</th><th>Path</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, "<tr>");
		html_size_cell(out, it->files[i].size, it->files[0].size);
		buf_adds(out, "<td class=\"mono\">/");
		html_text_cut(out, it->files[i].path, PATH_MAX_SHOWN);
		buf_adds(out, "</td></tr>\n");
		bytes += it->files[i].size;
	}
	buf_adds(out, "</tbody>\n</table>\n");
	if (n == it->n_files)
		return;
	buf_adds(out, "<p>And ");
	html_plural(out, it->n_files - n, "more file", "more files");
	if (it->bytes > bytes)
		buf_addf(out, ", %s together.</p>\n", num_bytes(it->bytes - bytes).s);
	else
		buf_adds(out, " without bytes of their own (links, empty files).</p>\n");
}

static void put_panel(const struct html_page *p, size_t i, size_t most, struct buf *out)
{
	const struct html_item *it = &p->facts->items[i];

	buf_addf(out,
		 "<section class=\"panel\" id=\"p%zu\" tabindex=\"-1\" aria-labelledby=\"p%zu-h\">\n<div "
		 "class=\"top\"><h3 id=\"p%zu-h\">",
		 i, i, i);
	html_text_cut(out, it->name, HTML_NAME_MAX);
	if (it->record) {
		buf_addc(out, ' ');
		html_text_cut(out, it->record->version, HTML_NAME_MAX);
	}
	buf_adds(out, "</h3>" HTML_BACK "</div>\n");
	put_about(p, it, out);
	put_files(it, most, out);
	buf_adds(out, "</section>\n");
}

void html_panels(struct html_page *p, struct buf *out)
{
	size_t most = rows_of_each(p->facts), begin = out->n;

	for (size_t i = 0; i < p->facts->n_items; i++)
		if (p->shown[i])
			put_panel(p, i, out->n - begin < 2 * FILES_BYTES ? most : 0, out);
	buf_adds(out, buf_cstr(&p->rests));
}
