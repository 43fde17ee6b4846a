#include "conda/info.h"

#include <inttypes.h>

#include "base/doc.h"
#include "base/tree.h"
#include "conda/entry_point.h"

#define JSON_SMALL_MAX ((uint64_t)4 << 20) /* index.json, link.json */
#define LIST_MAX ((uint64_t)64 << 20) /* paths.json and the old lists */
#define PATHS_MAX 500000
#define VALUES_MAX \
	((size_t)8 * PATHS_MAX) /* values of one JSON document: what they cost in memory is many times their text */
#define PLACEHOLDER_MAX 4096
#define DEFAULT_PLACEHOLDER "/opt/anaconda1anaconda2anaconda3"

static const char *const file_names[INFO_FILES_N] = {
	[INFO_INDEX] = "info/index.json",	 [INFO_LINK] = "info/link.json",
	[INFO_PATHS] = "info/paths.json",	 [INFO_FILES] = "info/files",
	[INFO_HAS_PREFIX] = "info/has_prefix",	 [INFO_NO_LINK] = "info/no_link",
	[INFO_NO_SOFTLINK] = "info/no_softlink",
};

int info_file_of(const char *path)
{
	for (int i = 0; i < INFO_FILES_N; i++)
		if (strcmp(path, file_names[i]) == 0)
			return i;
	return -1;
}

uint64_t info_file_max(enum info_file f)
{
	return f == INFO_INDEX || f == INFO_LINK ? JSON_SMALL_MAX : LIST_MAX;
}

void info_release(struct info_texts *t)
{
	for (int i = 0; i < INFO_FILES_N; i++)
		buf_release(&t->text[i]);
}

static const struct doc *parse_json(struct arena *a, const struct info_texts *t, enum info_file f, struct err *err)
{
	const struct buf *b = &t->text[f];
	const char *name = file_names[f];
	const struct doc *d;
	size_t values = 0;

	for (size_t i = 0; i < b->n; i++)
		values += b->p[i] == ',' || b->p[i] == '[' || b->p[i] == '{';
	if (values > VALUES_MAX) {
		err_set(err, ERR_LIMIT, "%s: has more than %zu values", name, VALUES_MAX);
		return NULL;
	}
	d = doc_parse_json(a, buf_cstr(b), b->n, name, err);
	if (d && d->type != DOC_MAP) {
		doc_fault(d, err, "is a %s, expected an object", doc_type_name(d->type));
		return NULL;
	}
	return d;
}

/* ---- index.json ---- */

/* "noarch": "python", "generic", or, as it was once, true. */
static int parse_noarch(const struct doc *map, enum noarch *ret, struct err *err)
{
	const struct doc *v = doc_find(map, "noarch");

	*ret = NOARCH_NO;
	if (!v || v->type == DOC_NULL)
		return 0;
	if (v->type == DOC_BOOL)
		*ret = v->num ? NOARCH_GENERIC : NOARCH_NO;
	else if (v->type == DOC_STRING && strcmp(v->text, "python") == 0)
		*ret = NOARCH_PYTHON;
	else if (v->type == DOC_STRING && strcmp(v->text, "generic") == 0)
		*ret = NOARCH_GENERIC;
	else
		return doc_fault(v, err, "'noarch' is %s, expected \"python\" or \"generic\"",
				 v->text ? v->text : "no word");
	return 0;
}

/* A list of words, or, as it was once, one string of words. */
static int parse_features(struct arena *a, const struct doc *map, const char *const **ret, struct err *err)
{
	const struct doc *v = doc_find(map, "track_features");
	const char **list;
	struct str rest, word;
	size_t n = 0;

	if (!v || v->type != DOC_STRING)
		return doc_get_strings(a, map, "track_features", ret, NULL, err);
	rest = str_of(v->text);
	list = arena_array(a, rest.n / 2 + 2, sizeof(*list));
	while (str_cut(&rest, ' ', &word))
		if (word.n)
			list[n++] = arena_strndup(a, word.p, word.n);
	*ret = list;
	return 0;
}

static int need_string(const struct doc *map, const char *key, const char **ret, struct err *err)
{
	if (doc_get_string(map, key, NULL, ret, err) < 0)
		return -1;
	if (!*ret)
		return doc_fault(map, err, "has no '%s'", key);
	return 0;
}

/* The licence is for reading only: whatever is no text is none. */
static const char *text_of(const struct doc *map, const char *key)
{
	const struct doc *v = doc_find(map, key);

	return v && v->type == DOC_STRING ? v->text : NULL;
}

