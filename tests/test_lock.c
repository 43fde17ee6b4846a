#include "check.h"

#include <stdio.h>

#include "conda/lock.h"

static const char *const none[] = { NULL };

/* ---- a lock with something in every field, and another each time ---- */

static const char *word(struct arena *a, uint32_t *seed)
{
	static const char *const odd[] = { "3.10",	  "yes",       "null", "1e5",	 "a b",
					   "it's",	  "\xc3\xa9",  "x: y", "\"q\"",	 "#",
					   "back\\slash", "tab\there", "*",    ">=1,<2", "" };

	if (check_random(seed) % 3)
		return arena_printf(a, "w%u", check_random(seed) % 1000);
	return odd[check_random(seed) % COUNT(odd)];
}

static const char *const *words(struct arena *a, uint32_t *seed)
{
	size_t n = check_random(seed) % 4;
	const char **list = arena_array(a, n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = word(a, seed);
	return list;
}

static const char *maybe(struct arena *a, uint32_t *seed)
{
	return check_random(seed) % 2 ? word(a, seed) : NULL;
}

static struct record random_record(struct arena *a, uint32_t *seed, size_t i, const char *subdir)
{
	static const char *const channels[] = { "https://conda.anaconda.org/conda-forge", "file:///srv/channel",
						"/srv/channel" };
	static const char *const versions[] = { "1.10", "2024a", "1!2.0+local", "9e", "2025.10.5" };
	struct record r = { 0 };
	struct record_extra *extras = arena_array(a, 2, sizeof(*extras));
	const char **deps = arena_array(a, 4, sizeof(*deps));

	r.name = arena_printf(a, "pkg%zu", i);
	r.version = versions[check_random(seed) % COUNT(versions)];
	r.build_number = check_random(seed) % 4;
	r.build = arena_printf(a, "h%06x_%d", check_random(seed) % 0xffffff, (int)r.build_number);
	r.noarch = check_random(seed) % 3;
	r.subdir = r.noarch != NOARCH_NO ? "noarch" : subdir;
	r.channel_rank = check_random(seed) % COUNT(channels);
	r.channel = channels[r.channel_rank];
	r.fn = arena_printf(a, "%s-%s-%s%s", r.name, r.version, r.build,
			    check_random(seed) % 2 ? ".conda" : ".tar.bz2");
	r.url = arena_printf(a, "%s/%s/%s", r.channel, r.subdir, r.fn);
	if (check_random(seed) % 8 == 0) /* info.base_url: the file is kept elsewhere, under another name */
		r.url = arena_printf(a, "https://mirror.example/files/%s-%s-%s.conda", r.name, r.version, r.build);
	for (size_t k = 0; k < check_random(seed) % 4; k++)
		deps[k] = arena_printf(a, "pkg%u >=%u,<3", check_random(seed) % 10, check_random(seed) % 10);
	r.depends = deps;
	r.constrains = words(a, seed);
	r.track_features = words(a, seed);
	r.flags = words(a, seed);
	extras[0] = (struct record_extra){ "alpha", words(a, seed) };
	extras[1] = (struct record_extra){ "beta", words(a, seed) };
	r.extras = extras;
	r.n_extras = check_random(seed) % 3;
	r.license = maybe(a, seed);
	r.license_family = maybe(a, seed);
	r.site_packages = check_random(seed) % 4 ? NULL : "lib/python3.13t/site-packages";
	r.legacy_bz2_md5 = maybe(a, seed);
	r.size = check_random(seed) % 2 ? check_random(seed) * (uint64_t)900 : 0;
	r.timestamp = check_random(seed) % 2 ? 1700000000000 + check_random(seed) : 0;
	r.indexed_timestamp = check_random(seed) % 2 ? check_random(seed) : 0;
	r.has_sha256 = check_random(seed) % 4;
	r.has_md5 = !r.has_sha256 || check_random(seed) % 4;
	for (size_t k = 0; r.has_sha256 && k < 32; k++)
		r.sha256.sha256[k] = check_random(seed) % 3 ? 0x11 : (uint8_t)check_random(seed);
	for (size_t k = 0; r.has_md5 && k < 16; k++)
		r.md5[k] = 0x12;
	record_defaults(&r);
	return r;
}

static void random_lock(uint32_t *seed, struct lock *l)
{
	static const char *const channels[] = { "https://conda.anaconda.org/conda-forge", "file:///srv/channel",
						"/srv/channel", NULL };
	static const char *const subdirs[] = { "linux-64", "linux-aarch64" };
	static const char *const libcs[] = { "auto", "none", "2.28" };
	struct arena *a = &l->arena;
	struct lock_platform *p = arena_array(a, 2, sizeof(*p));
	struct env_variable *v = arena_array(a, 2, sizeof(*v));

	l->channels = channels;
	l->platforms = p;
	l->warnings = none;
	l->n_platforms = 1 + check_random(seed) % 2;
	l->sources = words(a, seed);
	l->requested = words(a, seed);
	l->name = maybe(a, seed);
	l->priority = check_random(seed) % 2 ? "strict" : "flexible";
	v[0] = (struct env_variable){ "ALPHA", word(a, seed) };
	v[1] = (struct env_variable){ "BETA", "two\nlines" };
	l->variables = v;
	l->n_variables = check_random(seed) % 3;
	for (size_t i = 0; i < l->n_platforms; i++) {
		size_t n = check_random(seed) % 8, m = check_random(seed) % 3;
		struct record *r = arena_array(a, n, sizeof(*r)), *libc = arena_array(a, m, sizeof(*libc));

		for (size_t k = 0; k < n; k++)
			r[k] = random_record(a, seed, k, subdirs[i]);
		for (size_t k = 0; k < m; k++)
			libc[k] = random_record(a, seed, k, subdirs[i]);
		lock_order(r, n);
		lock_order(libc, m);
		p[i] = (struct lock_platform){ subdirs[i],
					       "1234567890e12",
					       words(a, seed),
					       libcs[check_random(seed) % 3],
					       r,
					       n,
					       libc,
					       m,
					       check_random(seed) % 2 ? "{\"https://x/linux-64\":{\"records\":1}}"
								      : NULL,
					       NULL };
	}
}

static void same_text(const char *a, const char *b)
{
	assert_true(!a == !b);
	if (a)
		assert_string_equal(a, b);
}

static void same_list(const char *const *a, const char *const *b)
{
	for (; *a && *b; a++, b++)
		assert_string_equal(*a, *b);
	assert_true(!*a && !*b);
}

static void same_record(const struct record *a, const struct record *b)
{
	same_text(a->name, b->name);
	same_text(a->version, b->version);
	same_text(a->build, b->build);
	same_text(a->subdir, b->subdir);
	same_text(a->channel, b->channel);
	same_text(a->fn, b->fn);
	same_text(a->url, b->url);
	same_list(a->depends, b->depends);
	same_list(a->constrains, b->constrains);
	same_list(a->track_features, b->track_features);
	same_list(a->flags, b->flags);
	assert_int_equal(a->n_extras, b->n_extras);
	for (size_t i = 0; i < a->n_extras; i++) {
		same_text(a->extras[i].name, b->extras[i].name);
		same_list(a->extras[i].depends, b->extras[i].depends);
	}
	same_text(a->license, b->license);
	same_text(a->license_family, b->license_family);
	same_text(a->site_packages, b->site_packages);
	same_text(a->legacy_bz2_md5, b->legacy_bz2_md5);
	assert_int_equal(a->build_number, b->build_number);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->timestamp, b->timestamp);
	assert_int_equal(a->indexed_timestamp, b->indexed_timestamp);
	assert_int_equal(a->has_sha256, b->has_sha256);
	assert_int_equal(a->has_md5, b->has_md5);
	assert_memory_equal(a->sha256.sha256, b->sha256.sha256, 32);
	assert_memory_equal(a->md5, b->md5, 16);
	assert_int_equal(a->noarch, b->noarch);
	assert_int_equal(a->channel_rank, b->channel_rank);
}

