/*
 * The option table for shells: bash, zsh and fish. What a value may be is read off its placeholder in the table ("FILE|none",
 * "gzip|zstd[:LEVEL]"), so that an option needs to be described once.
 */
#ifndef CMD_COMPLETION_H
#define CMD_COMPLETION_H

#include "base/arena.h"
#include "cmd/opt.h"

/* What may stand in some place of a command line. */
struct completion_words {
	const char *words; /* literally, each followed by a space; "" for none */
	bool files, folders, images, commands;
};

/* Of an option's placeholder, or of a command's arguments. In a. */
struct completion_words completion_words(struct arena *a, const char *placeholder);

/* condaimg's commands and those of its names that are none of the table's. */
void completion_bash(const struct commands *all, struct buf *ret);
void completion_zsh(const struct commands *all, struct buf *ret);
void completion_fish(const struct commands *all, struct buf *ret);

#endif
