#include <string.h>

#include "cmd/html_impl.h"

#define PAIRS_MAX 500 /* of variables, labels, words */
#define VALUE_MAX 1000 /* characters */

/* ---- what a push sends ---- */

static void put_all(const struct html_facts *f, struct buf *out)
{
	buf_adds(out, "<p>To a registry that has nothing of it: ");
	html_plural(out, f->n_layers, "layer", "layers");
	buf_addf(out, ", <strong>%s</strong>, and %s of config and manifest.</p>\n", num_bytes(f->packed).s,
		 num_bytes(f->manifest_size + f->config_size).s);
}

static void put_other_names(const struct html_facts *f, struct buf *out)
{
	for (size_t i = 0; i < f->n_others; i++) {
		buf_adds(out, !i ? "" : i + 1 < f->n_others ? ", " : " and ");
		buf_adds(out, "<strong>");
		html_text_cut(out, f->others[i].name, HTML_NAME_MAX);
		buf_adds(out, "</strong>");
	}
}

static void put_missing(const struct html_facts *f, struct buf *out)
{
	buf_adds(out, "<p>To a registry that has ");
	put_other_names(f, out);
	buf_adds(out, ": ");
	html_text_count(out, f->n_missing);
	buf_adds(out, " of ");
	html_plural(out, f->n_layers, "layer", "layers");
	buf_addf(out, ", <strong>%s</strong> of %s (", num_bytes(f->missing).s, num_bytes(f->packed).s);
	html_put_percent(out, f->missing, f->packed);
	buf_addf(out, "), and %s of config and manifest.</p>\n", num_bytes(f->manifest_size + f->config_size).s);
	buf_addf(out, "<span class=\"b send b%u\"></span>\n", html_percent(f->missing, f->packed));
}

static void put_other(const struct html_facts *f, const struct html_other *o, struct buf *out)
{
	struct digest d = blobs_manifest_digest(o->blobs);

	buf_adds(out, "<tr><th scope=\"row\">");
	html_text_cut(out, o->name, HTML_NAME_MAX);
	buf_addf(out, "</th><td class=\"mono hex more\" title=\"sha256:%s\">%.12s</td>", digest_hex(&d).hex,
		 digest_hex(&d).hex);
	html_number_cell(out, o->n_has, "");
	buf_addf(out, "<td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n", num_bytes(o->bytes).s,
		 num_bytes(f->packed - o->bytes).s);
}

void html_push(struct html_page *p, struct buf *out)
{
	const struct html_facts *f = p->facts;

	put_all(f, out);
	if (!f->n_others) {
		buf_adds(out, "<p><code>--compare IMAGE</code> tells what it sends to a registry that has that image."
			      "</p>\n");
		return;
	}
	put_missing(f, out);
	buf_adds(out, "<table>\n<caption>What each image has of this one, by digest</caption>\n<thead><tr>"
		      "<th>Image</th><th class=\"more\">Digest</th><th class=\"n\">Layers</th>"
		      "<th class=\"n\">Shared</th><th class=\"n\">To send</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < f->n_others; i++)
		put_other(f, &f->others[i], out);
	buf_adds(out, "</tbody>\n</table>\n");
}

/* ---- config ---- */

static void put_value(struct buf *out, const char *value)
{
	buf_adds(out, "<code>");
	html_text_cut(out, value, VALUE_MAX);
	buf_adds(out, "</code>");
}

static void put_pair(struct buf *out, const char *name, const char *value, const char *none)
{
	buf_addf(out, "<dt>%s</dt><dd>", name);
	if (value && *value)
		put_value(out, value);
	else
		buf_adds(out, none);
	buf_adds(out, "</dd>\n");
}

/* Words apart from each other, so that "a b" is not "a" and "b". */
static void put_words(struct buf *out, const char *name, const char *const *words, const char *none)
{
	buf_addf(out, "<dt>%s</dt><dd>", name);
	for (size_t i = 0; words && words[i] && i < PAIRS_MAX; i++) {
		buf_adds(out, i ? " " : "");
		put_value(out, words[i]);
	}
	buf_addf(out, "%s</dd>\n", words && words[0] ? "" : none);
}

static void begin_pairs(struct buf *out, const char *caption, const char *name)
{
	buf_addf(out, "<table>\n<caption>%s</caption>\n<thead><tr><th>%s</th><th>Value</th></tr></thead>\n<tbody>\n",
		 caption, name);
}

static void put_row(struct buf *out, struct str name, const char *value)
{
	auto_free char *text = mem_printf("%.*s", (int)name.n, name.p);

	buf_adds(out, "<tr><th scope=\"row\" class=\"mono\">");
	html_text_cut(out, text, HTML_NAME_MAX);
	buf_adds(out, "</th><td class=\"mono\">");
	html_text_cut(out, value, VALUE_MAX);
	buf_adds(out, "</td></tr>\n");
}

static void put_env(const struct image *im, struct buf *out)
{
	if (!im->env || !im->env[0])
		return;
	begin_pairs(out, "Env: what every process in the image starts with", "Variable");
	for (size_t i = 0; im->env[i] && i < PAIRS_MAX; i++) {
		size_t n = strcspn(im->env[i], "=");

		put_row(out, (struct str){ im->env[i], n }, im->env[i] + n + (im->env[i][n] != '\0'));
	}
	buf_adds(out, "</tbody>\n</table>\n");
}

static void put_notes(const char *caption, const struct annotation *list, size_t n, struct buf *out)
{
	if (!n)
		return;
	begin_pairs(out, caption, "Name");
	for (size_t i = 0; i < n && i < PAIRS_MAX; i++)
		put_row(out, str_of(list[i].key), list[i].value);
	buf_adds(out, "</tbody>\n</table>\n");
}

void html_config(struct html_page *p, struct buf *out)
{
	const struct image *im = p->facts->contents->image;

	buf_adds(out, "<dl class=\"config\">\n");
	put_pair(out, "User", im->user, "not told: root");
	put_pair(out, "Working directory", im->working_dir, "not told: /");
	put_words(out, "Entry point", im->entrypoint, "none");
	put_words(out, "Command", im->cmd, "none");
	put_words(out, "Ports", im->exposed_ports, "none");
	put_words(out, "Volumes", im->volumes, "none");
	if (im->stop_signal)
		put_pair(out, "Stop signal", im->stop_signal, "");
	buf_adds(out, "</dl>\n");
	put_env(im, out);
	put_notes("Labels", im->labels, im->n_labels, out);
	put_notes("Annotations of the manifest", im->annotations, im->n_annotations, out);
}