static void same_lock(const struct lock *a, const struct lock *b)
{
	same_list(a->channels, b->channels);
	same_list(a->sources, b->sources);
	same_list(a->requested, b->requested);
	same_text(a->name, b->name);
	same_text(a->priority, b->priority);
	assert_int_equal(a->foreign, b->foreign);
	assert_int_equal(a->n_variables, b->n_variables);
	for (size_t i = 0; i < a->n_variables; i++) {
		same_text(a->variables[i].name, b->variables[i].name);
		same_text(a->variables[i].value, b->variables[i].value);
	}
	assert_int_equal(a->n_platforms, b->n_platforms);
	for (size_t i = 0; i < a->n_platforms; i++) {
		const struct lock_platform *p = &a->platforms[i], *q = &b->platforms[i];

		same_text(p->subdir, q->subdir);
		same_text(p->content_hash, q->content_hash);
		same_text(p->libc, q->libc);
		same_text(p->provenance, q->provenance);
		same_list(p->virtuals, q->virtuals);
		assert_int_equal(p->n_packages, q->n_packages);
		assert_int_equal(p->n_libc_packages, q->n_libc_packages);
		for (size_t k = 0; k < p->n_packages; k++)
			same_record(&p->packages[k], &q->packages[k]);
		for (size_t k = 0; k < p->n_libc_packages; k++)
			same_record(&p->libc_packages[k], &q->libc_packages[k]);
	}
}