static int parse_index(struct arena *a, const struct info_texts *t, struct record *ret, struct err *err)
{
	const struct doc *d;
	int64_t number;

	if (!t->there[INFO_INDEX])
		return err_set(err, ERR_FORMAT, "has no %s", file_names[INFO_INDEX]);
	d = parse_json(a, t, INFO_INDEX, err);
	if (!d || need_string(d, "name", &ret->name, err) < 0 || need_string(d, "version", &ret->version, err) < 0 ||
	    need_string(d, "build", &ret->build, err) < 0 || doc_get_string(d, "subdir", NULL, &ret->subdir, err) < 0 ||
	    doc_get_int(d, "build_number", 0, &number, err) < 0 ||
	    doc_get_int(d, "timestamp", 0, &ret->timestamp, err) < 0 || parse_noarch(d, &ret->noarch, err) < 0 ||
	    doc_get_strings(a, d, "depends", &ret->depends, NULL, err) < 0 ||
	    doc_get_strings(a, d, "constrains", &ret->constrains, NULL, err) < 0 ||
	    doc_get_string(d, "python_site_packages_path", NULL, &ret->site_packages, err) < 0 ||
	    parse_features(a, d, &ret->track_features, err) < 0)
		return -1;
	if (number < 0)
		return doc_fault(d, err, "'build_number' is %" PRId64 ", expected 0 or more", number);
	ret->build_number = (uint64_t)number;
	ret->license = text_of(d, "license");
	ret->license_family = text_of(d, "license_family");
	record_defaults(ret);
	return 0;
}

int info_wants_link(const struct info_texts *t, bool *ret, struct err *err)
{
	auto_arena a = { 0 };
	struct record r = { 0 };

	if (parse_index(&a, t, &r, err) < 0)
		return -1;
	*ret = r.noarch != NOARCH_NO;
	return 0;
}

/* ---- link.json ---- */

static int parse_entry_points(struct arena *a, const struct doc *noarch, struct package_info *ret, struct err *err)
{
	const char *const *list;
	struct entry_point *points;
	size_t n;

	if (doc_get_strings(a, noarch, "entry_points", &list, &n, err) < 0)
		return -1;
	points = arena_array(a, n, sizeof(*points));
	for (size_t i = 0; i < n; i++)
		if (entry_point_parse(a, list[i], &points[i], err) < 0)
			return err_at(err, "%s", noarch->file);
	ret->entry_points = points;
	ret->n_entry_points = n;
	return 0;
}

static int parse_link(struct arena *a, const struct info_texts *t, struct package_info *ret, struct err *err)
{
	const struct doc *d, *noarch;
	const char *type;

	ret->noarch = ret->index.noarch;
	if (!t->there[INFO_LINK])
		return 0;
	d = parse_json(a, t, INFO_LINK, err);
	if (!d)
		return -1;
	noarch = doc_find(d, "noarch");
	if (!noarch || noarch->type == DOC_NULL)
		return 0;
	if (noarch->type != DOC_MAP)
		return doc_fault(noarch, err, "'noarch' is a %s, expected an object", doc_type_name(noarch->type));
	if (doc_get_string(noarch, "type", "", &type, err) < 0)
		return -1;
	if (strcmp(type, "python") != 0)
		return 0;
	ret->noarch = NOARCH_PYTHON;
	return parse_entry_points(a, noarch, ret, err);
}

/* ---- paths ---- */

static int path_cmp(const void *x, const void *y)
{
	const struct package_path *a = x, *b = y;

	return strcmp(a->path, b->path);
}

static bool is_info(const char *path)
{
	return str_starts(path, "info/") || strcmp(path, "info") == 0;
}

static int check_path(const char *path, const char *where, struct err *err)
{
	const char *fault = tree_path_fault(path);

	if (!fault && (str_starts(path, "conda-meta/") || strcmp(path, "conda-meta") == 0))
		fault = "is reserved for the installer";
	return fault ? err_set(err, ERR_FORMAT, "%s: path '%s' %s", where, path, fault) : 0;
}

static int check_placeholder(const char *placeholder, const char *where, const char *path, struct err *err)
{
	if (strlen(placeholder) <= PLACEHOLDER_MAX)
		return 0;
	return err_set(err, ERR_LIMIT, "%s: path '%s' has a placeholder longer than %d bytes", where, path,
		       PLACEHOLDER_MAX);
}

static int sort_paths(struct package_path *paths, size_t n, const char *where, struct err *err)
{
	if (n)
		qsort(paths, n, sizeof(*paths), path_cmp);
	for (size_t i = 1; i < n; i++)
		if (strcmp(paths[i - 1].path, paths[i].path) == 0)
			return err_set(err, ERR_FORMAT, "%s: path '%s' is listed twice", where, paths[i].path);
	return 0;
}

