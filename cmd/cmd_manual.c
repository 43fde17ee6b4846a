#include <stdio.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/repo2docker.h"

/* ---- roff ---- */

/* Running text: '-' would become a hyphen that nobody can paste, and a '.' or quote at a line's beginning a request. */
static void add_text(struct buf *ret, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool begins = !ret->n || ret->p[ret->n - 1] == '\n';

		if (begins && (s[i] == '.' || s[i] == '\''))
			buf_adds(ret, "\\&");
		if (s[i] == '\\')
			buf_adds(ret, "\\e");
		else if (s[i] == '-')
			buf_adds(ret, "\\-");
		else if (s[i] == '~')
			buf_adds(ret, "\\(ti");
		else if (s[i] == '^')
			buf_adds(ret, "\\(ha");
		else
			buf_addc(ret, s[i]);
	}
}

static void add_string(struct buf *ret, const char *s)
{
	add_text(ret, s, strlen(s));
}

/* A text with bold parts between '*', and a line's end. */
static void add_line(struct buf *ret, const char *s)
{
	bool bold = false;

	for (;; s++) {
		size_t n = strcspn(s, "*");

		add_text(ret, s, n);
		s += n;
		if (!*s)
			break;
		bold = !bold;
		buf_adds(ret, bold ? "\\fB" : "\\fR");
	}
	buf_addc(ret, '\n');
}

/* Placeholders ("FILE|none") in italics where they are capitals. */
static void add_placeholder(struct buf *ret, const char *s)
{
	bool italic = false;

	for (; *s; s++) {
		bool capital = *s >= 'A' && *s <= 'Z';

		if (capital != italic)
			buf_adds(ret, capital ? "\\fI" : "\\fR");
		italic = capital;
		add_text(ret, s, 1);
	}
	if (italic)
		buf_adds(ret, "\\fR");
}

static void add_section(struct buf *ret, const char *name)
{
	buf_addf(ret, ".SH %s\n", name);
}

static void begin_page(struct buf *ret, const char *name)
{
	buf_adds(ret, ".\\\" Printed by condaimg manual.\n.TH ");
	for (const char *c = name; *c; c++)
		buf_addc(ret, *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
	buf_adds(ret, " 1 \"" CONDAIMG_DATE "\" \"condaimg " CONDAIMG_VERSION "\" \"User Commands\"\n");
	/* Names and paths are not cut in two, and lines are not blown up to be even. */
	buf_adds(ret, ".nh\n.ad l\n");
}

/* ---- what all pages have ---- */

struct row {
	const char *name, *text;
};

static const struct row exit_codes[] = {
	{ "0", "It is done." },
	{ "1", "It failed. With *--check*: the lock is not current." },
	{ "2", "The options or the configuration make no sense." },
	{ "3", "No set of packages meets what is asked for." },
	{ "4", "A byte is not what was promised: a hash, a digest, a file that differs from its package's record." },
};

static const struct row variables[] = {
	{ "CONDAIMG_CACHE_DIR", "The cache, where *--cache-dir* does not name one." },
	{ "CONDAIMG_CACHE_DIRS", "Further caches, parted by ':', which are only read." },
	{ "CONDAIMG_CONDARC", "What *--condarc* says where it is not given." },
	{ "CONDAIMG_LAYER_CACHE", "What *--layer-cache* says where it is not given." },
	{ "SOURCE_DATE_EPOCH", "When the image was made, in seconds since 1970." },
	{ "CONDARC, CONDA_*, MAMBARC, MAMBA_ROOT_PREFIX", "Conda's and mamba's configuration, as they read it." },
	{ "CONDA_OVERRIDE_NAME", "The version of the virtual package __name; empty: there is none." },
	{ "NETRC, RATTLER_AUTH_FILE, BINSTAR_CONFIG_DIR", "Where logins for channels are." },
	{ "REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, DOCKER_CONFIG", "Where logins for registries are." },
	{ "CONTAINERS_REGISTRIES_CONF", "Instead of /etc/containers/registries.conf and that of the user." },
	{ "http_proxy, https_proxy, all_proxy, no_proxy", "Proxies, where conda's configuration names none." },
	{ "TERM, NO_COLOR, CLICOLOR_FORCE", "Whether the progress line and colours are for this terminal." },
};

static const struct row files[] = {
	{ "environment.yml, conda-lock.yml, condaimg.yml", "The environment, its lock, and further options." },
	{ "~/.cache/condaimg", "The cache: packages, indexes and layers. May be deleted at any time." },
	{ "~/.condarc", "Conda's configuration, one file of several; *condaimg config* lists them." },
};

static const struct row repo2docker_variables[] = {
	{ "CONDAIMG_JUPYTER", "What *--condaimg-jupyter* says." },
	{ "CONDAIMG_REPO2DOCKER", "What *--condaimg-fallback* says." },
	{ "GIT_CREDENTIAL_ENV", "The repository's login: \"username=NAME\\npassword=PASSWORD\"." },
	{ "CONTAINER_ENGINE_REGISTRY_CREDENTIALS",
	  "The registry's login: an object with *registry*, *username* and *password*." },
};

static const struct row repo2docker_exit_codes[] = {
	{ "0", "The image is there." },
	{ "1", "It failed. The last line of the log says why; with *--json-logs* its phase is \"failed\"." },
	{ "2", "There is no such option." },
};

static void add_rows(struct buf *ret, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_adds(ret, ".TP\n\\fB");
		add_string(ret, rows[i].name);
		buf_adds(ret, "\\fR\n");
		add_line(ret, rows[i].text);
	}
}

/* ---- a command's page ---- */

