#include "conda/meta.h"

#include "conda/record_json.h"

static const char *path_type(const struct linked_path *l)
{
	if (l->script)
		return "unix_python_entry_point";
	return l->type == PATH_DIR ? "directory" : l->type == PATH_SYMLINK ? "softlink" : "hardlink";
}

static void put_digest(struct json *j, const char *key, const struct digest *d)
{
	json_put_string(j, key, digest_hex(d).hex);
}

static void put_path(struct json *j, const struct meta_path *m)
{
	const struct package_path *from = m->linked->from;

	json_object(j);
	json_put_string(j, "_path", m->linked->path);
	if (from && from->mode != PATH_PLAIN)
		json_put_string(j, "file_mode", from->mode == PATH_TEXT ? "text" : "binary");
	if (from && from->no_link)
		json_put_bool(j, "no_link", true);
	json_put_string(j, "path_type", path_type(m->linked));
	if (from && from->mode != PATH_PLAIN)
		json_put_string(j, "prefix_placeholder", from->placeholder);
	if (from && from->has_sha256)
		put_digest(j, "sha256", &from->sha256);
	if (m->has_sha256)
		put_digest(j, "sha256_in_prefix", &m->sha256);
	if (m->has_size) {
		json_key(j, "size_in_bytes");
		json_uint(j, m->size);
	}
	json_end(j);
}

static void put_paths(struct json *j, const struct meta_path *paths, size_t n)
{
	json_key(j, "paths_data");
	json_object(j);
	json_key(j, "paths");
	json_array(j);
	for (size_t i = 0; i < n; i++)
		put_path(j, &paths[i]);
	json_end(j);
	json_put_int(j, "paths_version", 1);
	json_end(j);
}

static void put_files(struct json *j, const struct meta_path *paths, size_t n)
{
	json_key(j, "files");
	json_array(j);
	for (size_t i = 0; i < n; i++)
		if (paths[i].linked->type != PATH_DIR)
			json_string(j, paths[i].linked->path);
	json_end(j);
}

static void put_link(struct json *j)
{
	json_key(j, "link");
	json_object(j);
	json_put_string(j, "source", "");
	json_put_int(j, "type", 1);
	json_end(j);
}

static void put_known(struct json *j, const char *key, const char *text)
{
	if (text && *text)
		json_put_string(j, key, text);
}

static void put_md5(struct json *j, const struct record *r)
{
	char hex[2 * sizeof(r->md5) + 1];

	if (!r->has_md5)
		return;
	digest_hex_of(r->md5, sizeof(r->md5), hex);
	json_put_string(j, "md5", hex);
}

void meta_write(const struct record *record, const struct package_info *info, const struct meta_path *paths, size_t n,
		struct buf *ret)
{
	auto_arena a = { 0 };
	struct record r = *record;
	struct json j = { .out = ret, .indent = 2 };

	record_fill(&a, &r, &info->index);
	if (linked_asks_python(&r))
		r.noarch = r.noarch == NOARCH_NO ? info->noarch : r.noarch;
	json_object(&j);
	json_put_string(&j, "build", r.build);
	json_key(&j, "build_number");
	json_uint(&j, r.build_number);
	json_put_string(&j, "channel", r.channel ? r.channel : "");
	json_put_strings(&j, "constrains", r.constrains);
	json_put_strings(&j, "depends", r.depends);
	put_files(&j, paths, n);
	put_known(&j, "fn", r.fn);
	put_known(&j, "license", r.license);
	put_known(&j, "license_family", r.license_family);
	put_link(&j);
	put_md5(&j, &r);
	json_put_string(&j, "name", r.name);
	record_json_noarch(&j, &r);
	put_paths(&j, paths, n);
	put_known(&j, "python_site_packages_path", r.site_packages);
	if (r.has_sha256)
		put_digest(&j, "sha256", &r.sha256);
	if (r.size) {
		json_key(&j, "size");
		json_uint(&j, r.size);
	}
	json_put_string(&j, "subdir", r.subdir ? r.subdir : "");
	if (r.timestamp)
		json_put_int(&j, "timestamp", r.timestamp);
	record_json_features(&j, &r);
	json_put_string(&j, "url", r.url ? r.url : "");
	json_put_string(&j, "version", r.version);
	json_end(&j);
	buf_addc(ret, '\n');
}
