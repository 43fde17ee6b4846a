/*
 * What is to be known of a linked package's files beyond their paths, for checks of a whole image: which shared
 * libraries it has and which its programs need, and what lost its setuid bit. As text it is kept beside layers, so that
 * nobody opens the package for it again.
 */
#ifndef CONDA_LINK_FACTS_H
#define CONDA_LINK_FACTS_H

#include "base/arena.h"
#include "base/str.h"

/* Raised whenever the same files would give other facts. */
#define LINK_FACTS_VERSION 1

struct link_need {
	const char *library; /* "libz.so.1" */
	const char *path; /* the first of the files that need it, relative to the prefix; vital ones go first */
	unsigned machine; /* e_machine of that file */
};

/* Lists sorted, each item once, as soon as link_facts_finish() was called. */
struct link_facts {
	struct arena arena;
	struct link_need *needs;
	size_t n_needs;
	const char **libraries; /* "libz.so.1": the last parts of paths that are called so */
	size_t n_libraries;
	const char **special; /* paths of files with setuid, setgid or sticky bits in the archive */
	size_t n_special;
};

/*
 * Whether the file is a program, or a library where the loader finds it for one: without what they need these do not start.
 * Others (modules of python, plugins) are loaded by who asks for them.
 */
bool link_facts_is_vital(const char *path);

/* Texts are copied. What is no library by its path's last part is passed over; so is what cannot stand on a line. */
void link_facts_add_path(struct link_facts *f, const char *path);
void link_facts_add_need(struct link_facts *f, const char *library, const char *path, unsigned machine);
void link_facts_add_special(struct link_facts *f, const char *path);
void link_facts_finish(struct link_facts *f);

/* "lib NAME", "need MACHINE NAME PATH" and "special PATH" lines, then "end". */
void link_facts_write(const struct link_facts *f, struct buf *ret);

/* False: it is no such text; f is to be released in any case. */
bool link_facts_read(struct link_facts *f, struct str text);
void link_facts_release(struct link_facts *f);

#define auto_link_facts CLEANUP(link_facts_release) struct link_facts

#endif
