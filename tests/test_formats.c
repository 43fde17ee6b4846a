/* One set of packages in every format that says one: what is read back is the same set. */
#include "check.h"

#include <stdio.h>

#include "conda/explicit.h"
#include "conda/pixi_lock.h"

#define ROUNDS 60

static const char *const none[] = { NULL };
static const struct explicit_place place = { .cwd = "/" };

static const char *const *some(struct arena *a, uint32_t *seed, const char *front, const char *middle)
{
	size_t n = check_random(seed) % 3;
	const char **list = arena_array(a, n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = arena_printf(a, "%s%u%s%u", front, check_random(seed) % 20, middle, check_random(seed) % 10);
	return list;
}

static struct record random_record(struct arena *a, uint32_t *seed, size_t i)
{
	static const char *const channels[] = { "https://conda.anaconda.org/conda-forge", "file:///srv/a%20channel" };
	static const char *const versions[] = { "1.10", "2024a", "1!2.0+local", "9e", "2025.10.5" };
	static const char *const builds[] = { "h12ab_", "py312h1_", "", "pyhd8ed1ab_", "cuda_" };
	struct record r = { .name = arena_printf(a, "pkg%zu", i) };

	r.version = versions[check_random(seed) % COUNT(versions)];
	r.build_number = check_random(seed) % 30;
	r.build = arena_printf(a, "%s%u%s", builds[check_random(seed) % COUNT(builds)], (unsigned)r.build_number,
			       check_random(seed) % 4 ? "" : "_x");
	r.noarch = check_random(seed) % 3;
	r.subdir = r.noarch == NOARCH_NO ? "linux-64" : "noarch";
	r.channel_rank = check_random(seed) % 2;
	r.channel = channels[r.channel_rank];
	r.fn = arena_printf(a, "%s-%s-%s%s", r.name, r.version, r.build, i % 2 ? ".conda" : ".tar.bz2");
	r.url = arena_printf(a, "%s/%s/%s", r.channel, r.subdir, r.fn);
	r.depends = some(a, seed, "pkg", " >=");
	r.constrains = some(a, seed, "pkg", " <");
	r.track_features = some(a, seed, "feature", "-");
	r.license = check_random(seed) % 2 ? "BSD-3-Clause" : NULL;
	r.size = check_random(seed);
	r.timestamp = 1700000000000 + check_random(seed);
	r.has_sha256 = r.has_md5 = true;
	for (size_t k = 0; k < 32; k++)
		r.sha256.sha256[k] = (uint8_t)check_random(seed);
	memcpy(r.md5, r.sha256.sha256, 16);
	record_defaults(&r);
	return r;
}

static void random_lock(uint32_t *seed, struct lock *l)
{
	static const char *const channels[] = { "https://conda.anaconda.org/conda-forge", "file:///srv/a%20channel",
						NULL };
	size_t n = 1 + check_random(seed) % 15;
	struct record *r = arena_array(&l->arena, n, sizeof(*r));
	struct lock_platform *p = arena_alloc(&l->arena, sizeof(*p));

	for (size_t i = 0; i < n; i++)
		r[i] = random_record(&l->arena, seed, i);
	lock_order(r, n);
	*p = (struct lock_platform){ .subdir = "linux-64",
				     .content_hash = "ab",
				     .virtuals = none,
				     .libc = "none",
				     .packages = r,
				     .n_packages = n };
	l->platforms = p;
	l->n_platforms = 1;
	l->channels = channels;
	l->sources = l->requested = l->warnings = none;
	l->priority = "strict";
}

static void add_yaml_list(struct buf *b, const char *key, const char *const *list)
{
	if (*list)
		buf_addf(b, "  %s:\n", key);
	for (; *list; list++)
		buf_addf(b, "  - %s\n", *list);
}

/* As rattler_lock writes it: what the URL says is left out, with what it takes for said by the build. */
static void write_pixi_package(const struct record *r, struct buf *b)
{
	static const char *const noarch[] = { "false", "generic", "python" };
	enum noarch derived = strcmp(r->subdir, "noarch") != 0 ? NOARCH_NO
			      : strstr(r->build, "py")	       ? NOARCH_PYTHON
							       : NOARCH_GENERIC;
	char md5[33];

	digest_hex_of(r->md5, sizeof(r->md5), md5);
	buf_addf(b, "- conda: %s\n", r->url);
	if (str_ends(r->build, "_x"))
		buf_addf(b, "  build_number: %llu\n", (unsigned long long)r->build_number);
	if (derived != r->noarch)
		buf_addf(b, "  noarch: %s\n", noarch[r->noarch]);
	buf_addf(b, "  sha256: %s\n  md5: '%s'\n", digest_hex(&r->sha256).hex, md5);
	add_yaml_list(b, "depends", r->depends);
	add_yaml_list(b, "constrains", r->constrains);
	add_yaml_list(b, "track_features", r->track_features);
	if (r->license)
		buf_addf(b, "  license: %s\n", r->license);
	buf_addf(b, "  size: %llu\n  timestamp: %lld\n", (unsigned long long)r->size, (long long)r->timestamp);
}

static void write_pixi(const struct lock *l, int version, struct buf *b)
{
	const struct lock_platform *p = &l->platforms[0];

	buf_addf(b, "version: %d\n", version);
	if (version == 7)
		buf_adds(b, "platforms:\n- name: gpu\n  subdir: linux-64\n");
	buf_adds(b, "environments:\n  default:\n    channels:\n");
	for (const char *const *c = l->channels; *c; c++)
		buf_addf(b, "    - url: %s/\n", *c);
	buf_addf(b, "    packages:\n      %s:\n", version == 7 ? "gpu" : p->subdir);
	for (size_t i = 0; i < p->n_packages; i++)
		buf_addf(b, "      - conda: %s\n", p->packages[i].url);
	buf_adds(b, "packages:\n");
	for (size_t i = p->n_packages; i-- > 0;)
		write_pixi_package(&p->packages[i], b);
}

static void same_place(const struct record *a, const struct record *b)
{
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->version, b->version);
	assert_string_equal(a->build, b->build);
	assert_string_equal(a->subdir, b->subdir);
	assert_string_equal(a->channel, b->channel);
	assert_string_equal(a->fn, b->fn);
	assert_string_equal(a->url, b->url);
}

