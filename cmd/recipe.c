#include "cmd/recipe.h"

#include <inttypes.h>

#include "base/json.h"
#include "conda/libc.h"
#include "oci/layer.h"

void recipe_begin(struct buf *b, const char *kind, const struct codec *codec)
{
	buf_addf(b, "condaimg layer: %s\nformats: layer %d, linked %d, libc %d\ncodec: %s\n", kind, LAYER_VERSION,
		 LINKED_VERSION, LIBC_VERSION, codec_name(codec).s);
}

void recipe_add_record(struct buf *b, const struct record *r)
{
	struct json j = { .out = b };
	char md5[33] = "";

	if (r->has_md5)
		digest_hex_of(r->md5, sizeof(r->md5), md5);
	json_object(&j);
	json_put_string(&j, "name", r->name);
	json_put_string(&j, "version", r->version);
	json_put_string(&j, "build", r->build);
	json_put_int(&j, "build_number", (int64_t)r->build_number);
	json_put_string(&j, "subdir", r->subdir);
	json_put_string(&j, "channel", r->channel);
	json_put_string(&j, "fn", r->fn);
	json_put_string(&j, "url", r->url);
	json_put_strings(&j, "depends", r->depends);
	json_put_strings(&j, "constrains", r->constrains);
	json_put_strings(&j, "track_features", r->track_features);
	json_put_strings(&j, "flags", r->flags);
	for (size_t i = 0; i < r->n_extras; i++)
		json_put_strings(&j, r->extras[i].name, r->extras[i].depends);
	json_put_string(&j, "license", r->license);
	json_put_string(&j, "license_family", r->license_family);
	json_put_string(&j, "python_site_packages_path", r->site_packages);
	json_put_string(&j, "legacy_bz2_md5", r->legacy_bz2_md5);
	json_put_int(&j, "size", (int64_t)r->size);
	json_put_int(&j, "timestamp", r->timestamp);
	json_put_int(&j, "noarch", r->noarch);
	json_put_string(&j, "md5", md5);
	json_put_string(&j, "sha256", r->has_sha256 ? digest_hex(&r->sha256).hex : "");
	json_end(&j);
	buf_addc(b, '\n');
}

void recipe_add_package(struct buf *b, const struct record *r, const struct prefix *prefix, const char *const *dropped)
{
	buf_adds(b, "package: ");
	recipe_add_record(b, r);
	buf_addf(b, "prefix: %s\n", prefix->path);
	if (linked_asks_python(r))
		buf_addf(b, "python: %s %s\n", prefix->python ? prefix->python : "-",
			 prefix->site_packages ? prefix->site_packages : "-");
	for (; dropped && *dropped; dropped++)
		buf_addf(b, "without: %s\n", *dropped);
}

struct digest recipe_digest(const struct buf *b)
{
	return digest_bytes(buf_cstr(b), b->n);
}
