#include "cmd/app.h"

#include <ctype.h>
#include <string.h>

#include "base/doc.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/tree.h"
#include "cmd/certificates.h"

#define USER_DEFAULT "conda"
#define UID_DEFAULT "1000"
#define UID_MAX 4294967294 /* the last is "no user" */
#define NAME_MAX_USER 31
#define CERTIFICATES_MAX ((uint64_t)16 << 20)
#define VALUE_MAX 65536

/* ---- words ---- */

struct word_list {
	const char **list;
	size_t n;
};

static void add_word(struct arena *a, struct word_list *w, struct buf *b)
{
	mem_grow(w->list, w->n);
	w->list[w->n++] = arena_strndup(a, buf_cstr(b), b->n);
	b->n = 0;
}

/* One character that may be quoted or escaped; *quote is ' or ", or 0 outside. */
static const char *take(const char *at, char *quote, struct buf *b)
{
	if (*quote && *at == *quote) {
		*quote = 0;
	} else if (!*quote && (*at == '\'' || *at == '"')) {
		*quote = *at;
	} else if (*at == '\\' && at[1] && *quote != '\'' && (!*quote || strchr("\\\"", at[1]))) {
		buf_addc(b, *++at);
	} else {
		buf_addc(b, *at);
	}
	return at + 1;
}

static int split(struct arena *a, const char *text, struct word_list *ret)
{
	auto_buf b = { 0 };
	bool inside = false;
	char quote = 0;

	for (const char *at = text; *at;) {
		if (!quote && strchr(" \t\n", *at)) {
			if (inside)
				add_word(a, ret, &b);
			inside = false;
			at++;
			continue;
		}
		inside = true;
		at = take(at, &quote, &b);
	}
	if (inside)
		add_word(a, ret, &b);
	return quote ? -1 : 0;
}

static int from_json(struct arena *a, const char *option, const char *text, struct word_list *ret, struct err *err)
{
	struct err why = ERR_INIT;
	const struct doc *d = doc_parse_json(a, text, strlen(text), "the list", &why);

	if (!d)
		return err_set(err, ERR_USAGE, "--%s is '%s': %s", option, text, why.text);
	for (size_t i = 0; i < d->n; i++) {
		if (d->items[i].type != DOC_STRING)
			return err_set(err, ERR_USAGE, "--%s is '%s': item %zu is a %s, expected a string", option,
				       text, i + 1, doc_type_name(d->items[i].type));
		mem_grow(ret->list, ret->n);
		ret->list[ret->n++] = d->items[i].text;
	}
	return 0;
}

int app_words(struct arena *a, const char *option, const char *text, const char *const **ret, struct err *err)
{
	struct word_list w = { 0 };
	int rc = 0;

	if (text[strspn(text, " \t\n")] == '[')
		rc = from_json(a, option, text, &w, err);
	else if (split(a, text, &w) < 0)
		rc = err_set(err, ERR_USAGE, "--%s is '%s': a quote has no end", option, text);
	if (rc == 0)
		*ret = arena_strlist(a, w.list, w.n);
	free(w.list);
	return rc;
}

/* ---- paths ---- */

const char *app_path(struct arena *a, const char *path)
{
	char *ret = arena_alloc(a, strlen(path) + 2);
	struct str rest = str_of(path), part;
	size_t n = 0;

	if (*path != '/')
		return NULL;
	while (str_cut(&rest, '/', &part)) {
		if (part.n == 0 || str_eq(part, "."))
			continue;
		if (str_eq(part, "..")) {
			if (!n)
				return NULL;
			while (ret[--n] != '/')
				;
			continue;
		}
		ret[n++] = '/';
		memcpy(ret + n, part.p, part.n);
		n += part.n;
	}
	if (!n)
		ret[n++] = '/';
	ret[n] = '\0';
	return n > 1 && tree_path_fault(ret + 1) ? NULL : ret;
}

const char *app_mount_at(const char *path, bool may_vanish)
{
	/* The latter: podman run --read-only, Kubernetes' emptyDir, systemd in a container. */
	static const char *const mounts[] = { "/dev", "/proc", "/sys", "/run", "/tmp", "/var/run", "/var/tmp" };

	for (size_t i = 0; i < (may_vanish ? COUNT(mounts) : 3); i++) {
		size_t n = strlen(mounts[i]);

		if (strncmp(path, mounts[i], n) == 0 && (path[n] == '/' || !path[n]))
			return mounts[i];
	}
	return NULL;
}

/* Nothing of the image's is seen there. */
static int check_mount(const char *option, const char *said, const char *path, struct err *err)
{
	const char *mount = app_mount_at(path, false);

	return mount ? err_set(err, ERR_USAGE, "--%s is '%s', but %s is the running container's own", option, said,
			       mount)
		     : 0;
}

