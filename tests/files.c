#include "files.h"

#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "conda/lock.h"

static int open_data(const char *folder)
{
	const char *root = getenv("CONDAIMG_SOURCE_ROOT");
	auto_free char *path = mem_printf("%s/testdata/%s", root ? root : ".", folder);
	struct err err = ERR_INIT;
	int fd = fs_opendir_existing(AT_FDCWD, path, &err);

	assert_ok(fd, err);
	return fd;
}

static void check_one(int dir, const char *name, size_t stem, files_read *read)
{
	struct err err = ERR_INIT;
	auto_buf text = { 0 }, want = { 0 }, got = { 0 };
	auto_free char *other = mem_printf("%.*s.%s", (int)stem, name, str_starts(name, "bad-") ? "err" : "want");
	auto_free char *exact = NULL;

	assert_ok(fs_read(dir, name, 1 << 20, &text, &err), err);
	assert_ok(fs_read(dir, other, 1 << 20, &want, &err), err);
	exact = mem_alloc(text.n + 1);
	if (text.n)
		memcpy(exact, text.p, text.n);
	if (read(name, exact, text.n, &got, &err) < 0)
		buf_addf(&got, "%s\n", err.text);
	if (strcmp(buf_cstr(&got), buf_cstr(&want)) != 0)
		fail_msg("%s: got\n%s--- expected\n%s", name, buf_cstr(&got), buf_cstr(&want));
}

void files_check(const char *folder, const char *suffix, files_read *read, size_t good, size_t bad)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	auto_fd dir = open_data(folder);
	const char *const *names;
	size_t n, counts[2] = { 0 };

	assert_ok(fs_list(&a, dir, ".", &names, &n, &err), err);
	for (size_t i = 0; i < n; i++) {
		if (!str_ends(names[i], suffix))
			continue;
		check_one(dir, names[i], strlen(names[i]) - strlen(suffix), read);
		counts[str_starts(names[i], "bad-")]++;
	}
	assert_true(counts[0] >= good);
	assert_true(counts[1] >= bad);
}

void files_subdir(const char *text, size_t n, char *ret)
{
	struct str rest = { text, n }, line;

	if (str_cut(&rest, '\n', &line) && line.n > 6 && line.n < 30 && memcmp(line.p, "# for ", 6) == 0)
		snprintf(ret, 32, "%.*s", (int)line.n - 6, line.p + 6);
}

static void add_list(struct buf *b, const char *what, const char *const *list)
{
	for (size_t i = 0; list && list[i]; i++)
		buf_addf(b, "%s%s", i ? "; " : what, list[i]);
}

static void dump_record(const struct record *r, struct buf *b)
{
	static const char *const noarch[] = { "", " noarch", " noarch-python" };
	char md5[33];

	buf_addf(b, "  %s %s %s %llu %s%s%s fn %s\n    url %s\n    channel %s (%u)\n", r->name, r->version, r->build,
		 (unsigned long long)r->build_number, *r->subdir ? r->subdir : "-", noarch[r->noarch],
		 r->bare ? " bare" : "", r->fn, r->url, *r->channel ? r->channel : "-", r->channel_rank);
	digest_hex_of(r->md5, sizeof(r->md5), md5);
	buf_addf(b, "   ");
	if (r->has_sha256)
		buf_addf(b, " sha256 %s", digest_hex(&r->sha256).hex);
	if (r->has_md5)
		buf_addf(b, " md5 %s", md5);
	buf_addc(b, '\n');
	if (r->bare)
		return;
	add_list(b, "    depends ", r->depends);
	add_list(b, "\n    constrains ", r->constrains);
	add_list(b, "\n    features ", r->track_features);
	add_list(b, "\n    flags ", r->flags);
	for (size_t i = 0; i < r->n_extras; i++) {
		buf_addf(b, "\n    extra %s ", r->extras[i].name);
		add_list(b, "", r->extras[i].depends);
	}
	buf_addf(b, "\n    size %llu timestamp %lld license %s family %s site-packages %s legacy %s\n",
		 (unsigned long long)r->size, (long long)r->timestamp, r->license ? r->license : "-",
		 r->license_family ? r->license_family : "-", r->site_packages ? r->site_packages : "-",
		 r->legacy_bz2_md5 ? r->legacy_bz2_md5 : "-");
}

void files_dump_lock(const struct lock *l, struct buf *b)
{
	if (l->name)
		buf_addf(b, "name %s\n", l->name);
	for (const char *const *c = l->channels; *c; c++)
		buf_addf(b, "channel %s\n", *c);
	for (const char *const *w = l->warnings; *w; w++)
		buf_addf(b, "warning %s\n", *w);
	for (size_t i = 0; i < l->n_platforms; i++) {
		const struct lock_platform *p = &l->platforms[i];

		buf_addf(b, "platform %s\n", p->subdir);
		if (p->refused)
			buf_addf(b, "  refused: %s\n", p->refused);
		for (size_t k = 0; k < p->n_packages; k++)
			dump_record(&p->packages[k], b);
	}
}
