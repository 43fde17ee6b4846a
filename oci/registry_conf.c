#include "oci/registry_conf.h"

#include <errno.h>

#include "base/doc.h"
#include "base/fs.h"
#include "base/log.h"

#define CONF_MAX ((uint64_t)1 << 20)
#define CERT_MAX ((uint64_t)1 << 20)

/* ---- a file ---- */

static int read_use(const struct doc *d, bool by_digest_only, enum registry_conf_use *ret, struct err *err)
{
	static const char *const names[] = { "all", "digest-only", "tag-only" };
	const char *text;

	*ret = by_digest_only ? REGISTRY_CONF_BY_DIGEST : REGISTRY_CONF_ALL;
	if (doc_get_string(d, "pull-from-mirror", NULL, &text, err) < 0)
		return -1;
	if (!text || !*text)
		return 0;
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum registry_conf_use)i;
			return 0;
		}
	return doc_fault(d, err, "pull-from-mirror is '%.100s', expected all, digest-only or tag-only", text);
}

static int read_mirrors(struct arena *a, const struct doc *list, struct registry_conf_rule *rule, struct err *err)
{
	if (!list)
		return 0;
	if (list->type != DOC_LIST)
		return doc_fault(list, err, "mirror is a %s, expected tables [[registry.mirror]]",
				 doc_type_name(list->type));
	rule->mirrors = arena_array(a, list->n, sizeof(*rule->mirrors));
	for (size_t i = 0; i < list->n; i++) {
		struct registry_conf_mirror *m = &rule->mirrors[i];

		if (doc_get_string(&list->items[i], "location", NULL, &m->location, err) < 0 ||
		    doc_get_bool(&list->items[i], "insecure", false, &m->insecure, err) < 0 ||
		    read_use(&list->items[i], rule->by_digest_only, &m->use, err) < 0)
			return -1;
		if (!m->location || !*m->location)
			return doc_fault(&list->items[i], err, "a mirror has no location");
		rule->n_mirrors++;
	}
	return 0;
}

static int read_rule(struct arena *a, const struct doc *d, struct registry_conf_rule *ret, struct err *err)
{
	*ret = (struct registry_conf_rule){ 0 };
	if (doc_get_string(d, "prefix", NULL, &ret->prefix, err) < 0 ||
	    doc_get_string(d, "location", NULL, &ret->location, err) < 0 ||
	    doc_get_bool(d, "insecure", false, &ret->insecure, err) < 0 ||
	    doc_get_bool(d, "blocked", false, &ret->blocked, err) < 0 ||
	    doc_get_bool(d, "mirror-by-digest-only", false, &ret->by_digest_only, err) < 0)
		return -1;
	if (!ret->prefix || !*ret->prefix)
		ret->prefix = ret->location;
	if (!ret->prefix || !*ret->prefix)
		return doc_fault(d, err, "a registry has neither prefix nor location");
	return read_mirrors(a, doc_find(d, "mirror"), ret, err);
}

static void put_rule(struct registry_conf *c, const struct registry_conf_rule *rule)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->rules[i].prefix, rule->prefix) == 0) {
			c->rules[i] = *rule;
			return;
		}
	mem_grow(c->rules, c->n);
	c->rules[c->n++] = *rule;
}

int registry_conf_parse(struct registry_conf *c, const char *p, size_t n, const char *name, struct err *err)
{
	const struct doc *d = registry_toml_parse(&c->arena, p, n, arena_strdup(&c->arena, name), err), *list;

	if (!d)
		return -1;
	if (doc_find(d, "registries"))
		return doc_fault(doc_find(d, "registries"), err,
				 "is of version 1, which podman reads no longer either; write [[registry]]");
	list = doc_find(d, "registry");
	if (list && list->type != DOC_LIST)
		return doc_fault(list, err, "registry is a %s, expected tables [[registry]]",
				 doc_type_name(list->type));
	for (size_t i = 0; list && i < list->n; i++) {
		struct registry_conf_rule rule;

		if (read_rule(&c->arena, &list->items[i], &rule, err) < 0)
			return -1;
		put_rule(c, &rule);
	}
	return 0;
}

/* 1: read, 0: there is none. */
static int read_file(struct registry_conf *c, const char *path, struct err *err)
{
	struct err fault = ERR_INIT;
	auto_buf text = { 0 };

	if (fs_read(AT_FDCWD, path, CONF_MAX, &text, &fault) < 0) {
		if (fault.sys == ENOENT || fault.sys == ENOTDIR || fault.sys == EACCES)
			return 0;
		*err = fault;
		return -1;
	}
	return registry_conf_parse(c, buf_cstr(&text), text.n, path, err) < 0 ? -1 : 1;
}