static int read_workdir(const struct options *o, struct arena *a, struct app *ret, struct err *err)
{
	ret->workdir = o->workdir ? app_path(a, o->workdir) : ret->user.home;
	if (!ret->workdir)
		return err_set(err, ERR_USAGE, "--workdir is '%s', expected an absolute path", o->workdir);
	return 0;
}

static int read_volumes(const struct options *o, struct arena *a, struct app *ret, struct err *err)
{
	const char **list = arena_array(a, o->n_volumes + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < o->n_volumes; i++) {
		const char *path = app_path(a, o->volumes[i]);

		if (!path || strcmp(path, "/") == 0)
			return err_set(err, ERR_USAGE, "--volume is '%s', expected an absolute path below /",
				       o->volumes[i]);
		if (check_mount("volume", o->volumes[i], path, err) < 0)
			return -1;
		list[n++] = path;
	}
	if (n)
		qsort(list, n, sizeof(*list), str_ptr_cmp);
	ret->volumes = list;
	return 0;
}

/* ---- what is copied ---- */

static int read_copies(const struct options *o, struct arena *a, struct app *ret, struct err *err)
{
	struct app_copy *list = arena_array(a, o->n_copies, sizeof(*list));

	for (size_t i = 0; i < o->n_copies; i++) {
		const char *text = o->copies[i], *colon = strrchr(text, ':');
		struct app_copy *c = &list[i];

		if (!colon || colon == text || !colon[1])
			return err_set(err, ERR_USAGE, "--copy is '%s', expected SRC:DST, such as src:/app", text);
		c->from = arena_strndup(a, text, (size_t)(colon - text));
		c->into = str_ends(colon, "/") || strcmp(colon + 1, ".") == 0;
		c->to = app_path(a, colon[1] == '/' ? colon + 1 : arena_printf(a, "%s/%s", ret->workdir, colon + 1));
		if (!c->to)
			return err_set(err, ERR_USAGE, "--copy is '%s': '%s' is no path in the image", text, colon + 1);
		if (check_mount("copy", text, c->to, err) < 0)
			return -1;
	}
	ret->copies = list;
	ret->n_copies = o->n_copies;
	return 0;
}

/* ---- names and values ---- */

typedef const char *key_fault_fn(const char *key);

static const char *env_fault(const char *key)
{
	for (const char *c = key; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '.' && *c != '-')
			return "is no name of a variable: letters, digits and '_' are";
	return isdigit((unsigned char)*key) ? "begins with a digit" : NULL;
}

static const char *label_fault(const char *key)
{
	for (const char *c = key; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return "has a space or a control character";
	return str_starts(key, "io.condaimg.") ? "is one of those that condaimg sets itself" : NULL;
}

/* Each key once, in the order of its first mention; the last value counts. */
static int read_pairs(const char *option, const char *const *given, size_t n, key_fault_fn *fault, struct arena *a,
		      const struct annotation **ret, size_t *n_ret, struct err *err)
{
	struct annotation *list = arena_array(a, n, sizeof(*list));
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const char *eq = strchr(given[i], '='), *key, *why;
		size_t k = 0;

		if (!eq || eq == given[i])
			return err_set(err, ERR_USAGE, "--%s is '%s', expected NAME=VALUE", option, given[i]);
		key = arena_strndup(a, given[i], (size_t)(eq - given[i]));
		why = fault(key);
		if (why)
			return err_set(err, ERR_USAGE, "--%s %s: the name %s", option, key, why);
		if (strlen(eq + 1) > VALUE_MAX)
			return err_set(err, ERR_USAGE, "--%s %s: the value has more than %d bytes", option, key,
				       VALUE_MAX);
		while (k < count && strcmp(list[k].key, key) != 0)
			k++;
		list[k] = (struct annotation){ key, eq + 1 };
		count += k == count;
	}
	*ret = list;
	*n_ret = count;
	return 0;
}

static int pair_cmp(const void *x, const void *y)
{
	return strcmp(((const struct annotation *)x)->key, ((const struct annotation *)y)->key);
}

static void sort_pairs(const struct annotation *list, size_t n)
{
	if (n)
		qsort((void *)list, n, sizeof(*list), pair_cmp);
}

static int read_all_pairs(const struct options *o, struct arena *a, struct app *ret, struct err *err)
{
	if (read_pairs("env", o->envs, o->n_envs, env_fault, a, &ret->env, &ret->n_env, err) < 0 ||
	    read_pairs("label", o->labels, o->n_labels, label_fault, a, &ret->labels, &ret->n_labels, err) < 0 ||
	    read_pairs("annotation", o->annotations, o->n_annotations, label_fault, a, &ret->annotations,
		       &ret->n_annotations, err) < 0)
		return -1;
	sort_pairs(ret->labels, ret->n_labels);
	sort_pairs(ret->annotations, ret->n_annotations);
	return 0;
}

/* ---- ports ---- */

