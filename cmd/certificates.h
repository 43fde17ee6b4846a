/* PEM files as the bundle of certificates that they are: nothing but certificates, and always the same bytes. */
#ifndef CMD_CERTIFICATES_H
#define CMD_CERTIFICATES_H

#include "base/str.h"
#include "base/err.h"

/*
 * Append the certificates of a PEM text to *ret, blocks alone, lines ending in '\n'. name is the file's, for
 * errors. ERR_FORMAT where there is none, where one is not well-formed, and where there is a private key.
 */
int certificates_add(const char *p, size_t n, const char *name, struct buf *ret, struct err *err);

#endif