static int read_folder(struct registry_conf *c, const char *path, struct err *err)
{
	auto_arena a = { 0 };
	struct err none = ERR_INIT;
	const char *const *names;
	size_t n;

	if (!fs_exists(AT_FDCWD, path) || fs_list(&a, AT_FDCWD, path, &names, &n, &none) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (str_ends(names[i], ".conf") && read_file(c, arena_printf(&a, "%s/%s", path, names[i]), err) < 0)
			return -1;
	return 0;
}

static int read_with_folder(struct registry_conf *c, const char *path, struct err *err)
{
	auto_free char *folder = mem_printf("%s.d", path);
	int got = read_file(c, path, err);

	return got < 0 || read_folder(c, folder, err) < 0 ? -1 : got;
}

int registry_conf_read(struct registry_conf *c, const char *path, struct err *err)
{
	*c = (struct registry_conf){ 0 };
	if (path && !*path)
		return 0;
	if (path)
		return read_file(c, path, err) > 0 ? 0 : err->code ? -1 : err_set(err, ERR_IO, "there is no %s", path);
	return 0;
}

int registry_conf_read_usual(struct registry_conf *c, const char *named, const char *home, struct err *err)
{
	auto_free char *own = home ? mem_printf("%s/.config/containers/registries.conf", home) : NULL;
	int got = 0;

	*c = (struct registry_conf){ 0 };
	if (named && *named)
		return registry_conf_read(c, named, err);
	if (own) {
		got = read_with_folder(c, own, err);
		if (got != 0)
			return got < 0 ? -1 : 0;
	}
	return read_with_folder(c, "/etc/containers/registries.conf", err) < 0 ? -1 : 0;
}

void registry_conf_release(struct registry_conf *c)
{
	free(c->rules);
	arena_release(&c->arena);
	*c = (struct registry_conf){ 0 };
}

/* ---- look-up ---- */

/* How much of host/repo a prefix takes, or 0. */
static size_t takes(const char *prefix, const char *host, const char *name)
{
	size_t n = strlen(prefix);

	if (str_starts(prefix, "*."))
		return str_ends(host, prefix + 1) ? strlen(host) : 0;
	while (n && prefix[n - 1] == '/')
		n--;
	return n && strncmp(name, prefix, n) == 0 && (name[n] == '\0' || name[n] == '/') ? n : 0;
}

static const struct registry_conf_rule *find(const struct registry_conf *c, const char *host, const char *name,
					     size_t *taken)
{
	const struct registry_conf_rule *ret = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < c->n; i++) {
		size_t n = takes(c->rules[i].prefix, host, name);

		if (n && strlen(c->rules[i].prefix) > longest) {
			longest = strlen(c->rules[i].prefix);
			*taken = n;
			ret = &c->rules[i];
		}
	}
	return ret;
}

const struct registry_conf_rule *registry_conf_find(const struct registry_conf *c, const char *host, const char *repo)
{
	auto_free char *name = mem_printf("%s/%s", host, repo);
	size_t taken;

	return find(c, host, name, &taken);
}

/* location in the place of what the prefix took. */
static bool move(struct arena *a, const char *location, const char *name, size_t taken, struct registry_place *ret)
{
	const char *to = arena_printf(a, "%s%s", location, name + taken), *slash = strchr(to, '/');

	if (!slash || slash == to || !slash[1])
		return false;
	ret->host = arena_strndup(a, to, (size_t)(slash - to));
	ret->repo = slash + 1;
	return true;
}

struct registry_place *registry_conf_places(const struct registry_conf *c, struct arena *a, const struct ref *ref,
					    size_t *n)
{
	auto_free char *name = mem_printf("%s/%s", ref->host, ref->repo);
	size_t taken = 0;
	const struct registry_conf_rule *rule = find(c, ref->host, name, &taken);
	struct registry_place *ret = arena_array(a, 1 + (rule ? rule->n_mirrors : 0), sizeof(*ret));

	*n = 0;
	for (size_t i = 0; rule && i < rule->n_mirrors; i++) {
		ret[*n] = (struct registry_place){ .insecure = rule->mirrors[i].insecure, .use = rule->mirrors[i].use };
		if (move(a, rule->mirrors[i].location, name, taken, &ret[*n]))
			++*n;
	}
	ret[*n] = (struct registry_place){ .host = ref->host, .repo = ref->repo, .insecure = rule && rule->insecure };
	if (rule && rule->location && *rule->location)
		move(a, rule->location, name, taken, &ret[*n]);
	++*n;
	return ret;
}

/* ---- certs.d ---- */

static int add_ca(const char *path, struct buf *all, struct err *err)
{
	if (fs_read(AT_FDCWD, path, CERT_MAX, all, err) < 0)
		return -1;
	buf_addc(all, '\n');
	return 0;
}

static int read_certs(struct arena *a, const char *dir, struct buf *all, struct call_tls *ret, struct err *err)
{
	struct err none = ERR_INIT;
	const char *const *names;
	size_t n;

	if (!fs_exists(AT_FDCWD, dir) || fs_list(a, AT_FDCWD, dir, &names, &n, &none) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_printf(a, "%s/%s", dir, names[i]);
		const char *key = arena_printf(a, "%.*s.key", (int)(strlen(path) - strlen(".cert")), path);

		if (str_ends(names[i], ".crt") && add_ca(path, all, err) < 0)
			return -1;
		if (!str_ends(names[i], ".cert") || ret->cert || !fs_exists(AT_FDCWD, key))
			continue;
		ret->cert = path;
		ret->key = key;
	}
	return 0;
}

int registry_conf_certs(struct arena *a, const char *home, const char *host, struct call_tls *ret, struct err *err)
{
	const char *dirs[] = { home ? arena_printf(a, "%s/.config/containers/certs.d/%s", home, host) : NULL,
			       arena_printf(a, "/etc/containers/certs.d/%s", host),
			       arena_printf(a, "/etc/docker/certs.d/%s", host) };
	auto_buf all = { 0 };

	if (ret->ca)
		buf_addf(&all, "%s\n", ret->ca);
	for (size_t i = 0; i < COUNT(dirs); i++)
		if (dirs[i] && read_certs(a, dirs[i], &all, ret, err) < 0)
			return -1;
	ret->ca = all.n ? arena_strdup(a, all.p) : NULL;
	return 0;
}
