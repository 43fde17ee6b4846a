#include "conda/platform.h"

#include <string.h>

#include "base/mem.h"

static const char *const subdirs[] = {
	"noarch",	 "emscripten-wasm32",
	"wasi-wasm32",	 "freebsd-64",
	"linux-32",	 "linux-64",
	"linux-aarch64", "linux-armv6l",
	"linux-armv7l",	 "linux-ppc64",
	"linux-ppc64le", "linux-riscv64",
	"linux-s390x",	 "osx-64",
	"osx-arm64",	 "win-32",
	"win-64",	 "win-arm64",
	"zos-z",
};

bool platform_is_subdir(const char *text)
{
	for (size_t i = 0; i < COUNT(subdirs); i++) {
		if (strcmp(text, subdirs[i]) == 0)
			return true;
	}
	return false;
}
