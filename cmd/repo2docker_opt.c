#include <stdlib.h>
#include <string.h>

#include "cmd/repo2docker.h"

/* RUN_*: accepted only where a container is run. UNHEEDED: what only Docker can do. NOTHING: without an effect here. */
enum kind { FLAG, TEXT, LIST, RUN_FLAG, RUN_TEXT, UNHEEDED, NOTHING_FLAG, NOTHING_TEXT };

struct option {
	const char *name;
	char letter;
	enum kind kind;
	size_t offset;
	bool ours; /* no beginning of its name stands for it: those are repo2docker's */
	const char *value, *help; /* for --help; help NULL: not told there */
};

#define AT(field) offsetof(struct r2d_options, field)

static const struct option table[] = {
	{ "ref", 0, TEXT, AT(ref), false, "REF", "the branch, tag or commit to take (default: the default branch)" },
	{ "subdir", 0, TEXT, AT(subdir), false, "DIR", "only this folder of the repository" },
	{ "image-name", 0, TEXT, AT(image), false, "IMAGE", "REGISTRY/NAME:TAG" },
	{ "push", 0, FLAG, AT(push), false, NULL, "push it there, as one manifest with docker's media types" },
	{ "no-push", 0, NOTHING_FLAG, 0, false, NULL, NULL },
	{ "user-id", 0, TEXT, AT(user_id), false, "UID",
	  "the number of the user as whom Jupyter runs (default: 1000)" },
	{ "user-name", 0, TEXT, AT(user_name), false, "NAME", "that user's name (default: jovyan)" },
	{ "target-repo-dir", 0, TEXT, AT(target_repo_dir), false, "DIR",
	  "where the repository is in the image (default: the user's home)" },
	{ "label", 0, LIST, AT(labels), false, "NAME=VALUE", "of the image; may be repeated" },
	{ "appendix", 0, TEXT, AT(appendix), false, "TEXT", "lines of a Dockerfile: ENV, LABEL" },
	{ "json-logs", 0, FLAG, AT(json_logs), false, NULL,
	  "a JSON object a line, with \"message\" and \"phase\", on stderr" },
	{ "no-build", 0, FLAG, AT(no_build), false, NULL, "only say which packages would be taken" },
	{ "build", 0, NOTHING_FLAG, 0, false, NULL, NULL },
	{ "no-run", 0, FLAG, AT(no_run), false, NULL, "containers are not run in any case" },
	{ "run", 0, FLAG, AT(run), false, NULL, NULL },
	{ "debug", 0, FLAG, AT(debug), false, NULL, "say more" },
	{ "help", 'h', FLAG, AT(help), false, NULL, "print this help" },
	{ "help-all", 0, FLAG, AT(help), false, NULL, NULL },
	{ "version", 0, FLAG, AT(version), false, NULL, "print the version" },
	{ "no-clean", 0, NOTHING_FLAG, 0, false, NULL, "no effect, as --clean: nothing is left behind in any case" },
	{ "clean", 0, NOTHING_FLAG, 0, false, NULL, NULL },
	{ "cache-from", 0, NOTHING_TEXT, 0, false, "IMAGE", "no effect: layers are known by what is in them" },
	{ "engine", 0, NOTHING_TEXT, 0, false, "ENGINE", "no effect: there is one" },
	{ "config", 0, TEXT, AT(config), false, "FILE", NULL },
	{ "build-memory-limit", 0, UNHEEDED, 0, false, "SIZE", NULL },
	{ "build-arg", 0, UNHEEDED, 0, false, "NAME=VALUE", NULL },
	{ "publish", 'p', RUN_TEXT, 0, false, "PORTS", NULL },
	{ "publish-all", 'P', RUN_FLAG, 0, false, NULL, NULL },
	{ "volume", 'v', RUN_TEXT, 0, false, "VOLUMES", NULL },
	{ "env", 'e', RUN_TEXT, 0, false, "NAME=VALUE", NULL },
	{ "editable", 'E', RUN_FLAG, 0, false, NULL, NULL },
	/* traitlets of the same meaning */
	{ "Repo2Docker.user_id", 0, TEXT, AT(user_id), true, "UID", NULL },
	{ "Repo2Docker.user_name", 0, TEXT, AT(user_name), true, "NAME", NULL },
	{ "Repo2Docker.ref", 0, TEXT, AT(ref), true, "REF", NULL },
	{ "Repo2Docker.subdir", 0, TEXT, AT(subdir), true, "DIR", NULL },
	{ "Repo2Docker.platform", 0, TEXT, AT(platform), true, "PLATFORM", NULL },
	{ "Repo2Docker.target_repo_dir", 0, TEXT, AT(target_repo_dir), true, "DIR", NULL },
	{ "Repo2Docker.appendix", 0, TEXT, AT(appendix), true, "TEXT", NULL },
	{ "condaimg-output", 0, TEXT, AT(output), true, "DEST",
	  "write the image there (as condaimg build -o does), without --push" },
	{ "condaimg-jupyter", 0, TEXT, AT(jupyter), true, "FILE|none",
	  "what else is asked for, as an environment.yml (or CONDAIMG_JUPYTER)" },
	{ "condaimg-option", 0, LIST, AT(build_options), true, "OPT",
	  "one more option for condaimg build; may be repeated" },
	{ "condaimg-fallback", 0, TEXT, AT(fallback), true, "PROGRAM",
	  "a real repo2docker, which gets all arguments where code would have to be run (or CONDAIMG_REPO2DOCKER)" },
};

