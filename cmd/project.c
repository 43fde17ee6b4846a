#include "cmd/project.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/doc.h"
#include "base/fs.h"
#include "cmd/input.h"
#include "cmd/settings.h"

#define CONFIG "condaimg.yml"
#define CONFIG_MAX ((uint64_t)1 << 20)

enum shape {
	FLAG, /* true or false */
	TEXT,
	WORDS, /* a text, or a list that becomes one as JSON */
	LIST, /* of texts, or one text */
	PAIRS, /* a map, or a LIST of "NAME<separator>VALUE" */
};

/* What of a text is a path on this machine. */
enum path_part {
	NOTHING,
	WHOLE,
	BEFORE_COLON, /* SRC:DST */
	BEHIND_COLON, /* oci:DIR, and nothing where there is no such colon */
	FOLDER, /* a channel: a path where it begins with '.' */
	DOTTED, /* a name; a path where it begins with '.' */
};

struct key {
	const char *name;
	enum shape shape;
	size_t offset; /* in struct options; a count follows a LIST or PAIRS */
	enum path_part path;
	char separator; /* of PAIRS */
	bool over_first; /* in a list of both, the command line's stand first */
	bool over_alone; /* the command line's list is instead of the file's */
};

#define AT(field) offsetof(struct options, field)

static const struct key keys[] = {
	{ "annotation", PAIRS, AT(annotations), .separator = '=' },
	{ "attach", LIST, AT(attaches), .over_alone = true },
	{ "base", TEXT, AT(base), .path = BEHIND_COLON },
	{ "ca-file", LIST, AT(ca_files), .path = WHOLE },
	{ "channel", LIST, AT(channels), .path = FOLDER, .over_first = true },
	{ "channel-priority", TEXT, AT(channel_priority), .path = NOTHING },
	{ "cmd", WORDS, AT(cmd), .path = NOTHING },
	{ "compression", TEXT, AT(compression), .path = NOTHING },
	{ "copy", PAIRS, AT(copies), .path = BEFORE_COLON, .separator = ':' },
	{ "entrypoint", WORDS, AT(entrypoint), .path = NOTHING },
	{ "cuda", TEXT, AT(cuda), .path = NOTHING },
	{ "env", PAIRS, AT(envs), .separator = '=' },
	{ "environment", TEXT, AT(environment), .path = NOTHING },
	{ "exclude-newer", TEXT, AT(exclude_newer), .path = NOTHING },
	{ "ignore-file", LIST, AT(ignore_files), .path = WHOLE, .over_alone = true },
	{ "label", PAIRS, AT(labels), .separator = '=' },
	{ "layer-cache", LIST, AT(layer_caches), .over_alone = true },
	{ "layers", TEXT, AT(layers), .path = NOTHING },
	{ "libc", TEXT, AT(libc), .path = NOTHING },
	{ "lockfile", TEXT, AT(lockfile), .path = WHOLE },
	{ "media-types", TEXT, AT(media_types), .path = NOTHING },
	{ "output", TEXT, AT(output), .path = BEHIND_COLON },
	{ "override-channels", FLAG, AT(override_channels), .path = NOTHING },
	{ "pin", LIST, AT(pins), .path = NOTHING },
	{ "platform", LIST, AT(platforms), .over_alone = true },
	{ "port", LIST, AT(ports), .path = NOTHING },
	{ "prefix", TEXT, AT(prefix), .path = NOTHING },
	{ "push", LIST, AT(pushes), .over_alone = true },
	{ "registry-ca", TEXT, AT(registry_ca), .path = WHOLE },
	{ "shell", FLAG, AT(shell), .path = NOTHING },
	{ "tag", LIST, AT(tags), .path = DOTTED, .over_alone = true },
	{ "user", TEXT, AT(user), .path = NOTHING },
	{ "virtual-package", LIST, AT(virtual_packages), .path = NOTHING },
	{ "virtual-package-spec", TEXT, AT(virtual_package_spec), .path = WHOLE },
	{ "volume", LIST, AT(volumes), .path = NOTHING },
	{ "workdir", TEXT, AT(workdir), .path = NOTHING },
	{ "writable", FLAG, AT(writable), .path = NOTHING },
};

