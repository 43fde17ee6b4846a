#include "script_world.h"

#include <stdio.h>
#include <sys/stat.h>

char world_prefix[64];

/* What is below it. */
static const char *const files[] = { "share/gdal/x", "share/proj/proj.db", "etc/fonts/fonts.conf", "bin/tool" };
static const char *const dirs[] = { "share", "share/gdal", "share/proj", "etc", "etc/fonts", "bin", "lib" };

static bool in(const char *const *list, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], path) == 0)
			return true;
	return false;
}

enum script_file world_look(void *arg, const char *path)
{
	size_t n = strlen(world_prefix);

	(void)arg;
	if (strcmp(path, world_prefix) == 0)
		return SCRIPT_DIR;
	if (strncmp(path, world_prefix, n) != 0 || path[n] != '/')
		return SCRIPT_UNKNOWN;
	if (in(files, COUNT(files), path + n + 1))
		return SCRIPT_FILE;
	return in(dirs, COUNT(dirs), path + n + 1) ? SCRIPT_DIR : SCRIPT_NONE;
}

const struct script_host world_host = { .look = world_look };

int world_setup(void **state)
{
	(void)state;
	snprintf(world_prefix, sizeof(world_prefix), "/tmp/condaimg-script-XXXXXX");
	if (!mkdtemp(world_prefix))
		return -1;
	for (size_t i = 0; i < COUNT(dirs); i++) {
		auto_free char *path = mem_printf("%s/%s", world_prefix, dirs[i]);

		if (mkdir(path, 0755) < 0)
			return -1;
	}
	for (size_t i = 0; i < COUNT(files); i++) {
		auto_free char *path = mem_printf("%s/%s", world_prefix, files[i]);
		FILE *f = fopen(path, "w");

		if (!f || fclose(f))
			return -1;
	}
	return 0;
}

int world_teardown(void **state)
{
	auto_free char *command = mem_printf("rm -rf '%s'", world_prefix);

	(void)state;
	return system(command);
}

const char *const world_variants[8][2] = { { NULL, NULL },
					   { "", NULL },
					   { "a", "b" },
					   { "two words", "" },
					   { "x*", NULL },
					   { "a/b.c:d", "/x" },
					   { "it's \"q\" $X \\n", "=" },
					   { "\n", "a" } };

void world_show(const struct script_env *e, struct buf *ret)
{
	auto_free const char **list = mem_array(e->n + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		if (e->vars[i].exported && e->vars[i].value)
			list[n++] = mem_printf("%s=%s", e->vars[i].name, e->vars[i].value);
	qsort(list, n, sizeof(*list), str_ptr_cmp);
	for (size_t i = 0; i < n; i++) {
		buf_add(ret, list[i], strlen(list[i]) + 1);
		free((void *)list[i]);
	}
}

void world_begin(struct script_env *e, struct arena *a, const char *const *variant)
{
	auto_free char *path = mem_printf("%s/bin:/usr/bin:/bin", world_prefix);

	script_env_init(e, a);
	script_env_set(e, "PATH", path);
	script_env_set(e, "CONDA_PREFIX", world_prefix);
	script_env_set(e, "CONDA_SHLVL", "1");
	if (variant[0])
		script_env_set(e, "A", variant[0]);
	if (variant[1])
		script_env_set(e, "B", variant[1]);
}
