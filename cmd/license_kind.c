#include "cmd/license_kind.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

#define DEPTH_MAX 50

struct rule {
	const char *front; /* of an identifier */
	enum license_kind kind;
};

#define P LICENSE_KIND_PERMISSIVE
#define W LICENSE_KIND_WEAK
#define S LICENSE_KIND_STRONG
#define L LICENSE_KIND_LIMITED

/* The first that fits. */
static const struct rule rules[] = {
	{ "AGPL-", S },	       { "GPL-", S },	     { "GFDL-", S },	 { "EUPL-", S },      { "OSL-", S },
	{ "RPL-", S },	       { "CC-BY-SA-", S },   { "CECILL-1.", S }, { "CECILL-2.", S },  { "Sleepycat", S },
	{ "QPL-", S },	       { "LGPL-", W },	     { "LGPLLR", W },	 { "MPL-", W },	      { "EPL-", W },
	{ "CDDL-", W },	       { "CPL-", W },	     { "IPL-", W },	 { "APSL-", W },      { "CECILL-C", W },
	{ "MS-RL", W },	       { "NPL-", W },	     { "OFL-", W },	 { "wxWindows", W },  { "BUSL-", L },
	{ "SSPL-", L },	       { "Elastic-", L },    { "PolyForm-", L }, { "Aladdin", L },    { "CC-BY-NC-", L },
	{ "CC-BY-ND-", L },    { "NVIDIA", L },	     { "0BSD", P },	 { "AFL-", P },	      { "Apache-", P },
	{ "Artistic-", P },    { "Beerware", P },    { "blessing", P },	 { "BlueOak-", P },   { "Boehm-GC", P },
	{ "BSD-", P },	       { "BSL-", P },	     { "bzip2-", P },	 { "CC-BY-", P },     { "CC-PDDC", P },
	{ "CC0-", P },	       { "CECILL-B", P },    { "CNRI-", P },	 { "curl", P },	      { "ECL-", P },
	{ "FSFAP", P },	       { "FSFUL", P },	     { "FTL", P },	 { "HPND", P },	      { "ICU", P },
	{ "IJG", P },	       { "ImageMagick", P }, { "Info-ZIP", P },	 { "Intel", P },      { "ISC", P },
	{ "libpng", P },       { "libtiff", P },     { "MirOS", P },	 { "MIT", P },	      { "MS-PL", P },
	{ "MulanPSL-", P },    { "NAIST-", P },	     { "NCSA", P },	 { "NTP", P },	      { "OLDAP-", P },
	{ "OpenSSL", P },      { "PDDL-", P },	     { "PHP-", P },	 { "PostgreSQL", P }, { "PSF-", P },
	{ "Python-", P },      { "Ruby", P },	     { "SGI-B-", P },	 { "SSLeay", P },     { "TCL", P },
	{ "TCP-wrappers", P }, { "Unicode-", P },    { "Unlicense", P }, { "UPL-", P },	      { "Vim", P },
	{ "W3C", P },	       { "WTFPL", P },	     { "X11", P },	 { "XFree86-", P },   { "Xnet", P },
	{ "Zlib", P },	       { "zlib-", P },	     { "ZPL-", P },
};

/* conda's license_family, what stands behind "LicenseRef-", and how texts begin that are no expression. */
static const struct rule families[] = {
	{ "AGPL", S },		{ "GPL", S },		{ "GNU GPL", S },      { "LGPL", W },	    { "GNU LGPL", W },
	{ "GNU LESSER", W },	{ "MPL", W },		{ "MOZILLA", W },      { "APACHE", P },	    { "ARTISTIC", P },
	{ "BSD", P },		{ "CC0", P },		{ "ISC", P },	       { "MIT", P },	    { "OPENSSL", P },
	{ "PERL", P },		{ "PSF", P },		{ "PYTHON", P },       { "TCL", P },	    { "ZLIB", P },
	{ "PUBLIC-DOMAIN", P }, { "PUBLIC DOMAIN", P }, { "PUBLICDOMAIN", P }, { "COMMERCIAL", L }, { "NVIDIA", L },
	{ "PROPRIETARY", L },
};

static const char *const names[LICENSE_KINDS] = {
	[LICENSE_KIND_PERMISSIVE] = "permissive",  [LICENSE_KIND_WEAK] = "weak copyleft",
	[LICENSE_KIND_STRONG] = "strong copyleft", [LICENSE_KIND_LIMITED] = "restricted",
	[LICENSE_KIND_OTHER] = "in other words",   [LICENSE_KIND_UNTOLD] = "not told",
};

const char *license_kind_name(enum license_kind k)
{
	return names[k];
}

static enum license_kind look_up(const struct rule *list, size_t n, struct str word)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list[i].front);

		if (word.n >= len && strncasecmp(word.p, list[i].front, len) == 0)
			return list[i].kind;
	}
	return LICENSE_KIND_OTHER;
}

static enum license_kind of_word(struct str word)
{
	const char ref[] = "LicenseRef-";
	size_t n = sizeof(ref) - 1;

	if (word.n > n && strncmp(word.p, ref, n) == 0)
		return look_up(families, COUNT(families), (struct str){ word.p + n, word.n - n });
	return look_up(rules, COUNT(rules), word);
}

/* ---- expressions: as license_expression() writes them ---- */

static enum license_kind read_or(const char **at, unsigned depth);

static bool take(const char **at, const char *word)
{
	if (!str_starts(*at, word))
		return false;
	*at += strlen(word);
	return true;
}

static enum license_kind read_one(const char **at, unsigned depth)
{
	enum license_kind k;
	struct str word;

	if (take(at, "(")) {
		k = depth < DEPTH_MAX ? read_or(at, depth + 1) : LICENSE_KIND_OTHER;
		take(at, ")");
		return k;
	}
	word = (struct str){ *at, strcspn(*at, " ()") };
	*at += word.n;
	k = of_word(word);
	if (!take(at, " WITH "))
		return k;
	*at += strcspn(*at, " ()");
	return k == LICENSE_KIND_STRONG ? LICENSE_KIND_WEAK : k;
}

static enum license_kind read_and(const char **at, unsigned depth)
{
	enum license_kind k = read_one(at, depth);

	while (take(at, " AND ")) {
		enum license_kind next = read_one(at, depth);

		k = next > k ? next : k;
	}
	return k;
}

static enum license_kind read_or(const char **at, unsigned depth)
{
	enum license_kind k = read_and(at, depth);

	while (take(at, " OR ")) {
		enum license_kind next = read_and(at, depth);

		k = next < k ? next : k;
	}
	return k;
}

enum license_kind license_kind_of(const char *expression, const char *text, const char *family)
{
	bool told = text && *text && strcasecmp(text, "none") != 0;
	enum license_kind k = LICENSE_KIND_OTHER;

	if (expression)
		return read_or(&expression, 0);
	if (family && *family)
		k = look_up(families, COUNT(families), str_of(family));
	if (k == LICENSE_KIND_OTHER && told)
		k = look_up(families, COUNT(families), str_of(text));
	return k == LICENSE_KIND_OTHER && !told ? LICENSE_KIND_UNTOLD : k;
}
