#include "cmd/completion.h"
#include "cmd/repo2docker.h"

/* Within '...' of fish. */
static void add_quoted(struct buf *ret, const char *s)
{
	buf_addc(ret, '\'');
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_addc(ret, '\\');
		buf_addc(ret, *s);
	}
	buf_addc(ret, '\'');
}

/* "-a 'words'" and whether files are wanted, too: -F; -x: they are not, and a value has to come. */
static void add_wanted(const struct completion_words *w, bool value, struct buf *ret)
{
	bool files = w->files || w->folders || w->images;

	if (value)
		buf_adds(ret, files ? " -r -F" : " -x");
	else if (files)
		buf_adds(ret, " -F");
	if (*w->words || w->images || w->commands) {
		buf_adds(ret, " -a '");
		buf_addf(ret, "%s%s%s", w->words, w->images ? "oci: oci-archive: docker-archive: docker:// " : "",
			 w->commands ? "(__condaimg_commands)" : "");
		buf_addc(ret, '\'');
	}
}

static void add_option(const char *front, const struct option_told *o, struct buf *ret)
{
	auto_arena a = { 0 };
	struct completion_words w = completion_words(&a, o->value);

	buf_addf(ret, "%s -l %.*s", front, (int)o->name.n, o->name.p);
	if (o->letter)
		buf_addf(ret, " -s %c", o->letter);
	if (o->value)
		add_wanted(&w, !o->may_miss, ret);
	buf_adds(ret, " -d ");
	add_quoted(ret, o->help);
	buf_addc(ret, '\n');
}

static void add_command(const struct command *c, const char *front, struct buf *ret)
{
	auto_arena a = { 0 };
	struct completion_words w = completion_words(&a, c->args);
	struct option_told o;

	if (w.files || w.folders || w.images || w.commands || *w.words) {
		buf_adds(ret, front);
		add_wanted(&w, false, ret);
		buf_addc(ret, '\n');
	}
	for (size_t i = 0; c == &repo2docker_command ? repo2docker_tell(i, &o) : opt_tell(c, i, &o); i++)
		add_option(front, &o, ret);
}

static void add_summary(const struct command *c, struct buf *ret)
{
	buf_addf(ret, "complete -c condaimg -n __condaimg_first -a %s -d ", c->name);
	add_quoted(ret, c->summary);
	buf_addc(ret, '\n');
}

static const char front[] = "# fish completion of condaimg. Printed by: condaimg completion fish\n\n"
			    "function __condaimg_first\n"
			    "\ttest (count (commandline -opc)) -eq 1\n"
			    "end\n\n"
			    "function __condaimg_is\n"
			    "\tset -l words (commandline -opc)\n"
			    "\ttest (count $words) -ge 2; and test $words[2] = $argv[1]\n"
			    "end\n\n"
			    "function __condaimg_commands\n"
			    "\tprintf '%s\\n'";

static void add_all(const struct command *c, struct buf *ret)
{
	auto_buf where = { 0 };

	buf_addf(&where, "complete -c condaimg -n '__condaimg_is %s'", c->name);
	add_command(c, where.p, ret);
}

void completion_fish(const struct commands *all, struct buf *ret)
{
	buf_adds(ret, front);
	for (size_t i = 0; i < all->n; i++)
		buf_addf(ret, " %s", all->list[i].name);
	buf_adds(ret, " repo2docker\nend\n\ncomplete -c condaimg -f\n"
		      "complete -c condaimg -n __condaimg_first -l version -d 'print the version'\n"
		      "complete -c condaimg -n __condaimg_first -s h -l help -d 'print help'\n"
		      "complete -c condaimg -n '__condaimg_is help' -a '(__condaimg_commands)'\n");
	for (size_t i = 0; i < all->n; i++)
		add_summary(&all->list[i], ret);
	add_summary(&repo2docker_command, ret);
	for (size_t i = 0; i < all->n; i++)
		add_all(&all->list[i], ret);
	add_all(&repo2docker_command, ret);
	add_command(&repo2docker_command, "complete -c jupyter-repo2docker", ret);
}
