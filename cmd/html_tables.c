#include <string.h>

#include "cmd/html_impl.h"
#include "fetch/url.h"

#define NAMES_SHOWN 12 /* of a layer */

/* ---- layers ---- */

static void put_names(const struct html_page *p, const struct html_layer *l, struct buf *out)
{
	for (size_t i = 0; i < l->n && i < NAMES_SHOWN; i++) {
		buf_adds(out, i ? ", " : "");
		html_item_link(p, &p->facts->items[l->first + i], out);
	}
	if (l->n > NAMES_SHOWN)
		buf_addf(out, " and %zu more", l->n - NAMES_SHOWN);
	if (!l->n && !*l->holding.packages)
		buf_adds(out, "no files");
	else if (!l->n)
		html_text_cut(out, l->holding.packages, HTML_NAME_MAX);
	if (*l->holding.part || !l->layer->created_by)
		return;
	buf_adds(out, "<br><span class=\"mono ver\">");
	html_text_cut(out, l->layer->created_by, HTML_NAME_MAX);
	buf_adds(out, "</span>");
}

static void put_holders(const struct html_facts *f, size_t layer, bool packed_otherwise, struct buf *out)
{
	bool some = false;

	for (size_t i = 0; i < f->n_others; i++) {
		const struct html_other *o = &f->others[i];

		if (packed_otherwise ? !o->unpacks[layer] : !o->has[layer])
			continue;
		buf_adds(out, some ? ", " : packed_otherwise ? "; packed otherwise in " : " in ");
		html_text_cut(out, o->name, HTML_NAME_MAX);
		some = true;
	}
}

static void put_elsewhere(const struct html_page *p, size_t layer, struct buf *out)
{
	const struct html_facts *f = p->facts;
	bool known = f->layers[layer].known;

	if (!f->n_others)
		return;
	buf_addf(out, "<td><i class=\"dot %s\"></i>%s<span class=\"more\">", known ? "s0" : "s1",
		 known ? "there" : "to send");
	put_holders(f, layer, false, out);
	put_holders(f, layer, true, out);
	buf_adds(out, "</span></td>");
}

static uint64_t largest_layer(const struct html_facts *f)
{
	uint64_t most = 0;

	for (size_t i = 0; i < f->n_layers; i++)
		most = f->layers[i].layer->layer.size > most ? f->layers[i].layer->layer.size : most;
	return most;
}

void html_layers(struct html_page *p, struct buf *out)
{
	const struct html_facts *f = p->facts;
	uint64_t most = largest_layer(f);

	buf_adds(out, "<table>\n<caption>From the bottom to the top; bars compare packed sizes</caption>\n<thead><tr>"
		      "<th class=\"n\">Layer</th><th>Holds</th><th>Packed</th><th class=\"n more\">On disk</th>"
		      "<th class=\"more\">Digest</th>");
	buf_addf(out, "%s</tr></thead>\n<tbody>\n", f->n_others ? "<th>Push</th>" : "");
	for (size_t i = 0; i < f->n_layers; i++) {
		const struct html_layer *l = &f->layers[i];

		buf_addf(out, "<tr id=\"l%zu\"><th scope=\"row\" class=\"n\">%zu</th><td>", i + 1, i + 1);
		put_names(p, l, out);
		buf_adds(out, "</td>");
		html_size_cell(out, l->layer->layer.size, most);
		buf_addf(
			out,
			"<td class=\"n more\" data-v=\"%llu\">%s</td><td class=\"mono hex more\" title=\"sha256:%s\">%.12s</td>",
			(unsigned long long)l->bytes, num_bytes(l->bytes).s, digest_hex(&l->layer->layer.digest).hex,
			digest_hex(&l->layer->layer.digest).hex);
		put_elsewhere(p, i, out);
		buf_adds(out, "</tr>\n");
	}
	buf_adds(out, "</tbody>\n</table>\n");
}

/* ---- packages ---- */

