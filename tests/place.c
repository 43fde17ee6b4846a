#include "place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

void place_make(struct place *p)
{
	struct err err = ERR_INIT;

	snprintf(p->dir, sizeof(p->dir), "/tmp/test_download.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->fd = fs_opendir_existing(AT_FDCWD, p->dir, &err);
	assert_true(p->fd >= 0);
	p->http = http_new("condaimg-test/0");
	http_set_patience(p->http,
			  &(struct http_patience){ .connect_ms = 2000, .stall_s = 30, .tries = 3, .backoff_ms = 10 });
}

void place_hurry(struct place *p)
{
	http_set_patience(p->http, &(struct http_patience){ .stall_s = 1 });
}

void place_drop(struct place *p)
{
	struct err err = ERR_INIT;

	http_free(p->http);
	close(p->fd);
	assert_int_equal(fs_remove(AT_FDCWD, p->dir, &err), 0);
}

struct download place_want(const char *url, const char *content, size_t n)
{
	n = n ? n : strlen(content);
	return (struct download){
		.url = url, .fn = "x.conda", .size = n, .has_sha256 = true, .sha256 = digest_bytes(content, n)
	};
}

void place_expect(struct place *p, const struct download *d, const char *content)
{
	auto_free char *path = mem_printf("sha256/%s", digest_hex(&d->sha256).hex);
	auto_buf b = { 0 };
	struct err err = ERR_INIT;
	struct stat st;

	if (fs_read(p->fd, path, 1 << 20, &b, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(buf_cstr(&b), content);
	assert_int_equal(fstatat(p->fd, path, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

size_t place_files(struct place *p, const char *dir)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const char *const *names;
	size_t n;

	if (!fs_exists(p->fd, dir))
		return 0;
	assert_int_equal(fs_list(&a, p->fd, dir, &names, &n, &err), 0);
	return n;
}
