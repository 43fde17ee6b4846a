/* Give a fuzz target each file named, and each file in each folder named: fuzz_NAME PATH... */
#include "fuzz.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"

#define INPUT_MAX ((uint64_t)16 << 20)

static int replay_file(int dirfd, const char *path)
{
	struct err err = ERR_INIT;
	auto_buf b = { 0 };
	auto_free uint8_t *exact = NULL;

	if (fs_read(dirfd, path, INPUT_MAX, &b, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	/* A block of exactly this size, so that reading beyond it is seen. */
	exact = mem_array(b.n ? b.n : 1, 1);
	if (b.n)
		memcpy(exact, b.p, b.n);
	LLVMFuzzerTestOneInput(exact, b.n);
	return 0;
}

static int replay_folder(const char *path, size_t *count)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	const char *const *names;
	size_t n;
	auto_fd fd = fs_opendir_existing(AT_FDCWD, path, &err);

	if (fd < 0 || fs_list(&a, fd, ".", &names, &n, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (replay_file(fd, names[i]) < 0)
			return -1;
		++*count;
	}
	return 0;
}

int main(int argc, char **argv)
{
	size_t count = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		bool folder = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);

		if ((folder ? replay_folder(argv[i], &count) : replay_file(AT_FDCWD, argv[i])) < 0)
			return 1;
		count += !folder;
	}
	printf("%zu inputs\n", count);
	/* A replay of nothing proves nothing. */
	return count ? 0 : 1;
}
