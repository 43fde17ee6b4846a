/*
 * The options of every command: one table, which parses, and from which help is
 * printed.
 */
#ifndef CMD_OPT_H
#define CMD_OPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* Every value that an option can set. Strings are argv's. */
struct options {
	const char **channels;
	size_t n_channels;
	const char **virtual_packages;
	size_t n_virtual_packages;
	const char **platforms;
	size_t n_platforms;
	const char **pins;
	size_t n_pins;
	const char **updates;
	size_t n_updates;
	const char **cache_dirs; /* the first is written to */
	size_t n_cache_dirs;
	const char **tags;
	size_t n_tags;
	const char **pushes; /* references */
	size_t n_pushes;
	const char *output, *lockfile, *base, *libc, *compression, *prefix;
	const char *link_scripts, *clobber;
	const char *channel_priority, *exclude_newer, *layers, *jobs;
	const char *environment, *format, *virtual_package_spec, *cuda, *lock, *output_file;
	bool with_layers;
	bool check, md5, override_channels, offline, dry_run, json, quiet, help;
	/* The application, and where these may also come from (cmd/project.h). */
	const char **copies;
	size_t n_copies;
	const char **envs;
	size_t n_envs;
	const char **labels;
	size_t n_labels;
	const char **annotations;
	size_t n_annotations;
	const char **ports;
	size_t n_ports;
	const char **volumes;
	size_t n_volumes;
	const char **ca_files;
	size_t n_ca_files;
	const char **compares; /* images */
	size_t n_compares;
	const char **attaches; /* "lock,sbom" */
	size_t n_attaches;
	const char *html; /* file, or "-" */
	const char **ignore_files;
	size_t n_ignore_files;
	const char *old_base, *new_tag;
	const char *media_types, *registry_ca;
	const char **layer_caches;
	size_t n_layer_caches;
	bool insecure, no_store;
	const char *progress;
	const char *workdir, *entrypoint, *cmd, *user, *config, *condarc, *older_than, *max_size;
	bool all, shell, writable, referrers;
	unsigned verbose;
	const char **args;
	size_t n_args;
	const struct commands *commands; /* all there are, for those that describe the program; set by main() */
};

struct command {
	const char *name;
	const char *args; /* "ENVIRONMENT|LOCK", for help */
	const char *summary;
	const char *details; /* paragraphs for --help */
	const char *options; /* long names of its options, each followed by a space */
	size_t min_args, max_args;
	int (*run)(const struct options *o, struct err *err);
};

struct commands {
	const struct command *list;
	size_t n;
};

/* Parse what follows the command's name. ERR_USAGE. To be released in any case. */
int opt_parse(const struct command *c, int argc, char **argv, struct options *ret, struct err *err);
void opt_release(struct options *o);

/* "Usage: ...", what the command does, its options. */
void opt_help(const struct command *c, struct buf *ret);

/* An option as it is told to people and to shells. */
struct option_told {
	struct str name; /* without "--" */
	char letter; /* or 0 */
	const char *value; /* "FILE|none"; NULL: it takes none */
	bool may_miss; /* the value may be left out */
	bool repeats;
	const char *help;
};

/* The i-th option of a command, in the order of its help; of the whole table where c is NULL. False: there are no more. */
bool opt_tell(const struct command *c, size_t i, struct option_told *ret);

/* Its line of --help. */
void opt_help_row(const struct option_told *o, struct buf *ret);

#endif
