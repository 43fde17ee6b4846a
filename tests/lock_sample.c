/* Prints a lock full of awkward strings; with an argument those strings, as JSON. For e2e/lock.sh. */
#include <stdio.h>

#include "base/json.h"
#include "conda/lock.h"

static const char *const awkward[] = { "3.10",
				       "2001-01-01",
				       "1:30",
				       "1e5",
				       "1234567890e12",
				       "0x1F",
				       "0o17",
				       "1_000",
				       "yes",
				       "Null",
				       "~",
				       "=",
				       "<<",
				       "it's",
				       "a: b",
				       "a #b",
				       "- a",
				       "tab\there",
				       "gr\xc3\xbc\xc3\x9f",
				       "\xf0\x9f\x90\x8d",
				       "\"q\\\"",
				       " lead",
				       "trail ",
				       "\xe2\x80\xa8",
				       "",
				       "line\nbreak",
				       "@x",
				       "%y",
				       "!z",
				       "{a}",
				       "[b]",
				       "|",
				       ".inf",
				       "a\xc2\x85"
				       "b",
				       "y",
				       "N",
				       "*",
				       "&a",
				       "?",
				       ">=1,<2",
				       "12345678901234567890123456789012",
				       "2024a",
				       "9e",
				       "1.",
				       ".5",
				       "-",
				       "None",
				       "0",
				       NULL };

static struct record package(struct arena *a, const char *name, const char *version, const char *subdir)
{
	static const char *const depends[] = {
		"python >=3.9,<3.14.0a0", "__glibc >=2.17", "python_abi 3.13.* *_cp313", "zlib", "zlib <2", NULL
	};
	struct record r = { .name = name, .version = version, .build = "h1_0", .subdir = subdir, .depends = depends };

	r.channel = "https://conda.anaconda.org/conda-forge";
	r.fn = arena_printf(a, "%s-%s-h1_0.conda", name, version);
	r.url = arena_printf(a, "%s/%s/%s", r.channel, subdir, r.fn);
	r.has_sha256 = r.has_md5 = true;
	memset(r.sha256.sha256, 0x12,
	       sizeof(r.sha256.sha256)); /* digits only, and with an e: a number to the careless */
	r.sha256.sha256[3] = 0x1e;
	memset(r.md5, 0x34, sizeof(r.md5));
	r.license = "B\xc3\xa9"
		    "3-Clause: 'quoted'";
	r.constrains = awkward;
	record_defaults(&r);
	return r;
}

int main(int argc, char **argv)
{
	static const char *const channels[] = { "https://conda.anaconda.org/conda-forge", NULL };
	static const char *const sources[] = { "environment.yml", "../other.yml", NULL };
	auto_arena a = { 0 };
	auto_buf b = { 0 };
	struct env_variable variables[] = { { "A", "no" }, { "B", "1.0" } };
	struct record packages[] = { package(&a, "yes", "3.10", "linux-64"), package(&a, "zlib", "1e5", "noarch") };
	struct record libc[] = { package(&a, "sysroot_linux-64", "2.28", "noarch") };
	struct lock_platform platform = {
		"linux-64", "12345678901234567890", awkward, "auto", packages, 2, libc, 1, NULL, NULL
	};
	struct lock l = { .channels = channels,
			  .sources = sources,
			  .requested = awkward,
			  .name = "no",
			  .priority = "strict",
			  .variables = variables,
			  .n_variables = 2,
			  .platforms = &platform,
			  .n_platforms = 1 };

	(void)argv;
	if (argc > 1) {
		struct json j = { .out = &b };

		json_array(&j);
		for (const char *const *s = awkward; *s; s++)
			json_string(&j, *s);
		json_end(&j);
	} else {
		lock_write(&l, &b);
	}
	fwrite(b.p, 1, b.n, stdout);
	return 0;
}