/* ---- condaimg.yml ---- */

struct reader {
	struct arena *a;
	const char *dir;
	struct options *o;
	struct err *err;
};

static const char ***list_of(struct options *o, const struct key *k, size_t **n)
{
	char *at = (char *)o + k->offset;

	*n = (size_t *)(at + sizeof(const char **));
	return (const char ***)at;
}

static void append(struct options *o, const struct key *k, const char *value)
{
	size_t *n;
	const char ***list = list_of(o, k, &n);

	mem_grow(*list, *n);
	(*list)[(*n)++] = value;
}

static const char *below(const struct reader *r, const char *path)
{
	return *path == '/' || strcmp(r->dir, ".") == 0 ? path : arena_printf(r->a, "%s/%s", r->dir, path);
}

/* The text with its path, if it has one, as seen from the working directory. */
static const char *place(const struct reader *r, const struct key *k, const char *text)
{
	const char *colon;

	switch (k->path) {
	case NOTHING:
		break;
	case WHOLE:
	case BEFORE_COLON:
		return below(r, text);
	case BEHIND_COLON:
		colon = strchr(text, ':');
		if (colon && dest_is_place(text) && !str_starts(text, "docker://"))
			return arena_printf(r->a, "%.*s%s", (int)(colon - text + 1), text, below(r, colon + 1));
		break;
	case DOTTED:
		return *text == '.' ? below(r, str_starts(text, "./") ? text + 2 : text) : text;
	case FOLDER:
		if (*text == '.' && strcmp(r->dir, ".") != 0)
			return arena_printf(r->a, "%s%s/%s", *r->dir == '/' || *r->dir == '.' ? "" : "./", r->dir,
					    text);
		break;
	}
	return text;
}

static bool is_scalar(const struct doc *d)
{
	return d->type == DOC_STRING || d->type == DOC_INT || d->type == DOC_FLOAT || d->type == DOC_BOOL;
}

static int want_scalar(const struct reader *r, const struct key *k, const struct doc *d)
{
	if (is_scalar(d))
		return 0;
	return doc_fault(d, r->err, "'%s' has a %s, expected a string", k->name, doc_type_name(d->type));
}

static int read_flag(const struct reader *r, const struct key *k, const struct doc *d)
{
	if (d->type != DOC_BOOL)
		return doc_fault(d, r->err, "'%s' is a %s, expected true or false", k->name, doc_type_name(d->type));
	*(bool *)((char *)r->o + k->offset) = d->num;
	return 0;
}

static int read_text(const struct reader *r, const struct key *k, const struct doc *d)
{
	if (want_scalar(r, k, d) < 0)
		return -1;
	*(const char **)((char *)r->o + k->offset) = place(r, k, d->text);
	return 0;
}

static int read_words(const struct reader *r, const struct key *k, const struct doc *d)
{
	auto_buf b = { 0 };
	struct json j = { .out = &b };

	if (d->type != DOC_LIST)
		return read_text(r, k, d);
	json_array(&j);
	for (size_t i = 0; i < d->n; i++) {
		if (want_scalar(r, k, &d->items[i]) < 0)
			return -1;
		json_string(&j, d->items[i].text);
	}
	json_end(&j);
	*(const char **)((char *)r->o + k->offset) = arena_strdup(r->a, b.p);
	return 0;
}

static int read_map(const struct reader *r, const struct key *k, const struct doc *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if (want_scalar(r, k, &d->items[i]) < 0)
			return -1;
		append(r->o, k,
		       place(r, k, arena_printf(r->a, "%s%c%s", d->keys[i].text, k->separator, d->items[i].text)));
	}
	return 0;
}

