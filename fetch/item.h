/*
 * Private to downloads: one file on its way, and the desk where what came is hashed, judged and given its
 * name, by threads of its own, while more comes in.
 */
#ifndef FETCH_ITEM_H
#define FETCH_ITEM_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/work.h"
#include "fetch/http.h"
#include "fetch/part.h"

struct desk;
struct http_mirror;

/* Some bytes between who receives and who writes and hashes. */
struct piece {
	struct piece *next;
	size_t n;
	char bytes[(128 << 10) - 16];
};

/* A sink for the body. */
struct item {
	struct sink base;
	struct desk *desk;
	struct download *d;
	struct part part; /* the desk's while a job is in its line */
	bool open; /* the part is ours, and hashing has begun */
	bool resumed; /* it holds bytes from before */
	bool tried; /* came once whole and wrong */
	bool no_local; /* d->local was of no use */
	struct http_place *place; /* that knows of it, or NULL */
	struct http_mirror *mirror; /* that it was chosen for, or NULL */
	bool no_place; /* that was of no use */
	const char *place_url; /* what it is called there */
	uint64_t n; /* bytes that came, with those from before */
	uint64_t counted; /* of them that progress was told */
	void (*count)(void *arg, int64_t bytes); /* more of them, or fewer */
	void *count_arg;
	struct piece *filling; /* not yet handed over */
	struct { /* of the desk, under its lock */
		struct piece *first, **last; /* handed over */
		bool queued; /* a job is in the line, or at work */
		bool whole; /* no more will come */
	} hand;
	struct { /* of the desk while a job is in its line */
		struct hash sha256, md5;
		uint64_t hashed; /* bytes */
		struct digest got;
		struct err *fault; /* NULL: none so far */
	} job;
};

struct desk {
	int dirfd;
	struct http *http; /* is woken when something is done */
	struct item *items;
	pthread_mutex_t lock;
	pthread_cond_t moved; /* a piece is free again, or an item quiet */
	struct work_line *line;
	struct piece *free;
	size_t n_pieces; /* that are in somebody's hand */
	struct item **done; /* judged, not yet taken; room for all */
	size_t n_done;
	atomic_bool stop; /* no copying any more */
};

void desk_open(struct desk *k, int dirfd, struct http *h, struct item *items, size_t n);

/* Waits for what is whole; the rest is left. All items are closed. */
void desk_close(struct desk *k, size_t n);

/* The next that was judged, or NULL. */
struct item *desk_take(struct desk *k);

/* What its part is called: its digest. */
struct item_key {
	char s[72];
};
struct item_key item_key(const struct item *t);

/* 1: it is ours, with t->n bytes; 0: another process is at it; -1: ERR_IO. */
int item_open(struct item *t, struct err *err);

/* Have on the way written what came, so that t->n are in the part. -1: they could not be. */
int item_settle(struct item *t, struct err *err);

/* From the first byte again. */
int item_restart(struct item *t, const char *url, const char *tag, struct err *err);

/* All of it came (or was there from before): the desk judges it. */
void item_whole(struct item *t);

/* It is a file of this machine, by its URL or d->local, or its place has it: the desk copies and judges it. */
void item_copy(struct item *t);
bool item_is_local(const struct item *t);

/* Let go: what may be gone on with stays, unless spoilt. */
void item_close(struct item *t, bool spoilt);

#endif