static void what_is_written_is_read_field_by_field(void **state)
{
	uint32_t seed = 4711;

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct err err = ERR_INIT;
		auto_lock l = { 0 }, back = { 0 };
		auto_buf text = { 0 }, again = { 0 };

		random_lock(&seed, &l);
		lock_write(&l, &text);
		if (lock_parse(text.p, text.n, "lock", &back, &err) < 0)
			fail_msg("%s\n%s", err.text, text.p);
		same_lock(&l, &back);
		lock_write(&back, &again);
		assert_string_equal(text.p, again.p);
	}
}

static void order_of_packages_in_memory_does_not_show(void **state)
{
	uint32_t seed = 99;

	(void)state;
	for (int i = 0; i < 50; i++) {
		auto_lock l = { 0 };
		auto_buf text = { 0 }, other = { 0 };
		struct record *r;
		size_t n;

		random_lock(&seed, &l);
		lock_write(&l, &text);
		r = (struct record *)l.platforms[0].packages;
		n = l.platforms[0].n_packages;
		for (size_t k = 0; k < n / 2; k++) {
			struct record t = r[k];

			r[k] = r[n - 1 - k];
			r[n - 1 - k] = t;
		}
		lock_write(&l, &other);
		assert_string_equal(text.p, other.p);
	}
}

/* ---- locks of other tools ---- */

#define MD5 "f9e5fbc24009179e8b0409624691758a"
#define SHA "3b5ad78b8bb61b6cdc0978a6a99f8dfb2cc789a451378d054698441005ecbdb6"
#define META                      \
	"version: 1\n"            \
	"metadata:\n"             \
	"  content_hash:\n"       \
	"    linux-64: af8caa\n"  \
	"  channels:\n"           \
	"  - url: conda-forge\n"  \
	"    used_env_vars: []\n" \
	"  platforms:\n"          \
	"  - linux-64\n"          \
	"  sources:\n"            \
	"  - environment.yml\n"
#define URL "https://conda.anaconda.org/conda-forge/"
#define PACKAGE_OF(name, version, url) \
	"- name: " name "\n"           \
	"  version: " version "\n"     \
	"  manager: conda\n"           \
	"  platform: linux-64\n"       \
	"  url: " url "\n"             \
	"  hash:\n"                    \
	"    md5: " MD5 "\n"           \
	"    sha256: " SHA "\n"        \
	"  category: main\n"           \
	"  optional: false\n"