static int read_list(const struct reader *r, const struct key *k, const struct doc *d)
{
	if (d->type == DOC_MAP && k->shape == PAIRS)
		return read_map(r, k, d);
	if (d->type != DOC_LIST) {
		if (want_scalar(r, k, d) < 0)
			return -1;
		append(r->o, k, place(r, k, d->text));
		return 0;
	}
	for (size_t i = 0; i < d->n; i++) {
		const struct doc *item = &d->items[i];

		if (item->type == DOC_LIST ? want_scalar(r, k, item) < 0 : read_list(r, k, item) < 0)
			return -1;
	}
	return 0;
}

static int read_key(const struct reader *r, const struct doc *name, const struct doc *value)
{
	auto_buf known = { 0 };

	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct key *k = &keys[i];

		buf_addf(&known, "%s%s", i ? ", " : "", k->name);
		if (strcmp(k->name, name->text) != 0)
			continue;
		switch (k->shape) {
		case FLAG:
			return read_flag(r, k, value);
		case TEXT:
			return read_text(r, k, value);
		case WORDS:
			return read_words(r, k, value);
		case LIST:
		case PAIRS:
			return read_list(r, k, value);
		}
	}
	return doc_fault(name, r->err, "'%s' is not a key of " CONFIG "; these are: %s", name->text, known.p);
}

/* What is wrong with a value is told now, when it is known in which file it stands. */
static int check_values(const struct options *o, const char *name, struct err *err)
{
	auto_settings s = { 0 };

	return settings_read(o, &s, err) < 0 ? err_at(err, "%s", name) : 0;
}

/* A file in which every option is commented out is a file of no options. */
static bool says_nothing(struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n && line.p[0] != '#')
			return false;
	}
	return true;
}

int project_parse(struct arena *a, const char *p, size_t n, const char *name, const char *dir, struct options *ret,
		  struct err *err)
{
	struct options o = { 0 };
	struct reader r = { a, dir, &o, err };
	const struct doc *d;
	int rc = 0;

	*ret = o;
	if (says_nothing((struct str){ p, n }))
		return 0;
	d = doc_parse_yaml(a, p, n, arena_strdup(a, name), err);
	if (!d)
		return -1;
	if (d->type != DOC_MAP)
		return doc_fault(d, err, "is a %s, expected a map of options", doc_type_name(d->type));
	for (size_t i = 0; rc == 0 && i < d->n; i++)
		rc = read_key(&r, &d->keys[i], &d->items[i]);
	if (rc == 0)
		rc = check_values(&o, name, err);
	if (rc < 0)
		opt_release(&o);
	else
		*ret = o;
	return rc;
}

/* ---- both ---- */

static void copy_list(struct options *to, const struct key *k, const struct options *from)
{
	size_t *n;
	const char **list = *list_of((struct options *)from, k, &n);

	for (size_t i = 0; i < *n; i++)
		append(to, k, list[i]);
}

static void merge_key(const struct key *k, const struct options *over, const struct options *under, struct options *ret)
{
	const char *const *text = (const char *const *)((const char *)over + k->offset);
	size_t *n;

	switch (k->shape) {
	case FLAG:
		*(bool *)((char *)ret + k->offset) |= *(const bool *)((const char *)under + k->offset);
		return;
	case TEXT:
	case WORDS:
		if (!*text)
			*(const char **)((char *)ret + k->offset) =
				*(const char *const *)((const char *)under + k->offset);
		return;
	case LIST:
	case PAIRS:
		*list_of(ret, k, &n) = NULL;
		*n = 0;
		copy_list(ret, k, k->over_first || k->over_alone ? over : under);
		if (!k->over_alone || !*n)
			copy_list(ret, k, k->over_first || k->over_alone ? under : over);
	}
}

void project_merge(const struct options *over, const struct options *under, struct options *ret)
{
	struct options o = *over; /* lists that are no keys stay the command line's */

	o.args = NULL;
	o.n_args = 0;
	for (size_t i = 0; i < over->n_args; i++) {
		mem_grow(o.args, o.n_args);
		o.args[o.n_args++] = over->args[i];
	}
	for (size_t i = 0; i < COUNT(keys); i++)
		merge_key(&keys[i], over, under, &o);
	*ret = o;
}

