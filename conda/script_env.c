/* The variables of a script, and which of them are not its own to know or to set. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conda/script_impl.h"

struct script_var *script_env_find(const struct script_env *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->vars[i].name, name) == 0)
			return &e->vars[i];
	return NULL;
}

struct script_var *script_env_add(struct script_env *e, const char *name)
{
	struct script_var *v = script_env_find(e, name);

	if (v)
		return v;
	mem_grow(e->vars, e->n);
	e->vars[e->n] = (struct script_var){ .name = arena_strdup(e->arena, name) };
	return &e->vars[e->n++];
}

void script_env_init(struct script_env *e, struct arena *a)
{
	*e = (struct script_env){ .arena = a };
	script_env_add(e, "IFS")->value = " \t\n";
}

void script_env_set(struct script_env *e, const char *name, const char *value)
{
	struct script_var *v = script_env_add(e, name);

	v->value = arena_strdup(e->arena, value);
	v->exported = true;
}

const char *script_env_get(const struct script_env *e, const char *name)
{
	const struct script_var *v = script_env_find(e, name);

	return v ? v->value : NULL;
}

void script_env_release(struct script_env *e)
{
	free(e->vars);
	*e = (struct script_env){ 0 };
}

/* Set by the shell, the terminal or the container's runtime. */
bool script_is_foreign(const char *name)
{
	static const char *const names[] = {
		"COLUMNS",
		"COMP_WORDBREAKS",
		"CONDA_EXE",
		"CONDA_PROMPT_MODIFIER",
		"CONDA_PYTHON_EXE",
		"COPROC",
		"DIRSTACK",
		"DISPLAY",
		"EPOCHREALTIME",
		"EPOCHSECONDS",
		"EUID",
		"FPATH",
		"FUNCNAME",
		"GROUPS",
		"HISTCMD",
		"HOSTNAME",
		"HOSTTYPE",
		"LINENO",
		"LINES",
		"LOGNAME",
		"MACHTYPE",
		"OLDPWD",
		"OPTARG",
		"OPTERR",
		"OPTIND",
		"OSTYPE",
		"PIPESTATUS",
		"POSIXLY_CORRECT",
		"PPID",
		"PS1",
		"PS2",
		"PS4",
		"PWD",
		"RANDOM",
		"SECONDS",
		"SHELL",
		"SHELLOPTS",
		"SHLVL",
		"SRANDOM",
		"TERM",
		"UID",
		"USER",
		"XDG_RUNTIME_DIR",
		"_",
		"_CE_CONDA",
		"_CE_M",
		"container",
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return str_starts(name, "BASH") || str_starts(name, "ZSH");
}

bool script_is_magic(const char *name)
{
	static const char *const names[] = { "COPROC",	 "DIRSTACK",  "EPOCHREALTIME", "EPOCHSECONDS",	  "EUID",
					     "FUNCNAME", "GROUPS",    "HISTCMD",       "LC_ALL",	  "LC_COLLATE",
					     "LC_CTYPE", "LINENO",    "OPTIND",	       "POSIXLY_CORRECT", "PPID",
					     "RANDOM",	 "SECONDS",   "SHELLOPTS",     "SRANDOM",	  "UID",
					     "_",	 "GLOBIGNORE" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return str_starts(name, "BASH") || str_starts(name, "ZSH");
}

int script_more(struct script_run *r, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(r->err, ERR_FORMAT, "line %u: %s", r->line, text);
}

int script_assign(struct script_run *r, const char *name, const char *value)
{
	if (script_is_magic(name))
		return script_more(r, "sets $%s", name);
	script_env_add(r->env, name)->value = arena_strdup(r->env->arena, value);
	return 0;
}
