#include "cmd/refusal.h"

#include <stdio.h>

#include "base/json.h"

/* Specs in it come from channels, so it is tidied on its way to a terminal. */
static void print_text(const struct refusal *r)
{
	auto_buf b = { 0 };

	buf_addf(&b, "Cannot solve %s for %s:\n", r->file, r->subdir);
	for (size_t i = 0; i < r->n_why; i++)
		buf_addf(&b, "%*s%s\n", 2 + 2 * (int)r->why[i].depth, "", r->why[i].text);
	for (const char *const *a = r->advice; a && *a; a++)
		buf_addf(&b, "%s  %s%s\n", a == r->advice ? "What would help:\n" : "", a == r->advice ? "" : "or ", *a);
	str_tidy(b.p);
	fputs(b.p, stderr);
}

static void write_step(struct json *j, const struct why *w)
{
	json_object(j);
	json_put_string(j, "kind", why_kind_text(w->kind));
	json_put_int(j, "depth", w->depth);
	json_put_string(j, "text", w->text);
	if (w->name)
		json_put_string(j, "package", w->name);
	if (w->builds) {
		json_put_string(j, "lowest", w->lowest);
		json_put_string(j, "highest", w->highest);
		json_put_int(j, "builds", w->builds);
	}
	json_put_strings(j, "specs", w->specs);
	if (w->against)
		json_put_string(j, "against", w->against);
	if (w->near && w->near[0])
		json_put_strings(j, "near", w->near);
	json_end(j);
}

static void print_json(const struct refusal *r, const struct err *err)
{
	auto_buf b = { 0 };
	struct json j = { .out = &b, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", "unsatisfiable-1");
	json_put_string(&j, "error", "unsatisfiable");
	json_put_string(&j, "file", r->file);
	json_put_string(&j, "platform", r->subdir);
	json_put_string(&j, "message", err->text);
	json_key(&j, "reasons");
	json_array(&j);
	for (size_t i = 0; i < r->n_why; i++)
		write_step(&j, &r->why[i]);
	json_end(&j);
	json_put_strings(&j, "advice", r->advice);
	json_end(&j);
	puts(buf_cstr(&b));
}

void refusal_print(const struct refusal *r, bool as_json, const struct err *err)
{
	if (err->code != ERR_UNSAT || !r->n_why)
		return;
	if (as_json)
		print_json(r, err);
	else
		print_text(r);
}