void project_forget(struct options *merged)
{
	for (size_t i = 0; i < COUNT(keys); i++) {
		size_t *n;

		if (keys[i].shape == LIST || keys[i].shape == PAIRS)
			free(*list_of(merged, &keys[i], &n));
	}
	free(merged->args);
	*merged = (struct options){ 0 };
}

/* ---- the folder ---- */

static bool is_dir(const char *path)
{
	struct stat st;

	return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The one file in a folder that can be built. NULL: err. */
static const char *find_file(struct arena *a, const char *folder, struct err *err)
{
	static const char *const names[] = { "environment.yml", "environment.yaml" };
	const char *front = strcmp(folder, ".") == 0 ? ""
			    : str_ends(folder, "/")  ? folder
						     : arena_printf(a, "%s/", folder);
	const char *found = NULL;

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *path = arena_printf(a, "%s%s", front, names[i]);

		if (!fs_exists(AT_FDCWD, path))
			continue;
		if (found) {
			err_set(err, ERR_USAGE, "%s has an %s and an %s: name the one to take", folder, names[0],
				names[1]);
			return NULL;
		}
		found = path;
	}
	if (!found && fs_exists(AT_FDCWD, arena_printf(a, "%sconda-lock.yml", front)))
		return arena_printf(a, "%sconda-lock.yml", front);
	if (!found)
		err_set(err, ERR_USAGE, "%s is a folder without an environment.yml", folder);
	return found;
}

/* "My Project" -> "my-project": what every tool takes for an image's name. NULL where nothing is left. */
static const char *image_name(struct arena *a, const char *folder)
{
	auto_free char *real = realpath(folder, NULL);
	const char *slash = real ? strrchr(real, '/') : NULL;
	char *ret, *to;

	if (!slash)
		return NULL;
	ret = to = arena_strdup(a, slash + 1);
	for (const char *c = ret; *c; c++) {
		if (isalnum((unsigned char)*c))
			*to++ = (char)tolower((unsigned char)*c);
		else if (to > ret && to[-1] != '-')
			*to++ = '-';
	}
	while (to > ret && to[-1] == '-')
		to--;
	*to = '\0';
	return *ret ? ret : NULL;
}

static int read_config(const struct options *o, struct project *p, struct options *ret, struct err *err)
{
	const char *path = o->config;
	auto_buf text = { 0 };

	if (path && strcmp(path, "none") == 0)
		return 0;
	if (!path) {
		path = strcmp(p->dir, ".") == 0 ? CONFIG : arena_printf(&p->arena, "%s/" CONFIG, p->dir);
		if (strcmp(o->args[0], "-") == 0 || !fs_exists(AT_FDCWD, path))
			return 0;
	}
	if (fs_read(AT_FDCWD, path, CONFIG_MAX, &text, err) < 0)
		return -1;
	return project_parse(&p->arena, buf_cstr(&text), text.n, path, input_dir(&p->arena, path), ret, err);
}

int project_open(const struct options *o, struct project *ret, struct err *err)
{
	struct options file = { 0 };
	const char *path = o->args[0];

	*ret = (struct project){ 0 };
	if (o->n_args == 1 && is_dir(path)) {
		ret->name = image_name(&ret->arena, path);
		path = find_file(&ret->arena, path, err);
		if (!path)
			return -1;
	}
	ret->dir = input_dir(&ret->arena, path);
	if (read_config(o, ret, &file, err) < 0)
		return -1;
	project_merge(o, &file, &ret->options);
	ret->options.args[0] = path;
	opt_release(&file);
	return 0;
}

void project_release(struct project *p)
{
	project_forget(&p->options);
	arena_release(&p->arena);
	*p = (struct project){ 0 };
}