static void put_package(const struct html_page *p, const struct html_item *it, uint64_t most, struct buf *out)
{
	buf_adds(out, "<tr><th scope=\"row\">");
	html_item_link(p, it, out);
	buf_adds(out, " <span class=\"ver\">");
	html_text_cut(out, it->record->version, HTML_NAME_MAX);
	buf_adds(out, "</span></th><td>");
	html_text_cut(out, it->license ? it->license : "not told", HTML_NAME_MAX);
	buf_addf(out, "</td><td class=\"n more\" data-v=\"%u\"><a href=\"#l%u\">%u</a></td>", it->layer + 1,
		 it->layer + 1, it->layer + 1);
	html_number_cell(out, it->n_files, " more");
	html_size_cell(out, it->bytes, most);
	buf_adds(out, "</tr>\n");
}

static void put_package_rows(const struct html_page *p, struct buf *out)
{
	const struct html_facts *f = p->facts;
	uint64_t most = 0;
	size_t left_out = 0;

	for (size_t i = 0; i < f->n_packages; i++)
		most = f->items[f->packages[i]].bytes > most ? f->items[f->packages[i]].bytes : most;
	for (size_t i = 0; i < f->n_packages; i++) {
		if (p->shown[f->packages[i]])
			put_package(p, &f->items[f->packages[i]], most, out);
		else
			left_out++;
	}
	buf_adds(out, "</tbody>\n</table>\n");
	if (left_out)
		buf_addf(out, "<p>%zu smaller packages are not on this page; condaimg sbom lists them.</p>\n",
			 left_out);
}

void html_packages(struct html_page *p, struct buf *out)
{
	if (!p->facts->n_packages) {
		buf_adds(out, "<p>There are no conda packages in the image.</p>\n");
		return;
	}
	buf_adds(out, "<div class=\"tools\" hidden><label>Only those with <input type=\"search\" autocomplete=\"off\" "
		      "spellcheck=\"false\"></label> <span role=\"status\"></span></div>\n"
		      "<table>\n<caption>Every package, by name; bars compare sizes on disk</caption>\n<thead><tr>"
		      "<th data-sort=\"text\">Package</th><th data-sort=\"text\">Licence</th>"
		      "<th class=\"n more\" data-sort=\"number\">Layer</th>"
		      "<th class=\"n more\" data-sort=\"number\">Files</th>"
		      "<th data-sort=\"number\">On disk</th></tr></thead>\n<tbody>\n");
	put_package_rows(p, out);
}

/* ---- licences ---- */

static void put_items(const struct html_page *p, const size_t *items, size_t n, struct buf *out)
{
	bool some = false;

	for (size_t i = 0; i < n; i++) {
		if (!p->shown[items[i]])
			continue;
		buf_adds(out, some ? ", " : "");
		html_item_link(p, &p->facts->items[items[i]], out);
		some = true;
	}
}

static void put_untold(const struct html_page *p, struct buf *out)
{
	const struct html_facts *f = p->facts;

	for (size_t i = 0; i < f->n_licences; i++) {
		const struct html_licence *l = &f->licences[i];

		if (l->kind != LICENSE_KIND_UNTOLD)
			continue;
		buf_adds(out, "<p class=\"note\">");
		html_plural(out, l->n, "package does", "packages do");
		buf_adds(out, " not tell a licence: ");
		put_items(p, l->items, l->n, out);
		buf_adds(out, ".</p>\n");
	}
}

static void put_kind(const struct html_facts *f, enum license_kind k, struct buf *out)
{
	size_t n = 0;
	uint64_t bytes = 0;

	for (size_t i = 0; i < f->n_licences; i++) {
		n += f->licences[i].kind == k ? f->licences[i].n : 0;
		bytes += f->licences[i].kind == k ? f->licences[i].bytes : 0;
	}
	buf_addf(
		out,
		"<tr class=\"kind\"><th scope=\"rowgroup\"><i class=\"dot k%u\"></i>%s</th><td class=\"n\">%zu</td><td "
		"class=\"size\">%s</td><td class=\"more\"></td></tr>\n",
		k, license_kind_name(k), n, num_bytes(bytes).s);
}