void repo2docker_add(struct r2d_texts *t, const char *text)
{
	mem_grow(t->list, t->n);
	t->list[t->n++] = text;
}

static bool takes_value(const struct option *o)
{
	return o->kind == TEXT || o->kind == LIST || o->kind == RUN_TEXT || o->kind == UNHEEDED ||
	       o->kind == NOTHING_TEXT;
}

static void set(struct r2d_options *ret, const struct option *o, const char *value)
{
	void *at = (char *)ret + o->offset;

	switch (o->kind) {
	case FLAG:
		*(bool *)at = true;
		break;
	case TEXT:
		*(const char **)at = value;
		break;
	case LIST:
		repo2docker_add(at, value);
		break;
	case RUN_FLAG:
	case RUN_TEXT:
		ret->only_run = o->name;
		break;
	case UNHEEDED:
		ret->unheeded = o->name;
		break;
	case NOTHING_FLAG:
	case NOTHING_TEXT:
		break;
	}
	/* Of two that contradict each other the later counts. */
	if (o->offset == AT(run) && o->kind == FLAG)
		ret->no_run = false;
	if (o->offset == AT(no_run) && o->kind == FLAG)
		ret->run = false;
	if (strcmp(o->name, "no-push") == 0)
		ret->push = false;
	if (strcmp(o->name, "build") == 0)
		ret->no_build = false;
}

/* An exact name, else the only one that begins so. */
static const struct option *find(const char *text, size_t n, struct err *err)
{
	const struct option *found = NULL;

	for (size_t i = 0; i < COUNT(table); i++)
		if (strlen(table[i].name) == n && strncmp(table[i].name, text, n) == 0)
			return &table[i];
	for (size_t i = 0; i < COUNT(table); i++) {
		if (table[i].ours || strncmp(table[i].name, text, n) != 0)
			continue;
		if (found) {
			err_set(err, ERR_USAGE, "ambiguous option: --%.*s could match --%s, --%s", (int)n, text,
				found->name, table[i].name);
			return NULL;
		}
		found = &table[i];
	}
	if (!found)
		err_set(err, ERR_USAGE, "there is no option --%.*s", (int)n, text);
	return found;
}

/* The argument behind an option, which may be no option itself. NULL: err. */
static const char *value_behind(const struct option *o, int argc, char **argv, int *i, struct err *err)
{
	if (*i + 1 < argc && (argv[*i + 1][0] != '-' || !argv[*i + 1][1] || strchr(argv[*i + 1], ' ')))
		return argv[++*i];
	err_set(err, ERR_USAGE, "argument --%s: expected one argument", o->name);
	return NULL;
}

