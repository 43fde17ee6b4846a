#include "fuzz.h"

#include <string.h>

#include "base/str.h"
#include "fetch/auth.h"

/* The first byte says which file it is; what is found must be of use for the URL that was asked. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const urls[] = { "https://a.org/b/c", "http://h:1/x/y", "https://conda.x.org/t/own/z",
					    "https://c",	 "file:///x",	   "no url" };
	auto_free char *text = mem_alloc(size + 1);
	auto_auth *store = auth_new();
	struct err err = ERR_INIT;
	struct http_login l;

	if (!size)
		return 0;
	memcpy(text, data + 1, size - 1);
	if (*data == 'n')
		auth_add_netrc(store, text, size - 1, "f", &err);
	else if (*data == 'r')
		auth_add_rattler(store, text, size - 1, "f", &err);
	else if (*data == 'm')
		auth_add_mamba(store, text, size - 1, "f", &err);
	else if (*data == 't')
		auth_add_token(store, text, "token", 5, "f");
	else
		auth_add_url(store, text, "f");
	for (size_t i = 0; i < COUNT(urls); i++)
		if (auth_find(store, urls[i], &l))
			FUZZ_CHECK(!l.path_token || l.path_token_at <= strlen(urls[i]), "%s", urls[i]);
	return 0;
}
