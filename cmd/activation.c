#include "cmd/activation.h"

#include <string.h>

#include "base/doc.h"
#include "base/map.h"

#define FILE_MAX ((uint64_t)1 << 20)

static bool is_file(const char *path)
{
	const char *name = path + strlen(ACTIVATION_DIR);

	return str_starts(path, ACTIVATION_DIR) && str_ends(path, ".json") && !strchr(name, '/');
}

bool activation_is_in(const struct linked_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->paths[i].type == PATH_FILE && is_file(l->paths[i].path))
			return true;
	return false;
}

int activation_read(struct arena *a, struct tree *tree, const struct prefix *prefix, struct activation_file **ret,
		    size_t *n, struct err *err)
{
	auto_tree *t = tree;
	size_t skip = strlen(prefix->path); /* the tree's paths lack its first '/', and have one behind it */
	struct source *content;
	struct entry e;
	int got;

	while ((got = tree_next(t, &e, &content, err)) > 0) {
		auto_buf text = { 0 };

		if (e.type != ENTRY_FILE || !content || strlen(e.path) <= skip || !is_file(e.path + skip))
			continue;
		if (io_slurp(content, FILE_MAX, &text, err) < 0)
			return err_at(err, "%s", e.path + skip);
		mem_grow(*ret, *n);
		(*ret)[(*n)++] = (struct activation_file){ arena_strdup(a, e.path + skip + strlen(ACTIVATION_DIR)),
							   arena_strndup(a, text.p, text.n) };
	}
	return got;
}

static int file_cmp(const void *x, const void *y)
{
	return strcmp(((const struct activation_file *)x)->name, ((const struct activation_file *)y)->name);
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
	const struct doc *d = doc_parse_json(a, f->text, strlen(f->text), f->name, err);

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
		rc = merge_file(a, &files[i], &m, err);
	if (rc == 0) {
		if (m.n)
			qsort(m.list, m.n, sizeof(*m.list), variable_cmp);
		*ret = arena_dup(a, m.list, m.n * sizeof(*m.list));
		*n_ret = m.n;
	} else {
		err_at(err, ACTIVATION_DIR);
	}
	free(m.list);
	map_release(&m.map);
	return rc;
}
