#include "cmd/link_effects.h"

#include <string.h>

#include "base/json.h"
#include "conda/pattern.h"

#define SERVER "etc/jupyter/jupyter_notebook_config.json"
#define NOTEBOOK "etc/jupyter/nbconfig/notebook.json"
#define TREE "etc/jupyter/nbconfig/tree.json"
#define SETTINGS_MAX 3

/*
 * A key that is true in a JSON file: what "jupyter serverextension enable --sys-prefix" and "jupyter nbextension
 * enable --sys-prefix" write (notebook 4 to 6).
 */
struct setting {
	const char *file, *key;
};

struct link_effect {
	const char *package; /* a glob */
	const char *sha256;
	const char *needs; /* the program that it runs */
	bool may_lack; /* without that program it does nothing; else it would fail */
	struct setting settings[SETTINGS_MAX];
};

/* What was read of which package stands in docs/features.md. */
static const struct link_effect table[] = {
	/* ipyparallel 6.1.1: --py ipyparallel; names from its _jupyter_*_paths() */
	{ "ipyparallel",
	  "94dc882f123967bc60bc83d2e5aa91aaa031353547948309643b6e4f0cc28807",
	  "bin/jupyter-nbextension",
	  true,
	  { { SERVER, "ipyparallel.nbextension" }, { TREE, "ipyparallel/main" } } },
	/* jupyter_nbextensions_configurator 0.4.0: names from its application.py */
	{ "jupyter_nbextensions_configurator",
	  "8d337776d51a1c14f62d1899ca0f3bccd24de687c0d49079e4ce43824d8d7355",
	  "bin/jupyter-nbextension",
	  false,
	  { { SERVER, "jupyter_nbextensions_configurator" },
	    { NOTEBOOK, "nbextensions_configurator/config_menu/main" },
	    { TREE, "nbextensions_configurator/tree_tab/main" } } },
	/* nb_conda 2.2.1 */
	{ "nb_conda",
	  "ac1c65a6424772711e73bdd176fca554b69106595c7015a6b0f2953a8ed05e3e",
	  "bin/jupyter-nbextension",
	  false,
	  { { SERVER, "nb_conda" }, { NOTEBOOK, "nb_conda/main" }, { TREE, "nb_conda/tree" } } },
	/* nbpresent 3.0.2 */
	{ "nbpresent",
	  "69a63a7c3f379964ae3471c2d923f5e6226096cd8642a712290831b374ba5f8c",
	  "bin/jupyter-nbextension",
	  false,
	  { { SERVER, "nbpresent" }, { NOTEBOOK, "nbpresent/js/nbpresent.min" } } },
	/* vim 8.1.0390: does nothing unless the environment is the one that is active, which a new one is not */
	{ "vim", "6be56117c7f65f001d02a61c81a0c72f0ff90ee5d7aef31ae4c8cff035441038", NULL, false, { { 0 } } },
};

const struct link_effect *link_effects_find(const char *package, const struct digest *script)
{
	for (size_t i = 0; i < COUNT(table); i++) {
		struct digest d;

		if (digest_parse(table[i].sha256, &d) && digest_equal(&d, script) &&
		    pattern_glob(table[i].package, package))
			return &table[i];
	}
	return NULL;
}

const char *link_effects_id(const struct link_effect *e)
{
	return e->sha256;
}

const struct link_effect *link_effects_by_id(const char *id)
{
	for (size_t i = 0; i < COUNT(table); i++)
		if (strcmp(table[i].sha256, id) == 0)
			return &table[i];
	return NULL;
}

const char *link_effects_needs(const struct link_effect *e)
{
	return e->needs;
}

bool link_effects_may_lack(const struct link_effect *e)
{
	return e->may_lack;
}

const char *link_effects_file(const struct link_effect *e, size_t i)
{
	return i < SETTINGS_MAX ? e->settings[i].file : NULL;
}

/* The keys that all of them set in a file, sorted; grown by mem_grow. */
static size_t collect(const char *const *ids, const char *file, const char ***ret)
{
	size_t n = 0;

	for (; *ids; ids++) {
		const struct link_effect *e = link_effects_by_id(*ids);

		for (size_t i = 0; e && i < SETTINGS_MAX && e->settings[i].file; i++)
			if (strcmp(e->settings[i].file, file) == 0) {
				mem_grow(*ret, n);
				(*ret)[n++] = e->settings[i].key;
			}
	}
	if (n)
		qsort(*ret, n, sizeof(**ret), str_ptr_cmp);
	return n;
}

/* As json.dump(..., indent=2) has it, without a newline at its end. */
static void write_settings(struct buf *b, const char *file, const char *const *keys, size_t n)
{
	struct json j = { .out = b, .indent = 2 };
	bool server = strcmp(file, SERVER) == 0;

	json_object(&j);
	json_key(&j, server ? "NotebookApp" : "load_extensions");
	json_object(&j);
	if (server) {
		json_key(&j, "nbserver_extensions");
		json_object(&j);
	}
	for (size_t i = 0; i < n; i++)
		json_put_bool(&j, keys[i], true);
	if (server)
		json_end(&j);
	json_end(&j);
	json_end(&j);
}

static void add_dirs(struct tree *t, const char *prefix)
{
	static const char *const dirs[] = { "etc", "etc/jupyter", "etc/jupyter/nbconfig" };

	for (size_t i = 0; i < COUNT(dirs); i++) {
		auto_free char *path = mem_printf("%s/%s", prefix + 1, dirs[i]);

		tree_memory_dir(t, path, 0755);
	}
}

static const char *const files[] = { SERVER, NOTEBOOK, TREE };

bool link_effects_may_write(const char *path)
{
	for (size_t i = 0; i < COUNT(files); i++)
		if (strcmp(files[i], path) == 0)
			return true;
	return false;
}

void link_effects_write(struct tree *t, const char *prefix, const char *const *ids)
{
	bool any = false;

	for (size_t i = 0; i < COUNT(files); i++) {
		auto_free const char **keys = NULL;
		auto_free char *path = mem_printf("%s/%s", prefix + 1, files[i]);
		size_t n = collect(ids, files[i], &keys);
		auto_buf text = { 0 };

		if (!n)
			continue;
		if (!any)
			add_dirs(t, prefix);
		any = true;
		write_settings(&text, files[i], keys, n);
		tree_memory_file(t, path, 0644, text.p, text.n);
	}
}
