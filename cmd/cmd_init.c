#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/doc.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/config.h"
#include "cmd/init.h"

#define COMMENT_COLUMN 36
#define APP_DIR "/home/conda/app"
#define PORT "8080"

/* A file that may be written, and what is to be in it. */
struct draft {
	const char *name;
	struct buf text;
	bool exists; /* already, and stays */
};

enum { ENVIRONMENT, PROJECT, IGNORE, DRAFTS };

struct initing {
	struct init_world world;
	const struct options *o;
	struct draft drafts[DRAFTS];
};

static void initing_release(struct initing *i)
{
	for (size_t k = 0; k < DRAFTS; k++)
		buf_release(&i->drafts[k].text);
	init_release(&i->world);
}

/* A line with a comment behind it, in a column where that fits. */
static void add_line(struct buf *ret, const char *text, const char *comment)
{
	if (comment)
		buf_addf(ret, "%-*s  # %s\n", COMMENT_COLUMN, text, comment);
	else
		buf_addf(ret, "%s\n", text);
}

/* As a person would write it: in quotes only where YAML wants them. */
static void add_scalar(struct buf *ret, const char *text)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-=<>!~,+$ /";
	size_t n = strspn(text, fine);

	if (strchr(text, ' ') && isalpha((unsigned char)*text) && !text[n] && text[n - 1] != ' ')
		buf_adds(ret, text);
	else
		doc_write_yaml(ret, text);
}

static void add_item(struct buf *ret, const char *text, const char *comment)
{
	auto_buf line = { 0 };

	buf_adds(&line, "  - ");
	add_scalar(&line, text);
	add_line(ret, line.p, comment);
}

/* ---- environment.yml ---- */

static void add_channels(struct initing *i, struct buf *ret)
{
	buf_adds(ret, "channels:\n");
	for (size_t k = 0; k < i->o->n_channels; k++)
		add_item(ret, i->o->channels[k], NULL);
	if (!i->o->n_channels)
		add_item(ret, "conda-forge", NULL);
}

static void add_python(struct initing *i, struct buf *ret)
{
	struct init_world *w = &i->world;

	if (w->python)
		add_item(ret, arena_printf(&w->arena, "python %s", w->python), w->python_from);
	else
		add_item(ret, "python", "say which: python =3.12");
}

static void add_need(struct initing *i, const struct init_need *n, struct buf *ret)
{
	struct arena *a = &i->world.arena;
	const char *why = n->more ? arena_printf(a, "%s and %zu more", n->why, n->more) : n->why;

	add_item(ret, *n->spec ? arena_printf(a, "%s %s", n->name, n->spec) : n->name, why);
}

static void write_environment(struct initing *i, struct buf *ret)
{
	struct init_world *w = &i->world;

	buf_adds(
		ret,
		"# What condaimg init found in this folder, and where: a first guess, to be looked through.\n"
		"# Names are those of conda packages, which differ from pip's and from what is imported now and then.\n"
		"#   condaimg lock environment.yml     says whether they exist, and pins all of them in conda-lock.yml\n");
	add_channels(i, ret);
	buf_adds(ret, "dependencies:\n");
	add_python(i, ret);
	for (size_t k = 0; k < w->n_needs; k++)
		add_need(i, &w->needs[k], ret);
	if (w->has_notebooks)
		add_line(ret, "  # - jupyterlab", "to open the notebooks in the image");
	for (size_t k = 0; k < w->n_remarks; k++)
		buf_addf(ret, "# %s\n", w->remarks[k]);
}

/* ---- condaimg.yml ---- */

/* What a shell would have to be there for. */
static bool needs_shell(const char *command)
{
	size_t n = strcspn(command, " \t"), eq = strcspn(command, "=");

	return command[strcspn(command, "$&|;<>()`*?~#")] || eq < n;
}

/* Words as condaimg.yml has them: a text is split like a shell's, without variables. */
static void add_command(struct initing *i, const char *command, const char *from, struct buf *ret)
{
	struct arena *a = &i->world.arena;
	bool several = command[strcspn(command, "&|;")];
	auto_buf line = { 0 };

	buf_adds(&line, "cmd: ");
	if (!needs_shell(command)) {
		add_scalar(&line, command);
		add_line(ret, line.p, from);
		return;
	}
	buf_adds(&line, "[sh, -c, ");
	doc_write_yaml(&line, several || strcspn(command, "=") < strcspn(command, " ")
				      ? command
				      : arena_printf(a, "exec %s", command));
	buf_addc(&line, ']');
	add_line(ret, line.p, from);
	add_line(ret, "shell: true", "bash and coreutils: the command needs /bin/sh");
}

