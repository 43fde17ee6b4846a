/* What an image says that each of its layers holds: "io.condaimg.*" annotations, or where there are none, its history. */
#ifndef CMD_HOLDING_H
#define CMD_HOLDING_H

#include "oci/image.h"

/* Labels that tell which options decided the system files; each only where it is not the default. */
#define LABEL_USER "io.condaimg.user" /* "app:1001" */
#define LABEL_SHELL "io.condaimg.shell" /* "true" */
#define LABEL_CERTIFICATES "io.condaimg.certificates" /* "sha256:HEX" of those of --ca-file */

struct holding {
	const char *part; /* "libc", "system", "packages", "environment", "app"; "": a layer of somebody else */
	const char *packages; /* "a-1-0,b-2-0", or "" */
};

/* In a. A docker archive has no annotations; there the layer's history says the same. */
struct holding holding_of(struct arena *a, const struct image_layer *l);

/* The value of the image's label, or NULL. */
const char *holding_label(const struct image *im, const char *key);

#endif
