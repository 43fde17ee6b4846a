/* Where a built image goes: the places that -o and -t name, and the registries that --push names. */
#ifndef CMD_DELIVERY_H
#define CMD_DELIVERY_H

#include "base/json.h"
#include "cmd/registries.h"
#include "cmd/settings.h"

struct delivery {
	struct dest *dests; /* each once */
	size_t n;
	size_t n_named; /* those before --push */
	struct dest_how how;
	struct registries_told told;
	struct registry *stream; /* with --no-store: where layers go while they are made; else NULL */
};

/*
 * What the options say. r and a must outlive it, and r be released after it. ERR_USAGE, and failures of setting up
 * registries. To be released in any case.
 */
int delivery_open(struct delivery *d, const struct options *o, const struct settings *s, struct registries *r,
		  struct arena *a, struct err *err);

/* Where the options said nothing: to oci:NAME. ERR_USAGE. */
int delivery_name(struct delivery *d, const char *name, struct arena *a, struct err *err);

/* To each of them. As dest_write_all(). */
int delivery_write(struct delivery *d, const struct dest_image *images, size_t n, struct progress *progress,
		   struct digest *ret, struct digest *broken, struct err *err);

/* The result: a line for each of them; or its part of a JSON object. */
void delivery_print(const struct delivery *d, struct arena *a, const struct digest *digest);
void delivery_json(const struct delivery *d, struct arena *a, const struct digest *digest, struct json *j);
void delivery_release(struct delivery *d);

#endif
