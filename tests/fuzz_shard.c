/* The input is msgpack: it is read as a shard index and as a shard. What comes of it must hold together. */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "channels/msgpack.h"
#include "channels/shard.h"

static void read_index(const uint8_t *data, size_t size)
{
	auto_arena a = { 0 };
	struct shard_index ix;
	struct err err = ERR_INIT;
	int rc = shard_index_read(&a, data, size, "fuzz", &ix, &err);

	FUZZ_CHECK((rc < 0) == (err.code != ERR_NONE), "an error without a sentence");
	for (size_t i = 0; rc == 0 && i < ix.n; i++) {
		FUZZ_CHECK(shard_index_find(&ix, ix.names[i]) == i, "a name that is not found");
		FUZZ_CHECK(strlen(ix.names[i].p) == ix.names[i].n, "a name with a NUL");
	}
}

static void read_shard(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	auto_pack *pack = pack_new(fd);
	struct reach reach;
	struct shard_follow follow = { .reach = &reach };
	struct err err = ERR_INIT;
	struct packed *p;
	int rc;

	reach_init(&reach);
	rc = shard_read(data, size, STR("a"), "fuzz", pack, &follow, &err);
	FUZZ_CHECK((rc < 0) == (err.code != ERR_NONE), "an error without a sentence");
	err_clear(&err);
	FUZZ_CHECK(pack_finish(pack, NULL, NULL, &err) == 0, "%s", err.text);
	p = packed_open(fd);
	FUZZ_CHECK(p, "what was written cannot be read");
	for (size_t i = 0; i < packed_names(p); i++) {
		struct packed_cursor c = packed_records_of(p, i);
		struct packed_item item;
		struct str name = packed_name(p, i);

		FUZZ_CHECK(str_eq(name, "a"), "a record of another name: %.*s", (int)name.n, name.p);
		while (packed_next(p, &c, &item))
			FUZZ_CHECK(!strchr(item.fn, '/') && *item.fn != '.', "file name %s", item.fn);
	}
	FUZZ_CHECK(!packed_damaged(p), "damaged");
	packed_free(p);
	shard_follow_release(&follow);
	reach_release(&reach);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msgpack m;

	msgpack_init(&m, data, size);
	FUZZ_CHECK((msgpack_skip(&m) < 0) == (m.fault != NULL) && m.at <= m.end, "beyond the end");
	read_index(data, size);
	read_shard(data, size);
	return 0;
}