/* CEP 37's example, as conda-lock writes it. */
static void conda_locks_own_locks_are_read(void **state)
{
	static const char text[] = META
		"  custom_metadata: {who: me}\n"
		"  time_metadata: {created_at: '2025-01-01T00:00:00Z'}\n"
		"package:\n"
		"- name: zlib\n  version: 1.10\n  manager: conda\n  platform: linux-64\n"
		"  dependencies:\n    libgcc: '>=13'\n    __glibc: '>=2.17,<3.0.a0'\n    ca-certificates: ''\n"
		"  url: " URL "linux-64/zlib-1.10-h123_1.conda\n"
		"  hash:\n    md5: " MD5 "\n  category: main\n  optional: false\n" PACKAGE_OF(
			"ca-certificates", "2025.10.5",
			URL
			"noarch/ca-certificates-2025.10.5-hbd8a1cb_0.conda") "- name: pytest\n  version: '8'\n  manager: conda\n  platform: linux-64\n"
									     "  url: " URL
									     "noarch/pytest-8-0.conda\n  hash: {md5: " MD5
									     "}\n  category: dev\n  optional: true\n";
	struct err err = ERR_INIT;
	auto_lock l = { 0 };
	const struct lock_platform *p;

	(void)state;
	assert_ok(lock_parse(text, strlen(text), "x-lock.yml", &l, &err), err);
	assert_true(l.foreign);
	assert_null(l.name);
	p = lock_find(&l, "linux-64");
	assert_null(lock_find(&l, "osx-64"));
	assert_int_equal(p->n_packages, 2);
	assert_int_equal(p->n_libc_packages, 0);
	assert_string_equal(p->content_hash, "af8caa");
	assert_string_equal(p->libc, "");
	assert_null(p->virtuals[0]);
	assert_string_equal(p->packages[0].name, "ca-certificates");
	assert_string_equal(p->packages[0].subdir, "noarch");
	assert_string_equal(p->packages[0].build, "hbd8a1cb_0");
	assert_string_equal(p->packages[0].channel, "https://conda.anaconda.org/conda-forge");
	assert_true(p->packages[0].has_sha256 && p->packages[0].has_md5);
	assert_string_equal(p->packages[1].name, "zlib");
	assert_string_equal(p->packages[1].version, "1.10");
	assert_string_equal(p->packages[1].fn, "zlib-1.10-h123_1.conda");
	assert_string_equal(p->packages[1].depends[0], "libgcc >=13");
	assert_string_equal(p->packages[1].depends[1], "__glibc >=2.17,<3.0.a0");
	assert_string_equal(p->packages[1].depends[2], "ca-certificates");
	assert_null(p->packages[1].depends[3]);
	assert_false(p->packages[1].has_sha256);
	assert_string_equal(l.warnings[0],
			    "x-lock.yml:38:9: packages of other categories than 'main', such as this of 'dev', are "
			    "left out");
	assert_null(l.warnings[1]);
}

