#include "check.h"

#include <stdio.h>

#include "base/num.h"
#include "conda/lock.h"

/* "name[*] dep dep, name ...": a star makes it noarch. */
static size_t graph(struct arena *a, const char *text, struct record *ret)
{
	struct str rest = str_of(text), line;
	size_t n = 0;

	while (str_cut(&rest, ',', &line)) {
		struct str words = str_trim(line), w;
		const char **deps = arena_array(a, 20, sizeof(*deps));
		size_t k = 0;

		str_cut(&words, ' ', &w);
		ret[n] = (struct record){ .noarch = w.p[w.n - 1] == '*' ? NOARCH_PYTHON : NOARCH_NO };
		ret[n].name = arena_strndup(a, w.p, w.n - (ret[n].noarch != NOARCH_NO));
		while (str_cut(&words, ' ', &w))
			deps[k++] = arena_printf(a, "%.*s >=1", (int)w.n, w.p);
		ret[n].depends = deps;
		record_defaults(&ret[n++]);
	}
	return n;
}

static const char *ordered(struct arena *a, struct record *r, size_t n)
{
	auto_buf b = { 0 };

	lock_order(r, n);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", r[i].name);
	return arena_strdup(a, buf_cstr(&b));
}

static void dependencies_come_first_in_any_order_of_input(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "c, b, a", "a b c" },
		{ "a b, b c, c", "c b a" },
		{ "a z, b, z", "b z a" },
		{ "numpy python blas, python openssl, openssl, blas, pip* python", "blas openssl python numpy pip" },
		{ "a nothing __glibc, b a", "a b" },
		{ "foo, foo-bar, foo_baz foo-bar foo", "foo foo-bar foo_baz" },
		{ "python pip, pip* python setuptools, setuptools* python, a pip", "python setuptools pip a" },
		{ "b c, c b, a", "a b c" }, /* no rule but the name */
		{ "a b, b a, c a b, 0 c", "a b c 0" },
		{ "a b, b c, c a, d c, e d", "a c b d e" },
		{ "x y, y x, p x q, q p", "x y p q" }, /* a cycle that needs another */
		{ "a a", "a" },
		{ "a* b, b* a", "a b" },
	};
	uint32_t seed = 17;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int turn = 0; turn < 30; turn++) {
			auto_arena a = { 0 };
			struct record r[20];
			size_t n = graph(&a, rows[i].text, r);
			const char *got;

			for (size_t k = n; k > 1; k--) {
				size_t other = check_random(&seed) % k;
				struct record t = r[other];

				r[other] = r[k - 1];
				r[k - 1] = t;
			}
			got = ordered(&a, r, n);
			if (strcmp(got, rows[i].want) != 0)
				fail_msg("%s: got %s, expected %s", rows[i].text, got, rows[i].want);
		}
}

static size_t number_of(const char *name)
{
	uint64_t v = 0;

	assert_true(num_parse(name + 1, 1000, &v));
	return (size_t)v;
}

/* Random graphs: a permutation comes out, and outside of cycles nothing stands before what it needs. */
static void every_package_comes_once_after_what_it_needs(void **state)
{
	uint32_t seed = 23;

	(void)state;
	for (int turn = 0; turn < 300; turn++) {
		auto_arena a = { 0 };
		struct record r[40];
		size_t n = 1 + check_random(&seed) % COUNT(r), place[COUNT(r)];

		for (size_t i = 0; i < n; i++) {
			const char **deps = arena_array(&a, 5, sizeof(*deps));

			/* Only on greater numbers: no cycles. */
			for (size_t k = 0; i + 1 < n && k < 4; k++)
				deps[k] = arena_printf(&a, "p%zu", i + 1 + check_random(&seed) % (n - i - 1));
			r[i] = (struct record){ .name = arena_printf(&a, "p%zu", i), .depends = deps };
			record_defaults(&r[i]);
		}
		lock_order(r, n);
		memset(place, 0xff, sizeof(place));
		for (size_t i = 0; i < n; i++) {
			size_t number = number_of(r[i].name);

			assert_true(place[number] == (size_t)-1);
			place[number] = i;
		}
		for (size_t i = 0; i < n; i++)
			for (const char *const *d = r[i].depends; *d; d++)
				assert_true(place[number_of(*d)] < i);
	}
}

static void large_graphs_are_no_trap(void **state)
{
	enum { N = 20000 };
	auto_arena a = { 0 };
	struct record *r = arena_array(&a, N, sizeof(*r));

	(void)state;
	for (int ring = 0; ring < 2; ring++) {
		for (size_t i = 0; i < N; i++) {
			const char **deps = arena_array(&a, 3, sizeof(*deps));

			/* One chain (and with ring one cycle) of all, and half of them in pairs. */
			if (i + 1 < N || ring)
				deps[0] = arena_printf(&a, "p%05zu", (i + 1) % N);
			deps[deps[0] ? 1 : 0] = i % 2 ? NULL : arena_printf(&a, "p%05zu", i);
			r[i] = (struct record){ .name = arena_printf(&a, "p%05zu", i), .depends = deps };
			record_defaults(&r[i]);
		}
		lock_order(r, N);
		assert_string_equal(r[0].name, ring ? "p00000" : "p19999");
	}
	lock_order(r, 0);
	lock_order(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dependencies_come_first_in_any_order_of_input),
		cmocka_unit_test(every_package_comes_once_after_what_it_needs),
		cmocka_unit_test(large_graphs_are_no_trap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
