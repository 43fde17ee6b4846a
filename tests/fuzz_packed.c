/* The input is a packed file, whose checksums are made right; it may lie about everything else. */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "channels/packed.h"
#include "channels/packed_format.h"
#include "channels/repodata_impl.h"
#include "packed_reseal.h"

static const struct channel channel = { "c", "https://host/c", "https://host/c", NULL };

static struct packed *open_bytes(const uint8_t *data, size_t size)
{
	auto_free char *copy = mem_array(size ? size : 1, 1);
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (size)
		memcpy(copy, data, size);
	packed_reseal(copy, size);
	FUZZ_CHECK(fd >= 0 && write(fd, copy, size) == (ssize_t)size, "no memory");
	return packed_open(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const all[] = { "*" };
	struct packed *p = open_bytes(data, size);
	struct err err = ERR_INIT;
	struct repodata *r;
	auto_index ix = { 0 };
	auto_arena a = { 0 };
	uint64_t most;
	int rc;

	if (!p)
		return 0;
	most = packed_records(p);
	r = repodata_new(p, &channel, "noarch", 0, "fuzz", packed_base_url(p), &err);
	if (!r)
		return 0;
	rc = repodata_collect(&r, 1, all, 1, &ix, NULL, &err);
	FUZZ_CHECK((rc < 0) == (err.code != ERR_NONE), "an error without a sentence");
	FUZZ_CHECK((rc < 0) == packed_damaged(r->packed), "damage that nobody tells of");
	FUZZ_CHECK(ix.n <= most, "more records than there are");
	for (size_t i = 0; i < ix.n; i++) {
		const struct record *rec = &ix.records[i];

		FUZZ_CHECK(strlen(rec->name) + strlen(rec->version) + strlen(rec->build) + strlen(rec->fn) +
					   strlen(rec->url) <
				   size + 4096,
			   "a string from nowhere");
		for (const char *const *d = rec->depends; *d; d++)
			FUZZ_CHECK(strlen(*d) < size, "a string from nowhere");
	}
	repodata_similar(&a, &r, 1, "python", 3);
	repodata_free(r);
	return 0;
}
