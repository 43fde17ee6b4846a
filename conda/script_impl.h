/* Between the parts of conda/script.h alone: a script as a tree, and its words. */
#ifndef CONDA_SCRIPT_IMPL_H
#define CONDA_SCRIPT_IMPL_H

#include "conda/script.h"

/* Words are as they were written, quotes and all: what they come to is known when they are reached. */
struct script_redirect {
	struct str target;
	bool is_number; /* ">&2" */
	const struct script_here *here; /* of "<<", whose target is its delimiter; else NULL */
};

/* A here-document. Nobody is told what it says, but it may run something. */
struct script_here {
	struct str body;
	bool quoted; /* taken as it is */
};

enum script_node_type {
	SCRIPT_SIMPLE, /* words: assignments, a command and its arguments */
	SCRIPT_LIST, /* first is a chain of SCRIPT_ITEMs */
	SCRIPT_ITEM, /* first, then next */
	SCRIPT_REDIRECTED, /* first, with redirects */
	SCRIPT_AND,
	SCRIPT_OR,
	SCRIPT_NOT,
	SCRIPT_IF, /* test, first, other */
	SCRIPT_WHILE, /* test, first; until is a SCRIPT_NOT in the test */
	SCRIPT_FOR, /* words[0] is the name, the others are what it becomes */
	SCRIPT_CASE, /* words[0]; other is a chain of SCRIPT_ARMs */
	SCRIPT_ARM, /* words are patterns, first is the list, next the next arm */
	SCRIPT_TEST, /* words between [[ and ]], without && and || */
	SCRIPT_MORE, /* what is not evaluated, should it be reached: more */
};

struct script_node {
	enum script_node_type type;
	unsigned line;
	const struct script_node *test, *first, *other, *next;
	const struct str *words;
	size_t n_words;
	const struct script_redirect *redirects;
	size_t n_redirects;
	const char *more; /* "runs a pipe" */
};

/* NULL: ERR_FORMAT. In a; words point into text. */
const struct script_node *script_parse(struct arena *a, struct str text, struct err *err);

/* How many bytes a name has at the beginning of s: 0 where there is none. */
size_t script_name_length(struct str s);

/*
 * The byte behind what begins at s.p: a quoted string, "${...}", "$(...)", "`...`",
 * "\x" or a plain byte. 0: it does not end.
 */
size_t script_skip(struct str s);

struct script_run {
	struct arena *arena;
	struct script_env *env;
	const struct script_host *host;
	struct err *err;
	unsigned line;
	size_t steps, bytes, depth;
	bool nounset, errexit;
	bool soft; /* the last status came from a part of && or || that may fail */
	bool leaving; /* return or exit was run */
	bool untold; /* what is expanded is told nobody: values that are not known do not matter */
	bool in_here; /* it is a here-document's, and a command of its own expands it */
};

enum script_split {
	SCRIPT_WORD, /* one string, as behind '=' */
	SCRIPT_FIELDS, /* any number of them, as of a command */
	SCRIPT_PATTERN, /* one, in which what was quoted has '\\' in front */
};

struct script_fields {
	const char **list;
	size_t n;
};

/* Append what a word comes to. -1: err. */
int script_expand(struct script_run *r, struct str word, enum script_split how, struct script_fields *ret);

/* The one string that it comes to (SCRIPT_WORD, SCRIPT_PATTERN). NULL: err. */
const char *script_expand_one(struct script_run *r, struct str word, enum script_split how);

/* Whether a pattern of SCRIPT_PATTERN is the text: 1, 0, or -1 where that depends on more. */
int script_match(struct script_run *r, const char *pattern, const char *text, size_t n);

/* test and [, of what their words came to; and [[: 1 true, 0 false, -1. */
int script_test_args(struct script_run *r, const char *const *a, size_t n);
int script_test_words(struct script_run *r, const struct script_node *n);

/* "line 3: <fmt>": what more the script does. Returns -1. */
int script_more(struct script_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set, keeping whether it is exported. -1: it is a variable that means something to the shell. */
int script_assign(struct script_run *r, const char *name, const char *value);

/* The variable, or NULL where it was never named. */
struct script_var *script_env_find(const struct script_env *e, const char *name);
struct script_var *script_env_add(struct script_env *e, const char *name);

/* Whether shells and machines give it a value that is not known here. */
bool script_is_foreign(const char *name);

/* Those that a shell does not let be, or that change what it does. */
bool script_is_magic(const char *name);

#endif
