#include "conda/selector.h"

#include <stdio.h>

#define DEPTH_MAX 32

struct parse {
	struct str rest;
	struct str os, arch; /* of the subdir */
	unsigned depth;
	bool bad;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The next word, "(" or ")"; empty at the end. */
static struct str peek(struct parse *p)
{
	struct str t;

	while (p->rest.n && is_space(p->rest.p[0]))
		p->rest.p++, p->rest.n--;
	t = (struct str){ p->rest.p, 0 };
	while (t.n < p->rest.n && is_word(t.p[t.n]))
		t.n++;
	if (t.n == 0 && p->rest.n && (t.p[0] == '(' || t.p[0] == ')'))
		t.n = 1;
	return t;
}

static void skip(struct parse *p, struct str token)
{
	p->rest.p += token.n;
	p->rest.n -= token.n;
}

static bool take(struct parse *p, const char *word)
{
	struct str t = peek(p);

	if (!str_eq(t, word))
		return false;
	skip(p, t);
	return true;
}

static bool same(struct str a, struct str b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The words of conda-build's documentation that speak of the platform, and osx64. */
static bool variable(struct parse *p, struct str word)
{
	static const char *const systems[] = { "linux", "osx", "win", "freebsd", "emscripten", "wasi", "zos" };
	static const char *const machines[] = { "aarch64", "arm64",   "armv6l", "armv7l", "ppc64",
						"ppc64le", "riscv64", "s390x",	"wasm32" };
	static const char *const joined[] = { "linux32", "linux64", "osx64", "win32", "win64" };
	bool is_64 = str_eq(p->arch, "64"), is_32 = str_eq(p->arch, "32");

	for (size_t i = 0; i < COUNT(systems); i++)
		if (str_eq(word, systems[i]))
			return same(word, p->os);
	for (size_t i = 0; i < COUNT(machines); i++)
		if (str_eq(word, machines[i]))
			return same(word, p->arch);
	for (size_t i = 0; i < COUNT(joined); i++)
		if (str_eq(word, joined[i]))
			return p->os.n + p->arch.n == word.n && memcmp(word.p, p->os.p, p->os.n) == 0 &&
			       memcmp(word.p + p->os.n, p->arch.p, p->arch.n) == 0;
	if (str_eq(word, "unix"))
		return !str_eq(p->os, "win") && !str_eq(p->os, "zos");
	if (str_eq(word, "x86"))
		return is_64 || is_32;
	if (str_eq(word, "x86_64") || str_eq(word, "x64"))
		return is_64;
	p->bad = true;
	return false;
}

static bool either(struct parse *p);

static bool one(struct parse *p)
{
	struct str word;
	bool ret;

	if (p->depth == DEPTH_MAX || p->bad) {
		p->bad = true;
		return false;
	}
	if (take(p, "not")) {
		p->depth++;
		ret = !one(p);
		p->depth--;
		return ret;
	}
	if (take(p, "(")) {
		p->depth++;
		ret = either(p);
		p->depth--;
		p->bad = p->bad || !take(p, ")");
		return ret;
	}
	word = peek(p);
	skip(p, word);
	return variable(p, word);
}

static bool both(struct parse *p)
{
	bool ret = one(p);

	while (!p->bad && take(p, "and"))
		ret &= one(p);
	return ret;
}

static bool either(struct parse *p)
{
	bool ret = both(p);

	while (!p->bad && take(p, "or"))
		ret |= both(p);
	return ret;
}

enum selector selector_eval(struct str expr, const char *subdir)
{
	struct parse p = { .rest = expr, .arch = str_of(subdir) };
	bool ret;

	str_cut(&p.arch, '-', &p.os);
	if (!p.arch.p)
		p.arch = STR("");
	ret = either(&p);
	if (p.bad || peek(&p).n || p.rest.n)
		return SELECTOR_UNKNOWN;
	return ret ? SELECTOR_TRUE : SELECTOR_FALSE;
}
