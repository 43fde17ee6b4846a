#include "conda/purl.h"

#include <string.h>

#include "base/str.h"

#define ANACONDA_ORG "https://conda.anaconda.org/"
#define ANACONDA_COM "https://repo.anaconda.com/pkgs/"

void purl_encode(struct buf *b, const char *s, const char *keep)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";

	for (; *s; s++) {
		if (strchr(plain, *s) || strchr(keep, *s))
			buf_addc(b, *s);
		else
			buf_addf(b, "%%%02X", (unsigned char)*s);
	}
}

static void add_base(struct buf *b, const char *type, const char *name, const char *version)
{
	buf_addf(b, "pkg:%s/", type);
	purl_encode(b, name, "");
	if (version && *version) {
		buf_addc(b, '@');
		purl_encode(b, version, "");
	}
}

const char *purl_text(struct arena *a, const char *type, const char *name, const char *version, const char *qualifiers)
{
	auto_buf b = { 0 };

	add_base(&b, type, name, version);
	if (qualifiers && *qualifiers)
		buf_addf(&b, "?%s", qualifiers);
	return arena_strdup(a, b.p);
}

static void add_qualifier(struct buf *b, bool *some, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(b, "%c%s=", *some ? '&' : '?', key);
	/* '/' as it is: so the specification's own tests have it. */
	purl_encode(b, value, "/");
	*some = true;
}

static const char *channel_name(const char *channel)
{
	if (!channel)
		return NULL;
	if (str_starts(channel, ANACONDA_ORG))
		return channel + strlen(ANACONDA_ORG);
	if (str_starts(channel, ANACONDA_COM))
		return channel + strlen(ANACONDA_COM);
	return channel;
}

const char *purl_conda(struct arena *a, const struct record *r)
{
	auto_buf b = { 0 };
	bool some = false;
	const char *fn = r->fn && *r->fn ? r->fn : r->url ? r->url : "";

	add_base(&b, "conda", r->name, r->version);
	add_qualifier(&b, &some, "build", r->build);
	add_qualifier(&b, &some, "channel", channel_name(r->channel));
	add_qualifier(&b, &some, "subdir", r->subdir);
	add_qualifier(&b, &some, "type",
		      str_ends(fn, ".conda")	 ? "conda"
		      : str_ends(fn, ".tar.bz2") ? "tar.bz2"
						 : NULL);
	return arena_strdup(a, b.p);
}