static int parse_type(const struct doc *d, enum path_type *ret, struct err *err)
{
	const char *type;

	if (doc_get_string(d, "path_type", "hardlink", &type, err) < 0)
		return -1;
	if (strcmp(type, "hardlink") == 0)
		*ret = PATH_FILE;
	else if (strcmp(type, "softlink") == 0)
		*ret = PATH_SYMLINK;
	else if (strcmp(type, "directory") == 0)
		*ret = PATH_DIR;
	else
		return doc_fault(d, err, "'path_type' is '%s', expected hardlink, softlink or directory", type);
	return 0;
}

static int parse_mode(const struct doc *d, struct package_path *p, struct err *err)
{
	const char *mode;

	if (doc_get_string(d, "prefix_placeholder", "", &p->placeholder, err) < 0 ||
	    doc_get_string(d, "file_mode", "text", &mode, err) < 0)
		return -1;
	if (strcmp(mode, "text") != 0 && strcmp(mode, "binary") != 0)
		return doc_fault(d, err, "'file_mode' is '%s', expected text or binary", mode);
	if (!*p->placeholder || p->type != PATH_FILE)
		p->placeholder = NULL;
	else
		p->mode = mode[0] == 't' ? PATH_TEXT : PATH_BINARY;
	return 0;
}

static int parse_path(const struct doc *d, struct package_path *p, struct err *err)
{
	const char *hex;
	int64_t size;

	if (d->type != DOC_MAP)
		return doc_fault(d, err, "an item of 'paths' is a %s, expected an object", doc_type_name(d->type));
	if (need_string(d, "_path", &p->path, err) < 0 || parse_type(d, &p->type, err) < 0 ||
	    parse_mode(d, p, err) < 0 || doc_get_string(d, "sha256", NULL, &hex, err) < 0 ||
	    doc_get_int(d, "size_in_bytes", -1, &size, err) < 0 ||
	    doc_get_bool(d, "no_link", false, &p->no_link, err) < 0)
		return -1;
	p->has_sha256 = hex != NULL;
	if (hex && !digest_parse(hex, &p->sha256))
		return doc_fault(d, err, "'sha256' of '%s' is '%s', expected 64 hex digits", p->path, hex);
	p->has_size = size >= 0;
	p->size = p->has_size ? (uint64_t)size : 0;
	if (p->placeholder && check_placeholder(p->placeholder, d->file, p->path, err) < 0)
		return -1;
	return check_path(p->path, d->file, err);
}

static int parse_paths_json(struct arena *a, const struct info_texts *t, struct package_info *ret, struct err *err)
{
	const struct doc *d = parse_json(a, t, INFO_PATHS, err), *list;
	struct package_path *paths;
	int64_t version;
	size_t n = 0;

	if (!d || doc_get_int(d, "paths_version", 1, &version, err) < 0)
		return -1;
	if (version != 1)
		return doc_fault(d, err, "'paths_version' is %" PRId64 ", expected 1", version);
	list = doc_find(d, "paths");
	if (!list || list->type != DOC_LIST)
		return doc_fault(d, err, "has no list 'paths'");
	if (list->n > PATHS_MAX)
		return err_set(err, ERR_LIMIT, "%s: has more than %d paths", d->file, PATHS_MAX);
	paths = arena_array(a, list->n, sizeof(*paths));
	for (size_t i = 0; i < list->n; i++) {
		if (parse_path(&list->items[i], &paths[n], err) < 0)
			return -1;
		if (!is_info(paths[n].path))
			n++;
		else
			paths[n] = (struct package_path){ 0 };
	}
	ret->has_paths_json = true;
	ret->paths = paths;
	ret->n_paths = n;
	return sort_paths(paths, n, d->file, err);
}

/* ---- before paths.json ---- */

/* The next line that says something: trimmed, not empty, no comment. */
static bool next_line(struct str *rest, struct str *ret)
{
	while (str_cut(rest, '\n', ret)) {
		*ret = str_trim(*ret);
		if (ret->n && ret->p[0] != '#')
			return true;
	}
	return false;
}

static struct str whole(const struct info_texts *t, enum info_file f)
{
	return (struct str){ buf_cstr(&t->text[f]), t->text[f].n };
}