static void credentials_in_urls_are_dropped(void **state)
{
	static const struct {
		const char *url, *clean, *channel;
	} rows[] = {
		{ "https://user:pass@h.example/c/noarch/a-1-0.conda", "https://h.example/c/noarch/a-1-0.conda",
		  "https://h.example/c" },
		{ "https://u@@h.example:8443/c/noarch/a-1-0.conda", "https://h.example:8443/c/noarch/a-1-0.conda",
		  "https://h.example:8443/c" },
		{ "https://h/t/tk-123-abc/c/noarch/a-1-0.conda", "https://h/c/noarch/a-1-0.conda", "https://h/c" },
		{ "https://h/api/t/$TOKEN/c/noarch/a-1-0.conda", "https://h/api/c/noarch/a-1-0.conda",
		  "https://h/api/c" },
		{ "https://h/c/noarch/a-1-0.conda", "https://h/c/noarch/a-1-0.conda", "https://h/c" },
		{ "https://h/a@b/noarch/a-1-0.conda", "https://h/a@b/noarch/a-1-0.conda", "https://h/a@b" },
		{ "file:///srv/c/linux-64/a-1-0.conda", "file:///srv/c/linux-64/a-1-0.conda", "file:///srv/c" },
		{ "/srv/my c/linux-64/a-1-0.tar.bz2", "/srv/my c/linux-64/a-1-0.tar.bz2", "/srv/my c" },
		{ "https://h/files/a-1-0.conda", "https://h/files/a-1-0.conda", "https://h/files" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_lock l = { 0 };
		auto_buf b = { 0 };

		buf_addf(&b,
			 META
			 "package:\n- name: a\n  version: '1'\n  manager: conda\n  platform: linux-64\n  url: '%s'\n"
			 "  hash: {md5: " MD5 "}\n",
			 rows[i].url);
		assert_ok(lock_parse(b.p, b.n, "f", &l, &err), err);
		assert_string_equal(l.platforms[0].packages[0].url, rows[i].clean);
		assert_string_equal(l.platforms[0].packages[0].channel, rows[i].channel);
	}
}

static void hostile_and_broken_locks_are_refused(void **state)
{
#define P(url) META "package:\n" PACKAGE_OF("a", "'1'", url)
#define LINES(text) META "package:\n- name: a\n  version: '1'\n" text
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "", "f:1:1: is empty" },
		{ "[]", "f:1:1: the lock is a list, expected a map" },
		{ "version: 2\nmetadata: {}\npackage: []\n", "f:1:10: is a lock of version 2, expected version 1" },
		{ "version: '1'\n", "'version' is a string" },
		{ "version: 1\npackage: []\n", "has no 'metadata'" },
		{ META, "has no 'package'" },
		{ META "package: {}\n", "'package' is a map, expected a list" },
		{ META "package: [x]\n", "a package is a string, expected a map" },
		{ META "more: 1\npackage: []\n", "f:12:1: 'more' is not a key of the lock" },
		{ META "  more: 1\npackage: []\n", "f:12:3: 'more' is not a key of 'metadata'" },
		{ META "  custom_metadata: {a: [1]}\npackage: []\n", "'a' is a list, expected a string" },
		{ META "  custom_metadata: {condaimg.format: '2'}\npackage: []\n", "format '2', expected '1'" },
		{ META "  custom_metadata: {condaimg.format: '1', condaimg.requested: '[1]'}\npackage: []\n",
		  "'condaimg.requested' holds a number, expected only strings" },
		{ META "  custom_metadata: {condaimg.format: '1', condaimg.variables: '{'}\npackage: []\n",
		  "'condaimg.variables': its value:1:" },
		{ "version: 1\nmetadata: {content_hash: {}, channels: [], platforms: [noarch], sources: []}\npackage: []\n",
		  "'noarch' is not a platform" },
		{ "version: 1\nmetadata: {content_hash: {}, channels: [], platforms: [win-64, win-64], sources: []}\npackage: []\n",
		  "platform 'win-64' stands here twice" },
		{ "version: 1\nmetadata: {content_hash: {}, channels: [{url: 'ftp://x'}], platforms: [], sources: []}\npackage: []\n",
		  "the channel's URL is neither http(s)" },
		{ P("ftp://h/c/noarch/a-1-0.conda"),
		  "f:17:8: the URL of a is neither http(s)://, oci://, file:// nor an absolute path" },
		{ P("a-1-0.conda"), "is neither http" },
		{ P("../../etc/a-1-0.conda"), "is neither http" },
		{ P("https://h/c/noarch/b-1-0.conda"), "the URL is of b 1, expected a 1" },
		{ P("https://h/c/noarch/a-2-0.conda"), "the URL is of a 2, expected a 1" },
		{ P("https://h/c/noarch/a-1-0.zip"), "does not end in a package's file name" },
		{ P("https://h/c/noarch/"), "does not end in a package's file name" },
		{ P("https://h/c/noarch/x%2Fa-1-0.conda"), "does not end in a package's file name" },
		{ P("https://h/c/noarch/a%00-1-0.conda"), "does not end in a package's file name" },
		{ P("https://h/c/noarch/a%zz-1-0.conda"), "does not end in a package's file name" },
		{ P("https://h/c/osx-64/a-1-0.conda"), "is of osx-64, expected linux-64 or noarch" },
		{ P("https://h/c/noarch/a-1-0.conda?x=1"), "has a space, '?', '#'" },
		{ P("https:///noarch/a-1-0.conda"), "has no host" },
		{ P("\"https://h/c/noarch/a-1-0.conda\\n\""), "has a control character" },
		{ LINES("  manager: pip\n  platform: linux-64\n"), "package 'a' is one from PyPI (manager: pip)" },
		{ LINES("  manager: npm\n  platform: linux-64\n"), "manager is 'npm', expected 'conda'" },
		{ LINES("  manager: conda\n  platform: osx-64\n"),
		  "platform 'osx-64' is not among those in 'metadata'" },
		{ LINES("  manager: conda\n  platform: linux-64\n"), "has no 'url'" },
		{ LINES("  manager: conda\n  platform: linux-64\n  url: " URL "noarch/a-1-0.conda\n"),
		  "has no 'hash'" },
		{ LINES("  manager: conda\n  platform: linux-64\n  url: " URL "noarch/a-1-0.conda\n  hash: {}\n"),
		  "has neither 'sha256' nor 'md5'" },
		{ LINES("  manager: conda\n  platform: linux-64\n  url: " URL
			"noarch/a-1-0.conda\n  hash: {md5: abc}\n"),
		  "md5 is 'abc', expected 32 hex digits" },
		{ LINES("  manager: conda\n  platform: linux-64\n  url: " URL
			"noarch/a-1-0.conda\n  hash: {sha1: abc}\n"),
		  "'sha1' is not a key of 'hash'" },
		{ LINES("  manager: conda\n  platform: linux-64\n  url: " URL "noarch/a-1-0.conda\n  hash: {md5: " MD5
			"}\n  build: '1'\n"),
		  "build is '1', but the URL's is '0'" },
		{ LINES("  manager: conda\n  platform: linux-64\n  url: " URL "noarch/a-1-0.conda\n  hash: {md5: " MD5
			"}\n  dependencies: {x: [1]}\n"),
		  "dependency 'x' is a list" },
		{ LINES("  extra: 1\n"), "'extra' is not a key of a package" },
		{ META "package:\n" PACKAGE_OF("a", "'1'", URL "noarch/a-1-0.conda")
			  PACKAGE_OF("a", "'1'", URL "noarch/a-1-0.conda"),
		  "f:23:9: package 'a' stands here a second time for linux-64 (first in line 13)" },
		{ META "  custom_metadata: {condaimg.format: '1'}\npackage:\n" PACKAGE_OF("a", "'1'",
											  URL "noarch/a-1-0.conda"),
		  "custom_metadata has no 'condaimg.record.linux-64/a-1-0.conda'" },
#define RECORD(json)                                                                                         \
	META "  custom_metadata: {condaimg.format: '1', condaimg.record.linux-64/a-1-0.conda: '" json "'}\n" \
	     "package:\n" PACKAGE_OF("a", "'1'", URL "noarch/a-1-0.conda")
		{ RECORD("[]"), "is a list, expected a map" },
		{ RECORD("{\"depends\":5}"), "'depends' is a number, expected a list of strings" },
		{ RECORD("{\"size\":-1}"), "size is -1, expected 0 to" },
		{ RECORD("{\"size\":9000000000000000000}"), "size is 9000000000000000000, expected 0 to" },
		{ RECORD("{\"noarch\":\"perl\"}"), "noarch is 'perl'" },
		{ RECORD("{\"fn\":\"../a-1-0.conda\"}"), "names the file '../a-1-0.conda'" },
		{ RECORD("{\"fn\":\"b-1-0.conda\"}"), "which is of another package" },
		{ RECORD("{\"subdir\":\"../x\"}"), "is of '../x', expected linux-64 or noarch" },
		{ RECORD("{\"python_site_packages_path\":\"../../etc\"}"),
		  "python_site_packages_path has a \"..\" component" },
		{ RECORD("{\"extra_depends\":{\"a\":1}}"), "'a' is a number" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_lock l = { 0 };

		if (lock_parse(rows[i].text, strlen(rows[i].text), "f", &l, &err) == 0)
			fail_msg("passes: %s", rows[i].text);
		assert_err(err, ERR_FORMAT, rows[i].words);
		assert_null(l.arena.chunks);
	}
}