static void write_project(struct initing *i, struct buf *ret)
{
	struct init_world *w = &i->world;
	bool listens = w->command && strstr(w->command, "PORT");

	buf_adds(ret, "# Options of condaimg build for this folder, by their long names (condaimg build --help):\n"
		      "#   condaimg build .                  makes the image\n");
	add_line(ret, "copy:", NULL);
	add_line(ret, "  - .: " APP_DIR, "this folder, without what .dockerignore names");
	add_line(ret, "workdir: " APP_DIR, NULL);
	if (w->command)
		add_command(i, w->command, w->command_from, ret);
	else if (w->script)
		add_command(i, arena_printf(&w->arena, "python %s", w->script), "a guess: the file is there", ret);
	else
		add_line(ret, "# cmd: [python, -m, app]", "what is started; python, where nothing is said");
	if (listens)
		buf_adds(ret, "env:\n  PORT: " PORT "\nport: " PORT "\n");
	else
		add_line(ret, "# port: " PORT, "where it listens");
	add_line(ret, "# env: {NAME: value}", NULL);
	add_line(ret, "# user: conda:1000", "as whom it runs; any other user of group 0 may, too");
	if (!w->command || !needs_shell(w->command))
		add_line(ret, "# shell: true", "bash and coreutils, for kubectl exec and scripts");
	add_line(ret, "# push: registry.example/team/app:1", "where it is sent");
}

/* ---- .dockerignore ---- */

static void write_ignored(struct buf *ret)
{
	buf_adds(ret, "# What is not copied into the image.\n"
		      ".git\n"
		      ".dockerignore\n"
		      "environment.yml\n"
		      "conda-lock.yml\n"
		      "condaimg.yml\n"
		      "**/__pycache__\n"
		      "**/.ipynb_checkpoints\n"
		      ".env\n"
		      ".venv\n"
		      "venv\n"
		      "node_modules\n"
		      "Procfile\n"
		      "runtime.txt\n");
}

/* ---- all of it ---- */

static const char *path_of(struct initing *i, const char *name)
{
	return strcmp(i->world.dir, ".") == 0 ? name : arena_printf(&i->world.arena, "%s/%s", i->world.dir, name);
}

static bool is_there(struct initing *i, const char *name)
{
	struct stat st;

	return lstat(path_of(i, name), &st) == 0;
}

static void draft_all(struct initing *i)
{
	static const char *const names[DRAFTS] = { "environment.yml", "condaimg.yml", ".dockerignore" };

	for (size_t k = 0; k < DRAFTS; k++) {
		i->drafts[k].name = names[k];
		i->drafts[k].exists = is_there(i, names[k]);
	}
	i->drafts[ENVIRONMENT].exists |= is_there(i, "environment.yaml");
	write_environment(i, &i->drafts[ENVIRONMENT].text);
	write_project(i, &i->drafts[PROJECT].text);
	write_ignored(&i->drafts[IGNORE].text);
}

static int write_all(struct initing *i, struct err *err)
{
	for (size_t k = 0; k < DRAFTS; k++)
		if (!i->drafts[k].exists && fs_write(AT_FDCWD, path_of(i, i->drafts[k].name), i->drafts[k].text.p,
						     i->drafts[k].text.n, 0644, err) < 0)
			return -1;
	return 0;
}

static void print_json(struct initing *i)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", "init-1");
	json_key(&j, "files");
	json_array(&j);
	for (size_t k = 0; k < DRAFTS; k++) {
		json_object(&j);
		json_put_string(&j, "path", path_of(i, i->drafts[k].name));
		json_put_bool(&j, "written", !i->drafts[k].exists && !i->o->dry_run);
		if (!i->drafts[k].exists)
			json_put_string(&j, "text", i->drafts[k].text.p);
		json_end(&j);
	}
	json_end(&j);
	json_key(&j, "remarks");
	json_array(&j);
	for (size_t k = 0; k < i->world.n_remarks; k++)
		json_string(&j, i->world.remarks[k]);
	json_end(&j);
	json_end(&j);
	puts(out.p);
}

static void print_text(struct initing *i)
{
	bool first = true;

	for (size_t k = 0; k < DRAFTS; k++) {
		const struct draft *d = &i->drafts[k];

		if (d->exists)
			continue;
		if (i->o->dry_run)
			printf("%s# ---- %s\n%s", first ? "" : "\n", path_of(i, d->name), d->text.p);
		else
			puts(path_of(i, d->name));
		first = false;
	}
	for (size_t k = 0; k < i->world.n_remarks; k++)
		log_info("%s", i->world.remarks[k]);
}

int cmd_init(const struct options *o, struct err *err)
{
	CLEANUP(initing_release) struct initing i = { .o = o };
	struct stat st;
	const char *dir = o->n_args ? o->args[0] : ".";

	if (stat(dir, &st) < 0)
		return err_sys(err, "cannot read %s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "%s is no folder", dir);
	if (init_look(dir, &i.world, err) < 0)
		return -1;
	draft_all(&i);
	if (i.drafts[ENVIRONMENT].exists && i.drafts[PROJECT].exists)
		return err_set(err, ERR_USAGE,
			       "%s has an environment.yml and a condaimg.yml already, which are not touched", dir);
	if (!o->dry_run && write_all(&i, err) < 0)
		return -1;
	if (o->json)
		print_json(&i);
	else
		print_text(&i);
	return 0;
}
