#include "cmd/config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "fetch/url.h"

#define FILE_MAX ((uint64_t)1 << 20)
#define NONE "none"

extern char **environ;

const char *config_variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

const char *config_place(struct arena *a, const char *path)
{
	const char *home = config_variable("HOME");
	size_t n = home ? strlen(home) : 0;

	while (n && home[n - 1] == '/')
		n--;
	if (n && strncmp(path, home, n) == 0 && path[n] == '/')
		return arena_printf(a, "~%s", path + n);
	return arena_strdup(a, path);
}

/* ---- where to look ---- */

struct search {
	struct config *c;
	const char **paths; /* files to read, in order, each once */
	size_t n;
};

static bool is_type(const char *path, mode_t type)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

static void add_file(struct search *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->paths[i], path) == 0)
			return;
	mem_grow(s->paths, s->n);
	s->paths[s->n++] = path;
}

static void add_folder(struct search *s, const char *path)
{
	const char *const *names;
	struct err err = ERR_INIT;
	size_t n;

	if (fs_list(&s->c->arena, AT_FDCWD, path, &names, &n, &err) < 0) {
		log_debug("%s", err.text);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *file = arena_printf(&s->c->arena, "%s/%s", path, names[i]);

		if ((str_ends(file, ".yml") || str_ends(file, ".yaml")) && is_type(file, S_IFREG))
			add_file(s, file);
	}
}

/* A file, or a folder's .yml and .yaml files. */
static void add_path(struct search *s, const char *path)
{
	if (is_type(path, S_IFREG))
		add_file(s, path);
	else if (is_type(path, S_IFDIR))
		add_folder(s, path);
}

/* "condarc" in folder: .condarc, condarc, condarc.d. */
static void add_family(struct search *s, const char *folder, const char *name)
{
	add_path(s, arena_printf(&s->c->arena, "%s/.%s", folder, name));
	add_path(s, arena_printf(&s->c->arena, "%s/%s", folder, name));
	add_path(s, arena_printf(&s->c->arena, "%s/%s.d", folder, name));
}

static void add_both(struct search *s, const char *folder)
{
	add_family(s, folder, "condarc");
	add_path(s, arena_printf(&s->c->arena, "%s/.mambarc", folder));
}

/* Where conda is, which conda itself takes for CONDA_ROOT: its executable's folder tells. */
const char *config_conda_root(struct arena *a)
{
	const char *root = config_variable("CONDA_ROOT"), *exe = config_variable("CONDA_EXE");
	const char *slash;

	if (root || !exe)
		return root;
	slash = strrchr(exe, '/');
	if (!slash || slash == exe)
		return NULL;
	exe = arena_strndup(a, exe, (size_t)(slash - exe));
	slash = strrchr(exe, '/');
	return slash && slash > exe ? arena_strndup(a, exe, (size_t)(slash - exe)) : NULL;
}

static void add_user(struct search *s, const char *tool, const char *family)
{
	const char *home = config_variable("HOME"), *xdg = config_variable("XDG_CONFIG_HOME");
	struct arena *a = &s->c->arena;

	if (xdg)
		add_family(s, arena_printf(a, "%s/%s", xdg, tool), family);
	if (!home)
		return;
	add_family(s, arena_printf(a, "%s/.config/%s", home, tool), family);
	add_family(s, arena_printf(a, "%s/.%s", home, tool), family);
	add_path(s, arena_printf(a, "%s/.%s", home, family));
}

/* conda's order, and mamba's own files behind conda's of the same kind. The later goes before the earlier. */
static void find_files(struct search *s)
{
	const char *root = config_conda_root(&s->c->arena), *mamba_root = config_variable("MAMBA_ROOT_PREFIX");
	const char *prefix = config_variable("CONDA_PREFIX");

	add_both(s, "/etc/conda");
	add_both(s, "/var/lib/conda");
	if (root)
		add_both(s, root);
	if (mamba_root)
		add_both(s, mamba_root);
	add_user(s, "conda", "condarc");
	add_user(s, "mamba", "mambarc");
	if (prefix)
		add_both(s, prefix);
	if (config_variable("CONDARC"))
		add_path(s, config_variable("CONDARC"));
	if (config_variable("MAMBARC"))
		add_path(s, config_variable("MAMBARC"));
}

/* ---- reading ---- */

