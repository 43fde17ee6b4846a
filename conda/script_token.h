/* Between conda/script_token.c and script_parse.c alone: the words and operators of a script, one ahead. */
#ifndef CONDA_SCRIPT_TOKEN_H
#define CONDA_SCRIPT_TOKEN_H

#include "conda/script_impl.h"

enum script_token_type {
	WORD,
	NEWLINE,
	SEMICOLON,
	ARM_END,
	AND_IF,
	OR_IF,
	PIPE,
	BACKGROUND,
	OPEN,
	CLOSE,
	REDIRECT,
	END,
	BAD
};

struct script_token {
	enum script_token_type type;
	struct str text;
	unsigned line;
};

#define SCRIPT_HERE_MAX 16 /* here-documents that begin on one line */

/* A here-document whose text begins on the next line. */
struct script_pending {
	struct script_here *to;
	struct str delimiter;
	bool strips; /* "<<-": tabs in front of it do not count */
};

struct script_parser {
	struct arena *arena;
	struct str rest;
	unsigned line;
	struct script_token token; /* the one that comes next */
	unsigned depth;
	struct script_pending pending[SCRIPT_HERE_MAX];
	size_t n_pending;
	const char *fault; /* or NULL */
	unsigned fault_line;
};

/* Make the next one p->token; BAD for good once there was a fault. */
void script_next_token(struct script_parser *p);

/* Whether the token is that word; and past it, if it is. */
bool script_is_word(const struct script_parser *p, const char *text);
bool script_accept_word(struct script_parser *p, const char *text);
void script_expect_word(struct script_parser *p, const char *text);
void script_skip_newlines(struct script_parser *p);

/* What is wrong, or more than is evaluated; the first one counts. */
void script_fault(struct script_parser *p, unsigned line, const char *what);

bool script_is_number(struct str s);

/* The token is the delimiter of a here-document, whose text begins on the next line. */
const struct script_here *script_begin_here(struct script_parser *p, bool strips);

#endif
