#include "cmd/completion.h"
#include "cmd/repo2docker.h"

/* Text within '...' of an _arguments specification: brackets, colons and quotes mean something there. */
static void add_quoted(struct buf *ret, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(ret, "'\\'");
		else if (strchr("[]:\\", *s))
			buf_addc(ret, '\\');
		buf_addc(ret, *s);
	}
}

/* Which function completes it: "->", "{_files}" or a list in parentheses. */
static void add_action(const struct completion_words *w, struct buf *ret)
{
	if (w->images)
		buf_addf(ret, "_condaimg_places %s", w->words);
	else if (w->files && *w->words)
		buf_addf(ret, "_condaimg_files %s", w->words);
	else if (w->files || w->folders)
		buf_adds(ret, w->files ? "_files" : "_files -/");
	else if (w->commands)
		buf_adds(ret, "_condaimg_commands");
	else if (*w->words)
		buf_addf(ret, "(%.*s)", (int)strlen(w->words) - 1, w->words);
	else
		buf_addc(ret, ' ');
}

/* One line a spelling: '(-o --output)-o[help]:DEST:action'. */
static void add_spelling(const struct option_told *o, const char *exclusive, bool is_letter, struct buf *ret)
{
	auto_arena a = { 0 };
	struct completion_words w = completion_words(&a, o->value);

	buf_addf(ret, "\t\t\t\t'%s%s", o->repeats ? "*" : "", o->repeats ? "" : exclusive);
	if (is_letter)
		buf_addf(ret, "-%c%s", o->letter, o->value ? "+" : "");
	else
		buf_addf(ret, "--%.*s%s", (int)o->name.n, o->name.p, o->value ? "=" : "");
	buf_addc(ret, '[');
	add_quoted(ret, o->help);
	buf_addc(ret, ']');
	if (o->value) {
		buf_adds(ret, o->may_miss ? "::" : ":");
		add_quoted(ret, o->value);
		buf_addc(ret, ':');
		add_action(&w, ret);
	}
	buf_adds(ret, "' \\\n");
}

static void add_command(const struct command *c, struct buf *ret)
{
	auto_arena a = { 0 };
	struct completion_words w = completion_words(&a, c->args);
	struct option_told o;

	buf_addf(ret, "\t\t\t%s)\n\t\t\t_arguments -s \\\n", c->name);
	for (size_t i = 0; c == &repo2docker_command ? repo2docker_tell(i, &o) : opt_tell(c, i, &o); i++) {
		auto_buf exclusive = { 0 };

		if (o.letter)
			buf_addf(&exclusive, "(-%c --%.*s)", o.letter, (int)o.name.n, o.name.p);
		add_spelling(&o, buf_cstr(&exclusive), false, ret);
		if (o.letter)
			add_spelling(&o, buf_cstr(&exclusive), true, ret);
	}
	buf_adds(ret, "\t\t\t\t'*:");
	add_quoted(ret, c->args);
	buf_addc(ret, ':');
	add_action(&w, ret);
	buf_adds(ret, "'\n\t\t\t;;\n");
}

static void add_summary(const struct command *c, struct buf *ret)
{
	buf_addf(ret, "\t\t'%s:", c->name);
	add_quoted(ret, c->summary);
	buf_adds(ret, "'\n");
}

static const char front[] = "#compdef condaimg jupyter-repo2docker\n"
			    "# zsh completion of condaimg. Printed by: condaimg completion zsh\n\n"
			    "_condaimg_commands()\n{\n\tlocal -a list\n\n\tlist=(\n";

static const char middle[] = "\t)\n\t_describe command list\n}\n\n"
			     "_condaimg_places()\n"
			     "{\n"
			     "\tif compset -P '(oci|oci-archive|docker-archive):'; then\n"
			     "\t\t_files\n"
			     "\telse\n"
			     "\t\tcompadd -S '' -- oci: oci-archive: docker-archive: docker://\n"
			     "\t\t(( $# == 0 )) || compadd -- \"$@\"\n"
			     "\t\t_files\n"
			     "\tfi\n"
			     "}\n\n"
			     "_condaimg_files()\n"
			     "{\n"
			     "\tcompadd -- \"$@\"\n"
			     "\t_files\n"
			     "}\n\n"
			     "_condaimg()\n"
			     "{\n"
			     "\tlocal context state state_descr line\n"
			     "\ttypeset -A opt_args\n\n"
			     "\tif [[ $service == jupyter-repo2docker ]]; then\n"
			     "\t\twords=(condaimg repo2docker \"${(@)words[2,-1]}\")\n"
			     "\t\t(( CURRENT++ ))\n"
			     "\tfi\n"
			     "\t_arguments -C '(- *)'{-h,--help}'[print help]' '(- *)--version[print the version]' \\\n"
			     "\t\t'1:command:_condaimg_commands' '*:: :->rest'\n"
			     "\tif [[ $state == rest ]]; then\n"
			     "\t\tcase $words[1] in\n";

static const char end[] = "\t\t\thelp) _arguments '1:command:_condaimg_commands' ;;\n"
			  "\t\tesac\n\tfi\n}\n\n"
			  "# Autoloaded, this file is the function's body; sourced, it says who completes.\n"
			  "if [ \"$funcstack[1]\" = _condaimg ]; then\n"
			  "\t_condaimg \"$@\"\n"
			  "else\n"
			  "\tcompdef _condaimg condaimg jupyter-repo2docker\n"
			  "fi\n";

void completion_zsh(const struct commands *all, struct buf *ret)
{
	buf_adds(ret, front);
	for (size_t i = 0; i < all->n; i++)
		add_summary(&all->list[i], ret);
	add_summary(&repo2docker_command, ret);
	buf_adds(ret, middle);
	for (size_t i = 0; i < all->n; i++)
		add_command(&all->list[i], ret);
	add_command(&repo2docker_command, ret);
	buf_adds(ret, end);
}