static void same_list(const char *const *a, const char *const *b)
{
	for (; *a && *b; a++, b++)
		assert_string_equal(*a, *b);
	assert_true(!*a && !*b);
}

static void same_record(const struct record *a, const struct record *b)
{
	same_place(a, b);
	assert_true(digest_equal(&a->sha256, &b->sha256));
	assert_memory_equal(a->md5, b->md5, sizeof(a->md5));
	assert_int_equal(a->build_number, b->build_number);
	assert_int_equal(a->noarch, b->noarch);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->timestamp, b->timestamp);
	assert_int_equal(a->channel_rank, b->channel_rank);
	assert_string_equal(a->license ? a->license : "-", b->license ? b->license : "-");
	same_list(a->depends, b->depends);
	same_list(a->constrains, b->constrains);
	same_list(a->track_features, b->track_features);
	assert_false(b->bare);
}

/* conda-lock.yml -> @EXPLICIT -> conda-lock.yml: the same files with the same checksums. */
static void through_explicit(const struct lock *l, bool md5)
{
	struct err err = ERR_INIT;
	const struct lock_platform *p = &l->platforms[0];
	auto_lock listed = { 0 }, again = { 0 };
	auto_buf list = { 0 }, text = { 0 };

	explicit_write(p, md5, &list);
	assert_ok(explicit_parse(list.p, list.n, "list", "linux-aarch64", &place, &listed, &err), err);
	lock_write(&listed, &text);
	assert_ok(lock_parse(text.p, text.n, "text", &again, &err), err);
	assert_string_equal(listed.platforms[0].subdir, "linux-64");
	assert_int_equal(listed.platforms[0].n_packages, p->n_packages);
	assert_int_equal(again.platforms[0].n_packages, p->n_packages);
	for (size_t i = 0; i < p->n_packages; i++) {
		const struct record *a = &p->packages[i], *b = &listed.platforms[0].packages[i];

		same_place(a, b);
		assert_int_equal(b->has_md5, md5);
		assert_int_equal(b->has_sha256, !md5);
		assert_memory_equal(md5 ? a->md5 : a->sha256.sha256, md5 ? b->md5 : b->sha256.sha256, md5 ? 16 : 32);
	}
	for (size_t i = 0; i < p->n_packages; i++) {
		size_t k = 0;

		while (strcmp(p->packages[k].name, again.platforms[0].packages[i].name) != 0)
			k++;
		same_place(&p->packages[k], &again.platforms[0].packages[i]);
		assert_true(again.platforms[0].packages[i].bare);
	}
}

static void through_pixi(const struct lock *l, int version)
{
	struct err err = ERR_INIT;
	const struct lock_platform *p = &l->platforms[0];
	auto_lock pixi = { 0 }, again = { 0 };
	auto_buf text = { 0 }, ours = { 0 };

	write_pixi(l, version, &text);
	assert_ok(pixi_lock_parse(text.p, text.n, "text", "/", NULL, &pixi, &err), err);
	assert_string_equal(pixi.platforms[0].subdir, "linux-64");
	assert_int_equal(pixi.platforms[0].n_packages, p->n_packages);
	for (size_t i = 0; i < p->n_packages; i++)
		same_record(&p->packages[i], &pixi.platforms[0].packages[i]);
	pixi.foreign = false;
	lock_write(&pixi, &ours);
	assert_ok(lock_parse(ours.p, ours.n, "ours", &again, &err), err);
	for (size_t i = 0; i < p->n_packages; i++)
		same_record(&p->packages[i], &again.platforms[0].packages[i]);
}

static void every_format_gives_the_same_packages(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct err err = ERR_INIT;
		auto_lock l = { 0 }, again = { 0 };
		auto_buf text = { 0 };

		random_lock(&seed, &l);
		lock_write(&l, &text);
		assert_ok(lock_parse(text.p, text.n, "text", &again, &err), err);
		for (size_t k = 0; k < l.platforms[0].n_packages; k++)
			same_record(&l.platforms[0].packages[k], &again.platforms[0].packages[k]);
		through_explicit(&again, false);
		through_explicit(&again, true);
		through_pixi(&again, 6);
		through_pixi(&again, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_gives_the_same_packages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
