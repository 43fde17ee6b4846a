#include <inttypes.h>

#include "base/doc.h"
#include "conda/meta.h"

#define PATHS_MAX 500000
#define VALUES_MAX ((size_t)12 * PATHS_MAX) /* values cost many times their text in memory */

static int too_many_values(const char *p, size_t n, const char *name, struct err *err)
{
	size_t values = 0;

	for (size_t i = 0; i < n; i++)
		values += p[i] == ',' || p[i] == '[' || p[i] == '{';
	return values <= VALUES_MAX ? 0 : err_set(err, ERR_LIMIT, "%s: has more than %zu values", name, VALUES_MAX);
}

/* What stands in the document's arena goes with it; what is kept is copied. */
static int keep_string(struct arena *a, const struct doc *d, const char *key, const char **ret, struct err *err)
{
	if (doc_get_string(d, key, NULL, ret, err) < 0)
		return -1;
	*ret = arena_strdup(a, *ret);
	return 0;
}

static int keep_strings(struct arena *a, const struct doc *d, const char *key, const char *const **ret, struct err *err)
{
	auto_arena tmp = { 0 };
	const char *const *list;
	const char **copy;
	size_t n;

	if (doc_get_strings(&tmp, d, key, &list, &n, err) < 0)
		return -1;
	copy = arena_array(a, n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = arena_strdup(a, list[i]);
	*ret = copy;
	return 0;
}

/* A list, or one string of words, as conda writes it. */
static int read_features(struct arena *a, const struct doc *d, const char *const **ret, struct err *err)
{
	const struct doc *f = doc_find(d, "track_features");
	struct str rest, word;
	const char **list = NULL;
	size_t n = 0;

	if (!f || f->type != DOC_STRING)
		return keep_strings(a, d, "track_features", ret, err);
	for (rest = str_of(f->text); rest.p && rest.n;) {
		str_cut(&rest, ' ', &word);
		if (!word.n)
			continue;
		mem_grow(list, n);
		list[n++] = arena_strndup(a, word.p, word.n);
	}
	*ret = arena_strlist(a, list, n);
	free(list);
	return 0;
}

static int read_noarch(const struct doc *d, enum noarch *ret)
{
	const struct doc *n = doc_find(d, "noarch");

	*ret = NOARCH_NO;
	if (n && n->type == DOC_STRING && strcmp(n->text, "python") == 0)
		*ret = NOARCH_PYTHON;
	else if (n && n->type == DOC_STRING && strcmp(n->text, "generic") == 0)
		*ret = NOARCH_GENERIC;
	return 0;
}

static int read_count(const struct doc *d, const char *key, uint64_t *ret, struct err *err)
{
	int64_t v;

	if (doc_get_int(d, key, 0, &v, err) < 0)
		return -1;
	if (v < 0)
		return doc_fault(doc_find(d, key), err, "%s is %" PRId64, key, v);
	*ret = (uint64_t)v;
	return 0;
}

static int read_hashes(struct arena *a, const struct doc *d, struct record *r, struct err *err)
{
	const char *sha256, *md5;

	if (keep_string(a, d, "sha256", &sha256, err) < 0 || keep_string(a, d, "md5", &md5, err) < 0)
		return -1;
	r->has_sha256 = sha256 && digest_parse(sha256, &r->sha256);
	r->has_md5 = md5 && digest_hex_parse(md5, r->md5, sizeof(r->md5));
	if ((sha256 && *sha256 && !r->has_sha256) || (md5 && *md5 && !r->has_md5))
		return doc_fault(d, err, "has a hash that is none");
	return 0;
}

/* "https://host/channel/linux-64" and "https://host/channel" are both written. */
static const char *without_subdir(struct arena *a, const char *channel, const char *subdir)
{
	size_t n = channel ? strlen(channel) : 0, m = subdir ? strlen(subdir) : 0;

	if (n > m + 1 && m && channel[n - m - 1] == '/' && strcmp(channel + n - m, subdir) == 0)
		return arena_strndup(a, channel, n - m - 1);
	return channel;
}

static int read_record(struct arena *a, const struct doc *d, struct record *r, struct err *err)
{
	*r = (struct record){ 0 };
	if (keep_string(a, d, "name", &r->name, err) < 0 || keep_string(a, d, "version", &r->version, err) < 0 ||
	    keep_string(a, d, "build", &r->build, err) < 0 || keep_string(a, d, "subdir", &r->subdir, err) < 0 ||
	    keep_string(a, d, "channel", &r->channel, err) < 0 || keep_string(a, d, "fn", &r->fn, err) < 0 ||
	    keep_string(a, d, "url", &r->url, err) < 0 || keep_string(a, d, "license", &r->license, err) < 0 ||
	    keep_string(a, d, "license_family", &r->license_family, err) < 0 ||
	    keep_string(a, d, "python_site_packages_path", &r->site_packages, err) < 0)
		return -1;
	if (!r->name || !r->version || !r->build || !*r->name)
		return doc_fault(d, err, "has no name, version or build");
	r->channel = without_subdir(a, r->channel, r->subdir);
	if (keep_strings(a, d, "depends", &r->depends, err) < 0 ||
	    keep_strings(a, d, "constrains", &r->constrains, err) < 0 ||
	    read_features(a, d, &r->track_features, err) < 0 || read_noarch(d, &r->noarch) < 0 ||
	    read_count(d, "build_number", &r->build_number, err) < 0 || read_count(d, "size", &r->size, err) < 0 ||
	    doc_get_int(d, "timestamp", 0, &r->timestamp, err) < 0 || read_hashes(a, d, r, err) < 0)
		return -1;
	record_defaults(r);
	return 0;
}

/* ---- paths ---- */

static int read_mode(const struct doc *d, enum path_mode *ret, struct err *err)
{
	const char *placeholder, *mode;

	if (doc_get_string(d, "prefix_placeholder", NULL, &placeholder, err) < 0 ||
	    doc_get_string(d, "file_mode", "text", &mode, err) < 0)
		return -1;
	*ret = !placeholder || !*placeholder ? PATH_PLAIN : strcmp(mode, "binary") == 0 ? PATH_BINARY : PATH_TEXT;
	return 0;
}

static int read_digest(const struct doc *d, const char *key, struct meta_file *f, struct err *err)
{
	const char *text;

	if (doc_get_string(d, key, NULL, &text, err) < 0)
		return -1;
	if (!text || !*text)
		return 0;
	f->has_sha256 = digest_parse(text, &f->sha256);
	return f->has_sha256 ? 0 : doc_fault(d, err, "'%s' has a %s that is none: '%s'", f->path, key, text);
}

/*
 * The size in a record is that of the file in the archive: of a text whose placeholder was replaced, it is
 * not the size of the file that stands there.
 */
static int read_path(struct arena *a, const struct doc *d, struct meta_file *f, struct err *err)
{
	const char *type;

	*f = (struct meta_file){ 0 };
	if (keep_string(a, d, "_path", &f->path, err) < 0 ||
	    doc_get_string(d, "path_type", "hardlink", &type, err) < 0 || read_mode(d, &f->mode, err) < 0)
		return -1;
	if (!f->path || !*f->path)
		return doc_fault(d, err, "has a path without a name");
	f->type = strcmp(type, "softlink") == 0 ? PATH_SYMLINK : strcmp(type, "directory") == 0 ? PATH_DIR : PATH_FILE;
	if (f->type != PATH_FILE)
		return 0;
	if (read_digest(d, "sha256_in_prefix", f, err) < 0 ||
	    (!f->has_sha256 && f->mode == PATH_PLAIN && read_digest(d, "sha256", f, err) < 0))
		return -1;
	f->has_size = f->mode != PATH_TEXT && doc_find(d, "size_in_bytes") != NULL;
	return read_count(d, "size_in_bytes", &f->size, err);
}

static int file_cmp(const void *x, const void *y)
{
	return strcmp(((const struct meta_file *)x)->path, ((const struct meta_file *)y)->path);
}

/* paths_data; or, of old tools, only the list of files. */
static int read_paths(struct arena *a, const struct doc *d, struct meta *ret, struct err *err)
{
	const struct doc *paths = doc_find(doc_find(d, "paths_data"), "paths"), *files = doc_find(d, "files");
	const struct doc *list = paths ? paths : files;
	struct meta_file *f;
	size_t n = 0;

	if (!list)
		return 0;
	if (list->type != DOC_LIST)
		return doc_fault(list, err, "its paths are a %s, expected a list", doc_type_name(list->type));
	if (list->n > PATHS_MAX)
		return err_set(err, ERR_LIMIT, "%s: has more than %d paths", list->file, PATHS_MAX);
	f = arena_array(a, list->n, sizeof(*f));
	for (size_t i = 0; i < list->n; i++) {
		const struct doc *item = &list->items[i];

		if (!paths && item->type == DOC_STRING)
			f[n] = (struct meta_file){ .path = arena_strdup(a, item->text) };
		else if (item->type != DOC_MAP)
			return doc_fault(item, err, "has a path that is a %s", doc_type_name(item->type));
		else if (read_path(a, item, &f[n], err) < 0)
			return -1;
		n += f[n].type != PATH_DIR;
	}
	if (n)
		qsort(f, n, sizeof(*f), file_cmp);
	ret->files = f;
	ret->n = n;
	return 0;
}

int meta_read(struct arena *a, const char *p, size_t n, const char *name, struct meta *ret, struct err *err)
{
	auto_arena tmp = { 0 };
	const struct doc *d;

	*ret = (struct meta){ 0 };
	if (too_many_values(p, n, name, err) < 0)
		return -1;
	d = doc_parse_json(&tmp, p, n, name, err);
	if (!d)
		return -1;
	if (d->type != DOC_MAP)
		return doc_fault(d, err, "is a %s, expected an object", doc_type_name(d->type));
	return read_record(a, d, &ret->record, err) < 0 ? -1 : read_paths(a, d, ret, err);
}
