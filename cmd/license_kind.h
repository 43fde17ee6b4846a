/*
 * What a licence asks of those who pass a package on, as far as its identifier tells: a first look for people, no
 * legal advice.
 */
#ifndef CMD_LICENSE_KIND_H
#define CMD_LICENSE_KIND_H

/* From "nothing much" to "nobody knows": of several that hold together, the last one counts. */
enum license_kind {
	LICENSE_KIND_PERMISSIVE, /* keep the notice: MIT, BSD, Apache, public domain */
	LICENSE_KIND_WEAK, /* changes to it stay open: LGPL, MPL, GPL with an exception for what it is linked to */
	LICENSE_KIND_STRONG, /* what is made with it stays open: GPL, AGPL */
	LICENSE_KIND_LIMITED, /* may not be used or passed on by everybody for everything: BUSL, CC-BY-NC, proprietary */
	LICENSE_KIND_OTHER, /* told, in words that are not known here */
	LICENSE_KIND_UNTOLD,
	LICENSE_KINDS
};

/*
 * expression: in SPDX's words (license_expression()), or NULL; text: as the package tells it, or NULL; family: conda's
 * license_family, or NULL. Where there is no expression, the family decides, and then how the text begins.
 * "A AND B": the later kind; "A OR B": the earlier.
 */
enum license_kind license_kind_of(const char *expression, const char *text, const char *family);

/* "permissive", "weak copyleft", ... */
const char *license_kind_name(enum license_kind k);

#endif
