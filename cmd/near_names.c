#include "cmd/near_names.h"

#include <string.h>

#include "base/str.h"

#define SIMILAR_MAX 3

/* Names of PyPI, of modules and of programs, and what conda-forge calls their packages. */
static const char *const conda_names[][2] = {
	{ "apache-airflow", "airflow" },
	{ "bs4", "beautifulsoup4" },
	{ "build", "python-build" },
	{ "cv2", "py-opencv" },
	{ "dateutil", "python-dateutil" },
	{ "discord", "discord.py" },
	{ "docker", "docker-py" },
	{ "dotenv", "python-dotenv" },
	{ "duckdb", "python-duckdb" },
	{ "flatbuffers", "python-flatbuffers" },
	{ "g++", "gxx" },
	{ "github3", "github3.py" },
	{ "golang", "go" },
	{ "ipython-notebook", "notebook" },
	{ "java", "openjdk" },
	{ "jdk", "openjdk" },
	{ "jwt", "pyjwt" },
	{ "kaleido", "python-kaleido" },
	{ "kubernetes", "python-kubernetes" },
	{ "magic", "python-magic" },
	{ "mpl_toolkits", "matplotlib" },
	{ "msgpack", "msgpack-python" },
	{ "mysqldb", "mysqlclient" },
	{ "node", "nodejs" },
	{ "npm", "nodejs" },
	{ "opencv-contrib-python", "opencv" },
	{ "opencv-contrib-python-headless", "opencv" },
	{ "opencv-python", "opencv" },
	{ "opencv-python-headless", "opencv" },
	{ "osgeo", "gdal" },
	{ "pil", "pillow" },
	{ "psycopg2-binary", "psycopg2" },
	{ "python3", "python" },
	{ "qt5", "qt" },
	{ "r", "r-base" },
	{ "serial", "pyserial" },
	{ "skimage", "scikit-image" },
	{ "sklearn", "scikit-learn" },
	{ "tables", "pytables" },
	{ "tensorflow-cpu", "tensorflow" },
	{ "tensorflow-gpu", "tensorflow" },
	{ "torch", "pytorch" },
	{ "torch_geometric", "pytorch_geometric" },
	{ "usb", "pyusb" },
	{ "xlib", "python-xlib" },
	{ "yaml", "pyyaml" },
	{ "zmq", "pyzmq" },
};

/* What files have that `conda env export` wrote elsewhere. A star stands for any end. */
static const struct {
	const char *name, *system;
} elsewhere[] = {
	{ "console_shortcut*", "Windows" },
	{ "intel-openmp-win*", "Windows" },
	{ "m2-*", "Windows" },
	{ "m2w64-*", "Windows" },
	{ "msys2-*", "Windows" },
	{ "pyobjc-*", "macOS" },
	{ "pyobjc", "macOS" },
	{ "pywin32", "Windows" },
	{ "pywin32-ctypes", "Windows" },
	{ "pywinpty", "Windows" },
	{ "ucrt", "Windows" },
	{ "vc", "Windows" },
	{ "vc14_runtime", "Windows" },
	{ "vcomp14", "Windows" },
	{ "vs2015_*", "Windows" },
	{ "vs2017_*", "Windows" },
	{ "vs2019_*", "Windows" },
	{ "vs2022_*", "Windows" },
	{ "win_inet_pton", "Windows" },
	{ "win_unicode_console", "Windows" },
	{ "wincertstore", "Windows" },
	{ "winpty", "Windows" },
};

struct channels {
	struct repodata *const *all;
	size_t n;
};

static bool has(const struct channels *c, const char *name)
{
	return repodata_has(c->all, c->n, name);
}

static const char *system_of(const char *name)
{
	for (size_t i = 0; i < COUNT(elsewhere); i++) {
		size_t n = strlen(elsewhere[i].name) - 1;

		if (elsewhere[i].name[n] == '*' ? strncmp(name, elsewhere[i].name, n) == 0
						: strcmp(name, elsewhere[i].name) == 0)
			return elsewhere[i].system;
	}
	return NULL;
}

/* One underscore, dash or dot is as good as another to people, and to pip. */
static bool is_alike(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(strchr("-_.", *a) && strchr("-_.", *b)))
			return false;
	return !*a && !*b;
}

static const char *called(const struct channels *c, const char *name)
{
	for (size_t i = 0; i < COUNT(conda_names); i++)
		if (is_alike(conda_names[i][0], name) && has(c, conda_names[i][1]))
			return conda_names[i][1];
	return NULL;
}

/* With and without what pip's names and conda's often differ by. */
static const char *affixed(struct arena *a, const struct channels *c, const char *asked)
{
	static const char *const before[] = { "python-", "py", "lib", "r-" };
	static const char *const behind[] = { "-python", "-py", "-cpu" };
	char *name = arena_strdup(a, asked);

	for (char *p = name; *p; p++)
		if (*p == '_')
			*p = '-';
	for (size_t i = 0; i < COUNT(before); i++) {
		const char *more = arena_printf(a, "%s%s", before[i], name);

		if (has(c, more))
			return more;
		if (str_starts(name, before[i]) && has(c, name + strlen(before[i])))
			return name + strlen(before[i]);
	}
	for (size_t i = 0; i < COUNT(behind); i++) {
		const char *more = arena_printf(a, "%s%s", name, behind[i]);

		if (has(c, more))
			return more;
		if (str_ends(name, behind[i])) {
			const char *less = arena_strndup(a, name, strlen(name) - strlen(behind[i]));

			if (has(c, less))
				return less;
		}
	}
	return NULL;
}

static struct near_names one_name(struct arena *a, const char *text, const char *name, const char *end)
{
	return (struct near_names){ arena_printf(a, "%s%s%s", text, name, end), arena_strlist(a, &name, 1) };
}

struct near_names near_names_of(struct arena *a, struct repodata *const *all, size_t n, const char *name)
{
	struct channels c = { all, n };
	const char *system = system_of(name), *other = system ? NULL : called(&c, name);
	struct near_names ret = { "", NULL };

	ret.names = repodata_similar(a, all, n, name, SIMILAR_MAX);
	if (system)
		return (struct near_names){ arena_printf(a, "; it is for %s alone", system),
					    arena_strlist(a, NULL, 0) };
	if (other)
		return one_name(a, "; conda calls it ", other, "");
	/* What looks just alike goes before everything else. */
	if (*ret.names && is_alike(*ret.names, name))
		return one_name(a, "; did you mean ", *ret.names, "?");
	other = affixed(a, &c, name);
	if (other)
		return one_name(a, "; did you mean ", other, "?");
	for (size_t k = 0; ret.names[k]; k++)
		ret.text = arena_printf(a, "%s%s %s%s", ret.text, k ? "," : "; did you mean", ret.names[k],
					ret.names[k + 1] ? "" : "?");
	return ret;
}