static int parse_long(int argc, char **argv, int *i, struct r2d_options *ret, struct err *err)
{
	const char *text = argv[*i] + 2, *eq = strchr(text, '='), *value = eq ? eq + 1 : NULL;
	const struct option *o = find(text, eq ? (size_t)(eq - text) : strlen(text), err);

	if (!o)
		return -1;
	if (!takes_value(o) && eq)
		return err_set(err, ERR_USAGE, "argument --%s: ignored explicit argument '%s'", o->name, value);
	if (takes_value(o) && !value && !(value = value_behind(o, argc, argv, i, err)))
		return -1;
	set(ret, o, value);
	return 0;
}

static int parse_letters(int argc, char **argv, int *i, struct r2d_options *ret, struct err *err)
{
	for (const char *at = argv[*i] + 1; *at; at++) {
		const struct option *o = NULL;
		const char *value = NULL;

		for (size_t k = 0; k < COUNT(table) && !o; k++)
			if (table[k].letter == *at)
				o = &table[k];
		if (!o)
			return err_set(err, ERR_USAGE, "there is no option -%c", *at);
		if (!takes_value(o)) {
			set(ret, o, NULL);
			continue;
		}
		value = at[1] ? at + 1 + (at[1] == '=') : value_behind(o, argc, argv, i, err);
		if (!value)
			return -1;
		set(ret, o, value);
		return 0;
	}
	return 0;
}

int repo2docker_parse(int argc, char **argv, struct r2d_options *ret, struct err *err)
{
	bool only_args = false;

	*ret = (struct r2d_options){ 0 };
	for (int i = 0; i < argc; i++) {
		const char *a = argv[i];
		int rc = 0;

		if (only_args || a[0] != '-' || !a[1]) {
			ret->repo = a;
			ret->command = argv[i + 1];
			break;
		}
		if (strcmp(a, "--") == 0)
			only_args = true;
		else if (a[1] == '-')
			rc = parse_long(argc, argv, &i, ret, err);
		else
			rc = parse_letters(argc, argv, &i, ret, err);
		if (rc < 0)
			return -1;
	}
	if (!ret->repo && !ret->help && !ret->version)
		return err_set(err, ERR_USAGE, "the following arguments are required: repo");
	return 0;
}

void repo2docker_release(struct r2d_options *o)
{
	free(o->labels.list);
	free(o->build_options.list);
	arena_release(&o->arena);
	*o = (struct r2d_options){ 0 };
}

bool repo2docker_tell(size_t i, struct option_told *ret)
{
	for (const struct option *o = table; o < table + COUNT(table); o++) {
		if (!o->help || i--)
			continue;
		*ret = (struct option_told){ .name = str_of(o->name),
					     .letter = o->letter,
					     .value = o->value,
					     .repeats = o->kind == LIST,
					     .help = o->help };
		return true;
	}
	return false;
}

const struct command repo2docker_command = {
	.name = "repo2docker",
	.args = "REPO",
	.summary = "Make an image of a repository in which JupyterHub can start Jupyter, as BinderHub asks for it.",
	.details =
		"REPO is a folder, an archive (tar, zip) or the URL of a git repository. Its environment.yml, in binder/,\n"
		".binder/ or the root, is solved together with Jupyter's own packages. Options are repo2docker's, also by\n"
		"their beginnings (--image=X). What cannot be done without running code in the image is an error that names\n"
		"it, unless another program is named to take over. The program does this by the name jupyter-repo2docker,\n"
		"too.",
};

void repo2docker_help(struct buf *ret)
{
	struct option_told o;

	buf_addf(ret,
		 "Usage: condaimg repo2docker [options] REPO\n       jupyter-repo2docker [options] REPO\n\n%s\n\n%s\n",
		 repo2docker_command.summary, repo2docker_command.details);
	buf_adds(ret, "\nOptions:\n");
	for (size_t i = 0; repo2docker_tell(i, &o); i++)
		opt_help_row(&o, ret);
}