static void truncated_locks_are_read_or_refused(void **state)
{
	uint32_t seed = 31;
	auto_lock l = { 0 };
	auto_buf text = { 0 };

	(void)state;
	random_lock(&seed, &l);
	lock_write(&l, &text);
	for (size_t n = 0; n < text.n; n += 1 + text.n / 500) {
		struct err err = ERR_INIT;
		auto_lock cut = { 0 };

		if (lock_parse(text.p, n, "f", &cut, &err) < 0)
			assert_err(err, ERR_FORMAT, "f:");
	}
}

static void the_content_hash_depends_on_what_was_asked_alone(void **state)
{
	static const char *const channels[] = { "https://a", "https://b", NULL }, *const swapped[] = { "https://b",
												       "https://a",
												       NULL };
	static const char *const specs[] = { "a", "b", NULL }, *const specs2[] = { "b", "a", "b", NULL },
				 *const other[] = { "a", NULL };
	static const char *const virt[] = { "__unix=0=0", "__glibc=2.28=0", NULL };
	struct lock_question q = { .subdir = "linux-64",
				   .channels = channels,
				   .specs = specs,
				   .virtuals = virt,
				   .priority = "strict",
				   .libc = "auto" },
			     p = q;
	auto_arena a = { 0 };
	const char *hash = lock_content_hash(&a, &q);

	(void)state;
	/* sha256sum of {"channels":["https://a","https://b"],"libc":"auto","priority":"strict","specs":["a","b"],
	   "subdir":"linux-64","virtuals":["__glibc=2.28=0","__unix=0=0"]} */
	assert_string_equal(hash, "9998566e7ebd96ce47fd81e7480e1a057a00bf643bda04e193be6c9d27a2c1c8");
	p.specs = specs2;
	assert_string_equal(lock_content_hash(&a, &p), hash);
	p.specs = other;
	assert_string_not_equal(lock_content_hash(&a, &p), hash);
	p = q;
	p.channels = swapped;
	assert_string_not_equal(lock_content_hash(&a, &p), hash);
	p = q;
	p.priority = "flexible";
	assert_string_not_equal(lock_content_hash(&a, &p), hash);
	p = q;
	p.libc = "none";
	assert_string_not_equal(lock_content_hash(&a, &p), hash);
	p = q;
	p.virtuals = none;
	assert_string_not_equal(lock_content_hash(&a, &p), hash);
	p = q;
	p.pins = none;
	assert_string_equal(lock_content_hash(&a, &p), hash);
	p.pins = other;
	assert_string_not_equal(lock_content_hash(&a, &p), hash);
	p = q;
	p.exclude_newer = "2026-01-31T23:59:59.999Z";
	assert_string_not_equal(lock_content_hash(&a, &p), hash);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_field_by_field),
		cmocka_unit_test(order_of_packages_in_memory_does_not_show),
		cmocka_unit_test(conda_locks_own_locks_are_read),
		cmocka_unit_test(credentials_in_urls_are_dropped),
		cmocka_unit_test(hostile_and_broken_locks_are_refused),
		cmocka_unit_test(truncated_locks_are_read_or_refused),
		cmocka_unit_test(the_content_hash_depends_on_what_was_asked_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
