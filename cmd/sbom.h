/* What packages an image or a lock has, for scanners, lawyers and auditors (docs/sbom.md). */
#ifndef CMD_SBOM_H
#define CMD_SBOM_H

#include "base/arena.h"
#include "base/str.h"
#include "conda/record.h"

#define SBOM_TOOL "condaimg-" CONDAIMG_VERSION

struct sbom_package {
	const struct record *record;
	const char *id; /* unique, of letters, digits, '.' and '-' */
	const char *purl;
	const char *license; /* as it was told, or NULL */
	const char *expression; /* that license is in SPDX's words, or NULL */
	const char *const *license_files; /* its texts in the image, absolute; ends with NULL; or NULL */
	const size_t *needs; /* packages, ascending */
	size_t n_needs;
};

/* The one thing that the packages are in. */
struct sbom_subject {
	const char *name;
	bool is_image; /* else a lock */
	const char *sha256; /* of an image's manifest, hex */
	const char *arch; /* of an image */
	int64_t created; /* seconds since 1970 */
};

struct sbom {
	struct arena arena;
	struct sbom_subject subject;
	const char *purl; /* of the subject, or NULL */
	struct sbom_package *packages; /* sorted by name, version, ... */
	size_t n;
	size_t libc; /* the package that brings the C library, or n */
	const char *glibc_purl, *glibc_cpe; /* of that C library by its upstream name */
};

/* libc may be NULL. Texts and records must outlive it. Pure. */
void sbom_make(struct sbom *s, const struct sbom_subject *subject, const struct record *packages, size_t n,
	       const struct record *libc);

/* Where the licence texts of a package are; a list of the caller's, which ends with NULL. */
void sbom_license_files(struct sbom *s, const struct record *package, const char *const *files);

/* The whole document, appended to *ret: the same sbom gives the same bytes. */
void sbom_write_spdx(const struct sbom *s, struct buf *ret);
void sbom_write_cyclonedx(const struct sbom *s, struct buf *ret);

/* The UUID of a text, of version 8 (RFC 9562): its sha256, cut. */
struct sbom_uuid {
	char s[37];
};
struct sbom_uuid sbom_uuid(const char *p, size_t n);

void sbom_release(struct sbom *s);

#define auto_sbom CLEANUP(sbom_release) struct sbom

#endif
