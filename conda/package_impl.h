/* Private to package*.c. */
#ifndef CONDA_PACKAGE_IMPL_H
#define CONDA_PACKAGE_IMPL_H

#include "base/archive.h"
#include "conda/info.h"
#include "conda/package.h"

/* The payload (or info) tar, and what it is read through. */
struct stream {
	struct archive_in *zip, *tar;
	size_t members;
	uint64_t left; /* bytes that files may have, holes of sparse ones included */
};

/* A file's content, checked. */
struct checked {
	struct source base;
	struct source *in;
	const char *path;
	bool touched, ended;
};

struct package {
	int fd;
	uint64_t unpacked_max;
	bool conda;
	char *fn;
	struct arena arena;
	struct package_info info;
	struct package_license *licenses;
	size_t n_licenses, licenses_bytes;
	bool licenses_sorted;
	bool *seen; /* of paths */
	struct stream payload;
	bool info_done; /* the payload's stream was read up to its first member only: that is pending */
	bool has_pending, at_end;
	struct member pending;
	struct source *pending_content;
	struct checked content;
	struct stream copy;
	struct checked copy_content;
	char *copy_path;
	unsigned n_copies;
};

/* in, which an archive owns, as something that a wrapper may own. */
struct source *package_borrow(struct source *in);

/* ---- streams of package.c ---- */

void package_stream_close(struct stream *s);
int package_stream_next(struct stream *s, struct member *m, struct source **content, struct err *err);

/* A tar out of in, which is taken over. */
int package_open_tar(struct package *p, struct stream *s, struct source *in, struct err *err);

/* "PREFIXNAME.tar.zst" in a .conda. */
bool package_is_part(const struct member *m, const char *prefix);

/* The payload from its beginning. */
int package_open_payload(struct package *p, struct stream *s, struct err *err);

/* ---- package_info.c ---- */

/* All of info/ that counts, into p; the payload is open then. Errors begin with the package's file name. */
int package_read_info(struct package *p, struct err *err);

bool package_is_info(const char *path);

/* What a licence text of info/ is called, or NULL: it is none. */
const char *package_license_name(const char *path);

/* A member of info/, if it is a licence text. ERR_LIMIT. */
int package_read_license(struct package *p, const struct member *m, struct source *content, struct err *err);

#endif