static int parse_files(struct arena *a, const struct info_texts *t, const char *where, struct package_path **ret,
		       size_t *ret_n, struct err *err)
{
	struct str rest = whole(t, INFO_FILES), line;
	struct package_path *paths;
	size_t n = 0, i = 0;

	while (next_line(&rest, &line))
		n++;
	if (n > PATHS_MAX)
		return err_set(err, ERR_LIMIT, "%s: has more than %d paths", where, PATHS_MAX);
	paths = arena_array(a, n, sizeof(*paths));
	rest = whole(t, INFO_FILES);
	while (next_line(&rest, &line)) {
		const char *path = arena_strndup(a, line.p, line.n);

		if (check_path(path, where, err) < 0)
			return -1;
		if (!is_info(path))
			paths[i++].path = path;
	}
	*ret = paths;
	*ret_n = i;
	return sort_paths(paths, i, where, err);
}

static struct package_path *find_path(struct package_path *paths, size_t n, const char *path)
{
	struct package_path key = { .path = path };

	return n ? bsearch(&key, paths, n, sizeof(*paths), path_cmp) : NULL;
}

/* A word, or what stands between two double or single quotes. */
static bool next_field(struct str *rest, struct str *ret)
{
	char quote;
	size_t i = 0;

	*rest = str_trim(*rest);
	if (!rest->n)
		return false;
	quote = rest->p[0] == '"' || rest->p[0] == '\'' ? rest->p[0] : '\0';
	if (quote) {
		rest->p++, rest->n--;
		while (i < rest->n && rest->p[i] != quote)
			i++;
	} else {
		while (i < rest->n && rest->p[i] != ' ' && rest->p[i] != '\t')
			i++;
	}
	*ret = (struct str){ rest->p, i };
	if (i < rest->n && quote)
		i++;
	rest->p += i;
	rest->n -= i;
	return true;
}

/* "path", or "placeholder mode path". */
static int parse_prefix_line(struct arena *a, struct str line, const char *where, struct package_path *paths, size_t n,
			     struct err *err)
{
	struct str f[3] = { 0 }, rest = line, more;
	const char *placeholder = DEFAULT_PLACEHOLDER;
	struct package_path *p;
	size_t got = 0;

	while (got < 3 && next_field(&rest, &f[got]))
		got++;
	if ((got != 1 && got != 3) || next_field(&rest, &more) ||
	    (got == 3 && !str_eq(f[1], "text") && !str_eq(f[1], "binary")))
		return err_set(err, ERR_FORMAT, "%s: line '%.*s', expected a path, or placeholder, mode, path", where,
			       (int)(line.n < 400 ? line.n : 400), line.p);
	p = find_path(paths, n, arena_strndup(a, f[got - 1].p, f[got - 1].n));
	if (!p)
		return 0;
	if (got == 3)
		placeholder = arena_strndup(a, f[0].p, f[0].n);
	if (check_placeholder(placeholder, where, p->path, err) < 0)
		return -1;
	p->mode = !*placeholder ? PATH_PLAIN : got == 3 && str_eq(f[1], "binary") ? PATH_BINARY : PATH_TEXT;
	p->placeholder = p->mode == PATH_PLAIN ? NULL : placeholder;
	return 0;
}

static int parse_old(struct arena *a, const struct info_texts *t, struct package_info *ret, struct err *err)
{
	struct package_path *paths = NULL, *p;
	struct str rest, line;
	const char *where = file_names[INFO_HAS_PREFIX];
	size_t n = 0;

	if (!t->there[INFO_FILES])
		return err_set(err, ERR_FORMAT, "has neither %s nor %s", file_names[INFO_PATHS],
			       file_names[INFO_FILES]);
	if (parse_files(a, t, file_names[INFO_FILES], &paths, &n, err) < 0)
		return -1;
	rest = whole(t, INFO_HAS_PREFIX);
	while (next_line(&rest, &line))
		if (parse_prefix_line(a, line, where, paths, n, err) < 0)
			return -1;
	for (enum info_file f = INFO_NO_LINK; f <= INFO_NO_SOFTLINK; f++) {
		rest = whole(t, f);
		while (next_line(&rest, &line)) {
			p = find_path(paths, n, arena_strndup(a, line.p, line.n));
			if (p)
				p->no_link = true;
		}
	}
	ret->paths = paths;
	ret->n_paths = n;
	return 0;
}

int info_parse(struct arena *a, const struct info_texts *t, struct package_info *ret, struct err *err)
{
	*ret = (struct package_info){ 0 };
	if (parse_index(a, t, &ret->index, err) < 0 || parse_link(a, t, ret, err) < 0)
		return -1;
	return t->there[INFO_PATHS] ? parse_paths_json(a, t, ret, err) : parse_old(a, t, ret, err);
}