static int read_file(struct config *c, const char *path, struct condarc *ret, const char *const **unknown,
		     struct err *err)
{
	const char *name = config_place(&c->arena, path);
	auto_buf text = { 0 };

	if (fs_read(AT_FDCWD, path, FILE_MAX, &text, err) < 0)
		return -1;
	log_debug("configuration: %s", name);
	return condarc_parse(&c->arena, buf_cstr(&text), text.n, name, ret, unknown, err);
}

/* What is CONDA_X goes before what is MAMBA_X; the environment's own order is chance. */
static int read_variables(struct config *c, struct condarc *ret, struct err *err)
{
	static const char *const fronts[] = { "CONDA_", "MAMBA_" };
	auto_arena own = { 0 };
	const char **list;
	size_t n = 0;

	while (environ[n])
		n++;
	list = arena_array(&own, n + 1, sizeof(*list));
	for (size_t i = 0; i < n; i++)
		list[i] = environ[i];
	qsort(list, n, sizeof(*list), str_ptr_cmp);
	for (size_t f = 0; f < COUNT(fronts); f++)
		for (size_t i = 0; i < n; i++) {
			const char *eq = strchr(list[i], '=');
			const char *name = eq ? arena_strndup(&own, list[i], (size_t)(eq - list[i])) : "";

			if (str_starts(name, fronts[f]) && condarc_add_variable(&c->arena, ret, name, eq + 1, err) < 0)
				return -1;
		}
	return 0;
}

static const char *look_up(const char *name)
{
	return getenv(name);
}

static void note_ignored(struct config *c, const char *const *unknown, const char ***list, size_t *n)
{
	(void)c;
	for (; *unknown; unknown++) {
		log_debug("configuration: %s is ignored", *unknown);
		mem_grow(*list, *n);
		(*list)[(*n)++] = *unknown;
	}
}

static int read_sources(struct config *c, const struct search *s, struct err *err)
{
	auto_free struct condarc *sources = mem_array(s->n + 1, sizeof(*sources));
	auto_free const char **ignored = NULL;
	const char **files = arena_array(&c->arena, s->n + 1, sizeof(*files));
	size_t n_ignored = 0;

	for (size_t i = 0; i < s->n; i++) {
		const char *const *unknown;

		if (read_file(c, s->paths[i], &sources[i], &unknown, err) < 0)
			return -1;
		files[i] = s->paths[i];
		note_ignored(c, unknown, &ignored, &n_ignored);
	}
	c->files = files;
	c->ignored = arena_strlist(&c->arena, ignored, n_ignored);
	if (read_variables(c, &sources[s->n], err) < 0)
		return -1;
	return condarc_merge(&c->arena, sources, s->n + 1, look_up, &c->rc, err);
}

int config_read_settings(const char *condarc, struct config *ret, struct err *err)
{
	struct search s = { .c = ret };
	int rc = 0;

	*ret = (struct config){ 0 };
	ret->files = ret->ignored = arena_strlist(&ret->arena, NULL, 0);
	if (!condarc)
		condarc = config_variable("CONDAIMG_CONDARC");
	ret->none = condarc && strcmp(condarc, NONE) == 0;
	if (!condarc)
		find_files(&s);
	else if (!ret->none)
		add_file(&s, condarc);
	if (!ret->none)
		rc = read_sources(ret, &s, err);
	free(s.paths);
	if (rc < 0)
		return err_at(err, "configuration (--condarc none leaves it out)");
	config_names(ret);
	return 0;
}

int config_read(const char *condarc, struct config *ret, struct err *err)
{
	if (config_read_settings(condarc, ret, err) < 0)
		return -1;
	ret->auth = config_logins(ret);
	return 0;
}

void config_release(struct config *c)
{
	auth_free(c->auth);
	arena_release(&c->arena);
	*c = (struct config){ 0 };
}

/* ---- for others ---- */

const char *config_redact(struct arena *a, const char *text)
{
	const char *at = strrchr(text, '@');

	if (url_has_scheme(text))
		return url_redact(a, text);
	if (str_starts(text, "t/") && strchr(text + 2, '/'))
		return arena_strdup(a, strchr(text + 2, '/') + 1);
	/* a proxy may be written without its scheme */
	return arena_strdup(a, at && strchr(text, ':') ? at + 1 : text);
}
