#include "cmd/activation.h"

#include <string.h>

#include "base/doc.h"
#include "base/map.h"

#define FILE_MAX ((uint64_t)1 << 20)

/* Right in the directory, not below. */
static bool is_in(const char *path, const char *dir, const char *ending)
{
	return str_starts(path, dir) && str_ends(path, ending) && !strchr(path + strlen(dir), '/');
}

bool activation_is_variables(const char *path)
{
	return is_in(path, ACTIVATION_DIR, ".json");
}

bool activation_is_script(const char *path)
{
	return is_in(path, ACTIVATION_SCRIPTS, ".sh");
}

static bool is_link_script(const struct linked_list *l, const char *path)
{
	for (const char *const *s = l->scripts; s && *s; s++)
		if (strcmp(*s, path) == 0)
			return true;
	return false;
}

bool activation_is_in(const struct linked_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->paths[i].type == PATH_FILE &&
		    (activation_is_variables(l->paths[i].path) || activation_is_script(l->paths[i].path)))
			return true;
	return l->scripts && l->scripts[0];
}

int activation_read(struct arena *a, struct tree *tree, const struct prefix *prefix, const struct linked_list *l,
		    size_t owner, struct activation_file **ret, size_t *n, struct err *err)
{
	auto_tree *t = tree;
	size_t skip = strlen(prefix->path); /* the tree's paths lack its first '/', and have one behind it */
	struct source *content;
	struct entry e;
	int got;

	while ((got = tree_next(t, &e, &content, err)) > 0) {
		const char *path = strlen(e.path) > skip ? e.path + skip : "";
		auto_buf text = { 0 };

		if (e.type != ENTRY_FILE ||
		    (!activation_is_variables(path) && !activation_is_script(path) && !is_link_script(l, path)))
			continue;
		if (content && io_slurp(content, FILE_MAX, &text, err) < 0)
			return err_at(err, "%s", path);
		mem_grow(*ret, *n);
		(*ret)[(*n)++] = (struct activation_file){ arena_strdup(a, path),
							   arena_strndup(a, buf_cstr(&text), text.n), owner };
	}
	return got;
}

static int file_cmp(const void *x, const void *y)
{
	return strcmp(((const struct activation_file *)x)->path, ((const struct activation_file *)y)->path);
}

static int variable_cmp(const void *x, const void *y)
{
	return strcmp(((const struct env_variable *)x)->name, ((const struct env_variable *)y)->name);
}

static bool is_settable(const char *name)
{
	return *name && !strchr(name, '=') && strcmp(name, "PATH") != 0;
}

struct merged {
	struct map map;
	struct env_variable *list;
	size_t n;
};

static int merge_file(struct arena *a, const struct activation_file *f, struct merged *m, struct err *err)
{
	const struct doc *d = doc_parse_json(a, f->text, strlen(f->text), f->path, err);

	if (!d)
		return -1;
	if (d->type != DOC_MAP)
		return doc_fault(d, err, "is a %s, expected a map of variables", doc_type_name(d->type));
	for (size_t i = 0; i < d->n; i++) {
		bool is_new;
		uint32_t at;

		if (d->items[i].type != DOC_STRING)
			return doc_fault(&d->items[i], err, "'%s' is a %s, expected a string", d->keys[i].text,
					 doc_type_name(d->items[i].type));
		if (!is_settable(d->keys[i].text))
			continue;
		at = map_put(&m->map, d->keys[i].text, (uint32_t)m->n, &is_new);
		if (is_new) {
			mem_grow(m->list, m->n);
			m->n++;
		}
		m->list[at] = (struct env_variable){ d->keys[i].text, d->items[i].text };
	}
	return 0;
}

int activation_merge(struct arena *a, struct activation_file *files, size_t n, const struct env_variable **ret,
		     size_t *n_ret, struct err *err)
{
	struct merged m = { 0 };
	int rc = 0;

	if (n)
		qsort(files, n, sizeof(*files), file_cmp);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (activation_is_variables(files[i].path))
			rc = merge_file(a, &files[i], &m, err);
	if (rc == 0) {
		if (m.n)
			qsort(m.list, m.n, sizeof(*m.list), variable_cmp);
		*ret = arena_dup(a, m.list, m.n * sizeof(*m.list));
		*n_ret = m.n;
	}
	free(m.list);
	map_release(&m.map);
	return rc;
}

/* ---- scripts ---- */

static void add_env(struct script_env *e, const char *text)
{
	const char *eq = strchr(text, '=');
	auto_free char *name = eq ? mem_printf("%.*s", (int)(eq - text), text) : NULL;

	if (name)
		script_env_set(e, name, eq + 1);
}

/* What differs between the environment as it was and as the scripts left it. */
static void find_changes(struct arena *a, const struct script_env *before, const struct script_env *after,
			 struct activation_result *ret)
{
	auto_free struct env_variable *list = mem_array(after->n + 1, sizeof(*list));
	size_t n = 0;

	/* Variables are never forgotten, so the first of both are the same. */
	for (size_t i = 0; i < after->n; i++) {
		const char *was = i < before->n && before->vars[i].exported ? before->vars[i].value : NULL;
		const char *is = after->vars[i].exported ? after->vars[i].value : NULL;

		if ((was != NULL) != (is != NULL) || (was && strcmp(was, is) != 0))
			list[n++] = (struct env_variable){ after->vars[i].name, is };
	}
	if (n)
		qsort(list, n, sizeof(*list), variable_cmp);
	ret->changes = arena_dup(a, list, n * sizeof(*list));
	ret->n_changes = n;
}

void activation_run(struct arena *a, const struct activation_file *files, size_t n, const char *const *env,
		    const struct script_host *host, struct activation_result *ret)
{
	auto_script_env before = { 0 }, e = { 0 };
	auto_free struct activation_more *more = NULL;

	*ret = (struct activation_result){ 0 };
	script_env_init(&before, a);
	script_env_init(&e, a);
	for (; *env; env++) {
		add_env(&before, *env);
		add_env(&e, *env);
	}
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;

		if (!activation_is_script(files[i].path) || script_run(&e, str_of(files[i].text), host, &why) == 0)
			continue;
		mem_grow(more, ret->n_more);
		more[ret->n_more++] = (struct activation_more){ files[i].path, arena_strdup(a, why.text) };
	}
	ret->more = arena_dup(a, more, ret->n_more * sizeof(*more));
	find_changes(a, &before, &e, ret);
}
