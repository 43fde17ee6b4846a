/*
 * Questions to the solver that are made by chance, the same ones each time; and what is right: a checker that
 * knows no more than the question as it was made, and, of small ones, all solutions there are.
 */
#ifndef TESTS_SOLVER_MADE_H
#define TESTS_SOLVER_MADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "solver/solver.h"

#define NAMES_MAX 14
#define BUILDS_MAX 8
#define DEPS_MAX 4
#define NOBODY (-1)

/* "name op version", if a condition holds (or is absent: name < 0). */
enum op { ANY, AT_LEAST, BELOW, EXACTLY, NOT };

struct simple {
	int name;
	enum op op;
	int version;
};

struct dep {
	struct simple spec;
	struct simple when; /* when.name < 0: always */
	bool asks_extra; /* asks for the extra "x" of what it needs */
};

struct build {
	int version, number, channel;
	struct dep deps[DEPS_MAX], extra[2]; /* the extra is called "x" */
	struct simple constrains[2];
	int n_deps, n_extra, n_constrains;
};

struct made {
	int n_names, n_builds[NAMES_MAX];
	struct build builds[NAMES_MAX][BUILDS_MAX];
	struct dep roots[4];
	int n_roots;
	enum channel_priority priority;
	bool conditional; /* has a condition or an extra */
};

/* One build a name, or NOBODY. */
struct set {
	int of[NAMES_MAX];
};

struct sets {
	struct set *list;
	size_t n;
};

/* Where chance begins; and a number from 0 to n - 1. */
void made_seed(uint64_t seed);
int made_below(int n);

/* A question of so many names, with at most so many builds each. */
void made_make(struct made *m, int names, int builds, bool conditions);

bool made_is_valid(const struct made *m, const struct set *s);

/* Every valid set; the list is to be freed. */
struct sets made_all_valid(const struct made *m);

/* The walk: breadth first from the sorted request, each name that is not there yet at its best. */
struct set made_walk(const struct made *m, const struct sets *sets);

/* "na >=2" */
void made_text(const struct simple *s, char *ret, size_t n);

#endif