/* "8080", "53/udp" as OCI writes it, or NULL. */
static const char *port_text(struct arena *a, const char *text)
{
	struct str rest = str_of(text), number;
	const char *protocol;
	uint64_t v;

	str_cut(&rest, '/', &number);
	protocol = rest.p ? rest.p : "tcp";
	if (!num_parse(arena_strndup(a, number.p, number.n), 65535, &v) || v == 0 ||
	    (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 && strcmp(protocol, "sctp") != 0))
		return NULL;
	return arena_printf(a, "%u/%s", (unsigned)v, protocol);
}

static int read_ports(const struct options *o, struct arena *a, struct app *ret, struct err *err)
{
	const char **list = arena_array(a, o->n_ports + 1, sizeof(*list));

	for (size_t i = 0; i < o->n_ports; i++) {
		list[i] = port_text(a, o->ports[i]);
		if (!list[i])
			return err_set(err, ERR_USAGE, "--port is '%s', expected a number such as 8080, or 53/udp",
				       o->ports[i]);
	}
	if (o->n_ports)
		qsort(list, o->n_ports, sizeof(*list), str_ptr_cmp);
	ret->ports = list;
	return 0;
}

/* ---- user ---- */

/* What useradd takes, too. */
static bool is_user_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n && !s[n] && n <= NAME_MAX_USER && !isdigit((unsigned char)*s) && *s != '-';
}

/* Names that every passwd has, or their numbers, mean just these. */
static int check_known_user(const struct app_user *u, struct err *err)
{
	static const struct {
		const char *name, *uid;
	} known[] = { { "root", "0" }, { "nobody", "65534" } };

	for (size_t i = 0; i < COUNT(known); i++)
		if ((strcmp(u->name, known[i].name) == 0) != (strcmp(u->uid, known[i].uid) == 0))
			return err_set(err, ERR_USAGE, "--user is '%s:%s', but %s is the user %s", u->name, u->uid,
				       known[i].uid, known[i].name);
	return 0;
}

int app_user_parse(struct arena *a, const char *text, struct app_user *ret, struct err *err)
{
	struct str rest = str_of(text ? text : USER_DEFAULT), name;
	uint64_t uid = 0;

	str_cut(&rest, ':', &name);
	ret->name = arena_strndup(a, name.p, name.n);
	ret->uid = rest.p			      ? rest.p
		   : strcmp(ret->name, "root") == 0   ? "0"
		   : strcmp(ret->name, "nobody") == 0 ? "65534"
						      : UID_DEFAULT;
	if (!rest.p && num_parse(ret->name, UID_MAX, &uid)) {
		ret->uid = ret->name;
		ret->name = uid == 0 ? "root" : uid == 65534 ? "nobody" : USER_DEFAULT;
	}
	if (!is_user_name(ret->name) || !num_parse(ret->uid, UID_MAX, &uid))
		return err_set(err, ERR_USAGE,
			       "--user is '%s', expected NAME or NAME:UID, such as app:1001 (its group is 0)", text);
	ret->number = (uint32_t)uid;
	ret->uid = arena_printf(a, "%llu", (unsigned long long)uid);
	ret->home = uid == 0 ? "/root" : arena_printf(a, "/home/%s", ret->name);
	return check_known_user(ret, err);
}

/* ---- certificates ---- */

static int read_certificates(const struct options *o, struct arena *a, struct app *ret, struct err *err)
{
	auto_buf all = { 0 };

	for (size_t i = 0; i < o->n_ca_files; i++) {
		auto_buf text = { 0 };

		if (fs_read(AT_FDCWD, o->ca_files[i], CERTIFICATES_MAX, &text, err) < 0 ||
		    certificates_add(buf_cstr(&text), text.n, o->ca_files[i], &all, err) < 0)
			return err_at(err, "--ca-file");
	}
	if (all.n)
		ret->certificates = arena_strndup(a, all.p, all.n);
	return 0;
}

int app_read(const struct options *o, struct arena *a, struct app *ret, struct err *err)
{
	*ret = (struct app){ .shell = o->shell, .writable = o->writable };
	if (o->n_ignore_files)
		ret->ignore_files = arena_strlist(a, o->ignore_files, o->n_ignore_files);
	if (app_user_parse(a, o->user, &ret->user, err) < 0 || read_workdir(o, a, ret, err) < 0 ||
	    read_copies(o, a, ret, err) < 0 || read_all_pairs(o, a, ret, err) < 0 || read_ports(o, a, ret, err) < 0 ||
	    read_volumes(o, a, ret, err) < 0)
		return -1;
	if ((o->entrypoint && app_words(a, "entrypoint", o->entrypoint, &ret->entrypoint, err) < 0) ||
	    (o->cmd && app_words(a, "cmd", o->cmd, &ret->cmd, err) < 0))
		return -1;
	return read_certificates(o, a, ret, err);
}
