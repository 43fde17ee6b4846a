#include "cmd/completion.h"
#include "cmd/repo2docker.h"

/* ---- what bash is told of a command ---- */

static void add_options(const struct command *c, struct buf *ret)
{
	struct option_told o;

	buf_addf(ret, "\t%s) options='", c->name);
	for (size_t i = 0; c == &repo2docker_command ? repo2docker_tell(i, &o) : opt_tell(c, i, &o); i++)
		buf_addf(ret, "%s--%.*s", i ? " " : "", (int)o.name.n, o.name.p);
	buf_adds(ret, "' ;;\n");
}

/* "words='a b' want='files images'", what the functions below complete. */
static void add_wanted(const struct completion_words *w, struct buf *ret)
{
	buf_addf(ret, "words='%s' want='%s%s%s%s'", w->words, w->files ? "files " : "", w->folders ? "folders " : "",
		 w->images ? "images " : "", w->commands ? "commands " : "");
}

static void add_values(const struct command *c, struct buf *ret)
{
	struct option_told o;

	for (size_t i = 0; c == &repo2docker_command ? repo2docker_tell(i, &o) : opt_tell(c, i, &o); i++) {
		auto_arena a = { 0 };
		struct completion_words w = completion_words(&a, o.value);

		if (!o.value)
			continue;
		buf_addf(ret, "\t%s:--%.*s", c->name, (int)o.name.n, o.name.p);
		if (o.letter)
			buf_addf(ret, " | %s:-%c", c->name, o.letter);
		buf_adds(ret, ") ");
		add_wanted(&w, ret);
		buf_adds(ret, " ;;\n");
	}
}

static void add_arguments(const struct command *c, struct buf *ret)
{
	auto_arena a = { 0 };
	struct completion_words w = completion_words(&a, c->args);

	buf_addf(ret, "\t%s) ", c->name);
	add_wanted(&w, ret);
	buf_adds(ret, " ;;\n");
}

/* ---- the script ---- */

/* '=' and ':' are words of their own to bash, unless a user took them out of COMP_WORDBREAKS. */
static const char front[] = "# bash completion of condaimg. Printed by: condaimg completion bash\n"
			    "# shellcheck shell=bash\n\n"
			    "_condaimg_options()\n{\n\tcase $1 in\n";

static const char values[] =
	"\tesac\n}\n\n"
	"# What may stand behind an option: sets words and want, or returns 1 where it takes no value.\n"
	"_condaimg_value()\n{\n\tcase $1 in\n";

static const char arguments[] = "\t*) return 1 ;;\n\tesac\n}\n\n_condaimg_argument()\n{\n\tcase $1 in\n";

static const char middle[] =
	"\tesac\n}\n\n"
	"_condaimg_add()\n"
	"{\n"
	"\tlocal line\n\n"
	"\twhile IFS= read -r line; do COMPREPLY+=(\"$line\"); done < <(compgen \"$@\" -- \"$cur\")\n"
	"}\n\n"
	"# Only where nothing else is meant: a place such as oci:DIR is a word, a colon and a file to bash.\n"
	"_condaimg_wanted()\n"
	"{\n"
	"\t[ -z \"$words\" ] || _condaimg_add -W \"$words\"\n"
	"\tcase $want in *commands*) _condaimg_add -W \"$commands\" ;; esac\n"
	"\tcase $want in *images*)\n"
	"\t\tcompopt -o nospace\n"
	"\t\t_condaimg_add -W 'oci: oci-archive: docker-archive: docker://'\n"
	"\t\t;;\n"
	"\tesac\n"
	"\tcase $want in *files*)\n"
	"\t\tcompopt -o filenames\n"
	"\t\t_condaimg_add -f\n"
	"\t\t;;\n"
	"\t*folders*)\n"
	"\t\tcompopt -o filenames\n"
	"\t\t_condaimg_add -d\n"
	"\t\t;;\n"
	"\tesac\n"
	"}\n\n"
	"_condaimg()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} options words want\n";

static const char end[] =
	"\n"
	"\tCOMPREPLY=()\n"
	"\tif [ \"${COMP_WORDS[0]##*/}\" = jupyter-repo2docker ]; then\n"
	"\t\tcommand=repo2docker\n"
	"\telif [ \"$COMP_CWORD\" = 1 ]; then\n"
	"\t\tcase $cur in -*) _condaimg_add -W '--help --version' ;; *) _condaimg_add -W \"$commands\" ;; esac\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tif [ \"$command\" = help ]; then\n"
	"\t\t_condaimg_add -W \"$commands\"\n"
	"\t\treturn\n"
	"\tfi\n"
	"\t# --option=value\n"
	"\tif [ \"$cur\" = '=' ]; then\n"
	"\t\tcur=\n"
	"\telif [ \"$prev\" = '=' ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n"
	"\tfi\n"
	"\t# oci:DIR\n"
	"\tif [ \"$cur\" = : ] || [ \"$prev\" = : ]; then\n"
	"\t\t[ \"$cur\" != : ] || cur=\n"
	"\t\tcompopt -o filenames\n"
	"\t\t_condaimg_add -f\n"
	"\t\treturn\n"
	"\tfi\n"
	"\t_condaimg_options \"$command\"\n"
	"\tif _condaimg_value \"$command:$prev\"; then\n"
	"\t\t_condaimg_wanted\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\t_condaimg_add -W \"$options\"\n"
	"\telse\n"
	"\t\t_condaimg_argument \"$command\"\n"
	"\t\t_condaimg_wanted\n"
	"\tfi\n"
	"}\n\n"
	"complete -F _condaimg condaimg jupyter-repo2docker\n";

void completion_bash(const struct commands *all, struct buf *ret)
{
	buf_adds(ret, front);
	for (size_t i = 0; i < all->n; i++)
		add_options(&all->list[i], ret);
	add_options(&repo2docker_command, ret);
	buf_adds(ret, values);
	for (size_t i = 0; i < all->n; i++)
		add_values(&all->list[i], ret);
	add_values(&repo2docker_command, ret);
	buf_adds(ret, arguments);
	for (size_t i = 0; i < all->n; i++)
		add_arguments(&all->list[i], ret);
	add_arguments(&repo2docker_command, ret);
	buf_adds(ret, middle);
	buf_adds(ret, "\tlocal commands='");
	for (size_t i = 0; i < all->n; i++)
		buf_addf(ret, "%s ", all->list[i].name);
	buf_adds(ret, "repo2docker help version'\n");
	buf_adds(ret, end);
}
