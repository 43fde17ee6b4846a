/*
 * What a folder of Python needs, as far as it can be told without running anything: imports, requirements.txt, pyproject.toml,
 * notebooks, Procfile, runtime.txt. All of it is a guess to begin with, which says where it comes from.
 */
#ifndef CMD_INIT_H
#define CMD_INIT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define INIT_FILE_MAX ((uint64_t)4 << 20)
#define INIT_FILES_MAX 5000
#define INIT_DEPTH_MAX 12

/* A package that is needed. */
struct init_need {
	const char *name; /* conda's */
	const char *spec; /* ">=1.2,<2", or "" */
	const char *why; /* "requirements.txt", "imported by src/a.py" */
	size_t more; /* further files that import it */
};

struct init_world {
	struct arena arena;
	const char *dir;
	struct init_need *needs;
	size_t n_needs;
	const char **local; /* names that are modules of the folder itself */
	size_t n_local;
	const char **imports; /* pairs: a module's dotted name, the file */
	size_t n_imports;
	const char **remarks; /* sentences for the user: what cannot be had from a channel */
	size_t n_remarks;
	const char *python, *python_from; /* "=3.11", ">=3.9"; or NULL */
	const char *command, *command_from; /* of a Procfile, as it stands there; or NULL */
	const char *script; /* a file in the folder that looks like the program; or NULL */
	bool has_notebooks, has_lock;
	size_t files; /* that were looked at */
};

/* ERR_IO: the folder cannot be read. To be released in any case. */
int init_look(const char *dir, struct init_world *ret, struct err *err);
void init_release(struct init_world *w);

/* ---- among the files that make up this module ---- */

void init_need(struct init_world *w, const char *name, const char *spec, const char *why);
void init_remark(struct init_world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void init_import(struct init_world *w, const char *module, const char *file);

/* Each module that Python text imports, by its dotted name; relative ones are left out. */
void init_scan_python(const char *text, void (*found)(void *arg, struct str module), void *arg);
void init_read_python(struct init_world *w, const char *text, const char *file);
void init_read_notebook(struct init_world *w, const char *text, size_t n, const char *file);

/* One requirement as pip has it: "Name[extra] >=1,<2 ; marker # comment". */
void init_read_requirement(struct init_world *w, struct str line, const char *file);
void init_read_requirements(struct init_world *w, const char *text, const char *file, unsigned depth);
void init_read_pyproject(struct init_world *w, const char *text, const char *file);
/* A version of Python as its standard asks for it, as conda's: "~=1.4" stays, "==1.4.*" becomes "=1.4". In a. */
const char *init_version(struct arena *a, struct str pep440);
/* The same of Poetry's: "^1.2" is ">=1.2,<2". */
const char *init_poetry_version(struct arena *a, struct str text);

/* Whether a module comes with Python. */
bool init_is_standard(const char *module);
/* The conda package that has a module (by its dotted name), or is what pip calls by that name. In a. */
const char *init_package_of_module(struct arena *a, const char *module);
const char *init_package_of_pip(struct arena *a, struct str name);
/* The same package to both, whatever the letters' case and '-', '_', '.'. */
bool init_same_name(const char *x, const char *y);

#endif
