#include "conda/record_json.h"

void record_json_extras(struct json *j, const struct record *r)
{
	if (!r->n_extras)
		return;
	json_key(j, "extra_depends");
	json_object(j);
	for (size_t i = 0; i < r->n_extras; i++)
		json_put_strings(j, r->extras[i].name, r->extras[i].depends);
	json_end(j);
}

void record_json_features(struct json *j, const struct record *r)
{
	auto_buf text = { 0 };

	for (const char *const *f = r->track_features; f && *f; f++)
		buf_addf(&text, "%s%s", text.n ? " " : "", *f);
	if (text.n)
		json_put_string(j, "track_features", text.p);
}

void record_json_noarch(struct json *j, const struct record *r)
{
	if (r->noarch != NOARCH_NO)
		json_put_string(j, "noarch", r->noarch == NOARCH_PYTHON ? "python" : "generic");
}
