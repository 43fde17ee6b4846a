#include "conda/platform.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const struct platform platforms[] = {
	{ "linux-64", "linux", "amd64", NULL, "x86_64", "x86_64-conda-linux-gnu", "/lib64/ld-linux-x86-64.so.2",
	  "lib64", 62 },
	{ "linux-aarch64", "linux", "arm64", "v8", "aarch64", "aarch64-conda-linux-gnu", "/lib/ld-linux-aarch64.so.1",
	  "lib64", 183 },
	{ "linux-ppc64le", "linux", "ppc64le", NULL, "ppc64le", "powerpc64le-conda-linux-gnu", "/lib64/ld64.so.2",
	  "lib64", 21 },
	{ "linux-riscv64", "linux", "riscv64", NULL, "riscv64", "riscv64-conda-linux-gnu",
	  "/lib/ld-linux-riscv64-lp64d.so.1", "lib64/lp64d", 243 },
	{ "linux-s390x", "linux", "s390x", NULL, "s390x", "s390x-conda-linux-gnu", "/lib/ld64.so.1", "lib64", 22 },
};

/* conda/base/constants.py KNOWN_SUBDIRS and what rattler knows beyond it. */
static const char *const subdirs[] = {
	"emscripten-wasm32",
	"freebsd-64",
	"linux-32",
	"linux-64",
	"linux-aarch64",
	"linux-armv6l",
	"linux-armv7l",
	"linux-ppc64",
	"linux-ppc64le",
	"linux-riscv64",
	"linux-s390x",
	"noarch",
	"osx-64",
	"osx-arm64",
	"wasi-wasm32",
	"win-32",
	"win-64",
	"win-arm64",
	"zos-z",
};

const char *platform_list(void)
{
	return "linux-64 (linux/amd64), linux-aarch64 (linux/arm64), linux-ppc64le (linux/ppc64le), "
	       "linux-riscv64 (linux/riscv64), linux-s390x (linux/s390x)";
}

/* OCI's "os/arch[/variant]"; uname's words for the architecture are taken too, as docker does. */
static bool is_oci_name(const struct platform *p, const char *text)
{
	struct str rest = str_of(text), os, arch, variant = { 0 };

	if (!str_cut(&rest, '/', &os) || !str_cut(&rest, '/', &arch))
		return false;
	if (str_cut(&rest, '/', &variant) && (!p->oci_variant || !str_eq(variant, p->oci_variant) || rest.p))
		return false;
	return str_eq(os, p->oci_os) && (str_eq(arch, p->oci_arch) || str_eq(arch, p->archspec));
}

const struct platform *platform_parse(const char *text, struct err *err)
{
	for (size_t i = 0; i < COUNT(platforms); i++)
		if (strcmp(text, platforms[i].subdir) == 0 || is_oci_name(&platforms[i], text))
			return &platforms[i];
	err_set(err, ERR_USAGE, "no image can be built for platform '%s'; the platforms are %s", text, platform_list());
	return NULL;
}

static const char *host_subdir(void)
{
#if defined(__aarch64__)
	return "linux-aarch64";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
	return "linux-ppc64le";
#elif defined(__riscv) && __riscv_xlen == 64
	return "linux-riscv64";
#elif defined(__s390x__)
	return "linux-s390x";
#else
	return "linux-64";
#endif
}

const struct platform *platform_host(void)
{
	const char *subdir = host_subdir();
	size_t i = 0;

	while (strcmp(platforms[i].subdir, subdir) != 0)
		i++;
	return &platforms[i];
}

bool platform_is_subdir(const char *text)
{
	for (size_t i = 0; i < COUNT(subdirs); i++)
		if (strcmp(text, subdirs[i]) == 0)
			return true;
	return false;
}
