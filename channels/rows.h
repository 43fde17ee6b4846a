/* What scanning repodata leaves: where each record is, by name. Private to channels/. */
#ifndef CHANNELS_ROWS_H
#define CHANNELS_ROWS_H

#include "channels/intern.h"
#include "channels/repodata.h"

#define ROW_NONE UINT32_MAX
#define ROW_NAME_MAX 255 /* bytes of a file name, and so of a name */

/* Larger goes first where several tell of the same file. */
enum row_kind { ROW_BZ2, ROW_V3_BZ2, ROW_CONDA, ROW_V3_CONDA };

/* Text is smaller than 4 GiB, so four bytes say where. */
struct row {
	uint32_t key; /* the quote before it */
	uint32_t value; /* the bracket before it */
	uint32_t next; /* of the same name, or ROW_NONE */
	uint32_t kind;
};

struct rows_of_name {
	uint32_t first, last;
};

struct repodata {
	struct buf text;
	size_t n_text; /* without the zeros after it */
	struct arena arena;
	struct channel channel;
	const char *subdir, *name;
	const char *base_url; /* or NULL (CEP 15) */
	uint32_t rank;
	struct row *rows; /* as the text has them */
	uint32_t n_rows;
	struct intern names; /* lower case */
	struct rows_of_name *by_name;
	struct intern removed; /* file names */
	size_t broken; /* that were no record at first sight */
	char example[200];
};

/* The name in a file name without its extension ("zlib" of "zlib-1.2-0"), in place; n is 0 where there is none. */
struct str rows_name_of(struct str stem);

#endif