static void add_synopsis(struct buf *ret, const char *front, const struct command *c)
{
	buf_adds(ret, "\\fB");
	add_string(ret, front);
	buf_adds(ret, "\\fR ");
	add_placeholder(ret, c->args);
	buf_addf(ret, "%s[\\fIOPTIONS\\fR]\n", *c->args ? " " : "");
}

static void add_option(struct buf *ret, const struct option_told *o)
{
	buf_adds(ret, ".TP\n");
	if (o->letter)
		buf_addf(ret, "\\fB\\-%c\\fR, ", o->letter);
	buf_adds(ret, "\\fB\\-\\-");
	add_text(ret, o->name.p, o->name.n);
	buf_adds(ret, "\\fR");
	if (o->value) {
		buf_addc(ret, ' ');
		add_placeholder(ret, o->value);
	}
	buf_addc(ret, '\n');
	add_string(ret, o->help);
	buf_adds(ret, ".\n");
}

static void add_see_also(struct buf *ret, const struct commands *all, const struct command *but)
{
	add_section(ret, "SEE ALSO");
	if (but)
		buf_adds(ret, ".BR condaimg (1),\n");
	for (size_t i = 0; i < all->n; i++)
		if (&all->list[i] != but)
			buf_addf(ret, ".BR condaimg\\-%s (1),\n", all->list[i].name);
	if (but != &repo2docker_command)
		buf_adds(ret, ".BR condaimg\\-repo2docker (1),\n");
	buf_adds(ret, ".BR podman (1),\n.BR skopeo (1)\n");
}

static void add_command_page(struct buf *ret, const struct commands *all, const struct command *c)
{
	auto_free char *name = mem_printf("condaimg-%s", c->name), *spoken = mem_printf("condaimg %s", c->name);
	bool r2d = c == &repo2docker_command;
	struct option_told o;

	begin_page(ret, name);
	add_section(ret, "NAME");
	add_string(ret, name);
	buf_adds(ret, " \\- ");
	add_text(ret, c->summary, strlen(c->summary) - 1);
	buf_addc(ret, '\n');
	add_section(ret, "SYNOPSIS");
	add_synopsis(ret, spoken, c);
	if (r2d) {
		buf_adds(ret, ".br\n");
		add_synopsis(ret, "jupyter-repo2docker", c);
	}
	add_section(ret, "DESCRIPTION");
	if (c->details) {
		add_string(ret, c->details);
		buf_addc(ret, '\n');
	}
	add_section(ret, "OPTIONS");
	for (size_t i = 0; r2d ? repo2docker_tell(i, &o) : opt_tell(c, i, &o); i++)
		add_option(ret, &o);
	add_section(ret, "EXIT STATUS");
	if (r2d)
		add_rows(ret, repo2docker_exit_codes, COUNT(repo2docker_exit_codes));
	else
		add_rows(ret, exit_codes, COUNT(exit_codes));
	if (r2d) {
		add_section(ret, "ENVIRONMENT");
		add_rows(ret, repo2docker_variables, COUNT(repo2docker_variables));
	}
	add_see_also(ret, all, c);
}

/* ---- the program's page ---- */

static void add_summaries(struct buf *ret, const struct commands *all)
{
	for (size_t i = 0; i <= all->n; i++) {
		const struct command *c = i < all->n ? &all->list[i] : &repo2docker_command;

		buf_addf(ret, ".TP\n.BR condaimg\\-%s (1)\n", c->name);
		add_string(ret, c->summary);
		buf_addc(ret, '\n');
	}
}

static void add_program_page(struct buf *ret, const struct commands *all)
{
	begin_page(ret, "condaimg");
	add_section(ret, "NAME");
	buf_adds(ret, "condaimg \\- turn a conda environment into an OCI container image\n");
	add_section(ret, "SYNOPSIS");
	buf_adds(ret, "\\fBcondaimg\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n");
	add_section(ret, "DESCRIPTION");
	add_line(
		ret,
		"*condaimg* solves an environment.yml against conda channels, fetches and verifies the packages, and writes "
		"each into a layer of its own. There is no Dockerfile, no daemon and no root, and no command is run "
		"inside the image while it is made. The same lock gives the same digest on every machine.");
	buf_adds(ret, ".PP\n");
	add_line(
		ret,
		"stdout carries a command's result alone; progress, warnings and errors go to stderr. With *--json* the "
		"result is one JSON object, whose first key, \"schema\", says what it is.");
	add_section(ret, "COMMANDS");
	add_summaries(ret, all);
	add_section(ret, "EXIT STATUS");
	add_rows(ret, exit_codes, COUNT(exit_codes));
	add_section(ret, "ENVIRONMENT");
	add_rows(ret, variables, COUNT(variables));
	add_section(ret, "FILES");
	add_rows(ret, files, COUNT(files));
	add_section(ret, "EXAMPLES");
	buf_adds(ret, ".EX\n");
	add_string(ret, "condaimg build environment.yml -t app:1\n"
			"condaimg build environment.yml --push registry.example/team/app:1\n"
			"podman run --rm oci:app:1 python -c 'print(1)'\n");
	buf_adds(ret, ".EE\n");
	add_see_also(ret, all, NULL);
}

int cmd_manual(const struct options *o, struct err *err)
{
	const struct command *c = NULL;
	auto_buf page = { 0 };

	for (size_t i = 0; o->n_args && !c && i < o->commands->n; i++)
		if (strcmp(o->args[0], o->commands->list[i].name) == 0)
			c = &o->commands->list[i];
	if (o->n_args && strcmp(o->args[0], repo2docker_command.name) == 0)
		c = &repo2docker_command;
	if (o->n_args && !c)
		return err_set(err, ERR_USAGE, "there is no command '%s'; see condaimg --help", o->args[0]);
	if (c)
		add_command_page(&page, o->commands, c);
	else
		add_program_page(&page, o->commands);
	fputs(page.p, stdout);
	return 0;
}
