/*
 * Options and environment variables, checked and made into values. The only
 * place that reads the environment.
 */
#ifndef CMD_SETTINGS_H
#define CMD_SETTINGS_H

#include "base/arena.h"
#include "base/codec.h"
#include "cmd/app.h"
#include "cmd/config.h"
#include "cmd/opt.h"
#include "cmd/progress.h"
#include "cmd/sources.h"
#include "conda/platform.h"
#include "conda/virtual.h"
#include "oci/dest.h"
#include "solver/solver.h"

#define LAYERS_DEFAULT 60
#define LAYERS_LIMIT 120 /* docker 20.10 mounts 125 layers at most; some room for whoever builds on top */
#define PREFIX_DEFAULT "/opt/conda/envs/default"

struct override {
	const char *name, *value; /* CONDA_OVERRIDE_NAME */
};

struct settings {
	struct arena arena;
	const struct options *options; /* that it was made of */
	const struct platform *platform; /* the first that was said; NULL: none was */
	const struct platform **platforms; /* all of them, each once, by subdir */
	size_t n_platforms;
	struct codec codec;
	size_t layers;
	const char *prefix;
	unsigned threads;
	enum channel_priority priority;
	int64_t exclude_newer; /* milliseconds since 1970; 0: none */
	bool libc_none;
	bool ignore_link_scripts, refuse_clobbers;
	bool has_base; /* base is an image */
	struct dest base;
	bool has_output;
	struct dest output;
	const char *const *tags; /* of -t */
	size_t n_tags;
	const char *cache_dir;
	struct sources sources; /* packages of further caches, and of conda and mamba */
	int64_t epoch; /* SOURCE_DATE_EPOCH, or -1 */
	struct override *overrides; /* sorted by name */
	size_t n_overrides;
	const char *const *virtual_packages;
	size_t n_virtual_packages;
	const char *cuda; /* version of __cuda, "" for none, or NULL */
	struct app app;
	bool priority_said; /* by an option, not by the machine's configuration */
	const struct platform *host; /* what stands for this machine where no platform is said */
	bool offline;
	enum progress_mode progress;
	struct config config; /* of settings_configure() */
};

/* ERR_USAGE. To be released in any case. */
int settings_read(const struct options *o, struct settings *ret, struct err *err);
void settings_release(struct settings *s);

/* Add what conda's configuration on this machine says (cmd/config.h). ERR_FORMAT, ERR_IO. */
int settings_configure(const struct options *o, struct settings *s, struct err *err);

#define auto_settings CLEANUP(settings_release) struct settings

/* ERR_USAGE where several platforms were said. */
int settings_one_platform(const struct settings *s, struct err *err);

/* Apply CONDA_OVERRIDE_*, --virtual-package and --cuda, in this order. */
int settings_apply_virtuals(const struct settings *s, struct arena *a, struct virtual_set *set, struct err *err);

#endif