void html_licences(struct html_page *p, struct buf *out)
{
	const struct html_facts *f = p->facts;

	if (!f->n_licences) {
		buf_adds(out, "<p>Only packages tell a licence, and there are none.</p>\n");
		return;
	}
	put_untold(p, out);
	buf_adds(out, "<table>\n<caption>By kind, as far as their names tell; no legal advice</caption>\n<thead><tr>"
		      "<th>Licence</th><th class=\"n\">Packages</th><th>On disk</th><th class=\"more\">Which</th></tr>"
		      "</thead>\n");
	for (size_t i = 0; i < f->n_licences; i++) {
		const struct html_licence *l = &f->licences[i];

		if (!i || l->kind != l[-1].kind) {
			buf_adds(out, i ? "</tbody>\n<tbody>\n" : "<tbody>\n");
			put_kind(f, l->kind, out);
		}
		buf_adds(out, "<tr><th scope=\"row\">");
		html_text_cut(out, l->text ? l->text : "not told", HTML_TEXT_MAX);
		buf_adds(out, "</th>");
		html_number_cell(out, l->n, "");
		html_size_cell(out, l->bytes, f->bytes);
		buf_adds(out, "<td class=\"more\">");
		put_items(p, l->items, l->n, out);
		buf_adds(out, "</td></tr>\n");
	}
	buf_adds(out, "</tbody>\n</table>\n");
}

/* ---- channels ---- */

struct channel {
	const char *name;
	size_t n;
	uint64_t bytes;
};

static int channel_cmp(const void *x, const void *y)
{
	const struct channel *a = x, *b = y;

	return strcmp(a->name, b->name);
}

static size_t list_channels(const struct html_facts *f, struct arena *a, struct channel *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_packages; i++) {
		const struct html_item *it = &f->items[f->packages[i]];
		const char *name = it->record->channel;

		ret[i] = (struct channel){ name && *name ? url_redact(a, name) : "", 1, it->bytes };
	}
	qsort(ret, f->n_packages, sizeof(*ret), channel_cmp);
	for (size_t i = 0; i < f->n_packages; i++) {
		if (n && strcmp(ret[n - 1].name, ret[i].name) == 0) {
			ret[n - 1].n += ret[i].n;
			ret[n - 1].bytes += ret[i].bytes;
		} else {
			ret[n++] = ret[i];
		}
	}
	return n;
}

void html_channels(struct html_page *p, struct buf *out)
{
	const struct html_facts *f = p->facts;
	auto_arena a = { 0 };
	struct channel *list = arena_array(&a, f->n_packages + 1, sizeof(*list));
	size_t n = list_channels(f, &a, list);

	if (!n) {
		buf_adds(out, "<p>No package, no channel.</p>\n");
		return;
	}
	buf_adds(out, "<table>\n<caption>Where the packages come from</caption>\n<thead><tr><th>Channel</th>"
		      "<th class=\"n\">Packages</th><th>On disk</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n && i < HTML_ITEMS_MAX; i++) {
		bool link = html_text_is_link(list[i].name);

		buf_adds(out, "<tr><th scope=\"row\">");
		if (link) {
			buf_adds(out, "<a rel=\"noreferrer\" href=\"");
			html_text_escape(out, list[i].name);
			buf_adds(out, "\">");
		}
		html_text_cut(out, *list[i].name ? list[i].name : "not told", HTML_TEXT_MAX);
		buf_addf(out, "%s</th>", link ? "</a>" : "");
		html_number_cell(out, list[i].n, "");
		html_size_cell(out, list[i].bytes, f->bytes);
		buf_adds(out, "</tr>\n");
	}
	buf_adds(out, "</tbody>\n</table>\n");
}
