/*
 * What an ELF file asks of the loader: the names of its shared libraries (DT_NEEDED), from the bytes as they
 * stream by.
 *
 * A reader for one question, of 64-bit programs and libraries for any machine. Nothing in the file is trusted: what
 * does not add up, or stands where it was not kept (the names behind the first ELF_HEAD_MAX bytes, but before the
 * table that says where they are), comes to no answer, and never to a wrong one.
 */
#ifndef CONDA_ELF_H
#define CONDA_ELF_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

#define ELF_HEAD_MAX ((size_t)16 << 20) /* bytes of a file that are kept from its beginning */
#define ELF_DYNAMIC_MAX ((size_t)1 << 20) /* bytes of the table */
#define ELF_STRINGS_MAX ((size_t)16 << 20) /* bytes of names, where they are behind it */
#define ELF_NEEDED_MAX 1000
#define ELF_SEGMENTS_MAX 256

/* Bytes of the file from some offset on. */
struct elf_part {
	uint64_t offset, size; /* that are wanted; 0: none, as yet */
	struct buf bytes; /* that were there */
};

struct elf_scan {
	struct elf_part head, dynamic, strings;
	uint64_t at; /* bytes that went by */
	bool is_elf, is_read; /* is_read: the head says where the table is, or that there is none */
	bool is_found; /* the table says where the names are */
	bool big_endian;
};

/* Another file; what is kept for the last one is used again. */
void elf_scan_begin(struct elf_scan *s);
void elf_scan_add(struct elf_scan *s, const void *p, size_t n);

/*
 * The names, in a, ending with NULL, in the file's order; *machine is e_machine (62 is x86-64, 183 aarch64). NULL:
 * it is no such file, or there is no answer. Names are printable ASCII without '/' and white space; others are left out.
 */
const char *const *elf_scan_needed(struct elf_scan *s, struct arena *a, unsigned *machine);
void elf_scan_release(struct elf_scan *s);

#endif
