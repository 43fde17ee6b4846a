/* Package URLs: how scanners and advisories call a package (ECMA-427; the conda type of purl-spec). */
#ifndef CONDA_PURL_H
#define CONDA_PURL_H

#include "conda/record.h"

/*
 * "pkg:conda/zlib@1.2.13?build=h5eee18b_1&channel=conda-forge&subdir=linux-64&type=conda", in a: qualifiers
 * sorted, what is not known left out. The channel is its name where it is one of anaconda.org or "main" and the like of
 * repo.anaconda.com, as the purl people's own examples have it, else its URL.
 */
const char *purl_conda(struct arena *a, const struct record *r);

/* "pkg:TYPE/NAME@VERSION", in a. qualifiers: "key=value" as they are to stand, or NULL. */
const char *purl_text(struct arena *a, const char *type, const char *name, const char *version, const char *qualifiers);

/* Append s, percent-encoded; of the reserved bytes ':' stays, and those in keep. */
struct buf;
void purl_encode(struct buf *b, const char *s, const char *keep);

#endif
