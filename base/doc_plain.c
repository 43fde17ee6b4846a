#include "base/doc_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

static bool is_one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(s, *words) == 0)
			return true;
	return false;
}

static bool is_float(const char *s)
{
	static const char *const others[] = { ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL };
	const char *digits = s + (*s == '-' || *s == '+');
	size_t n = strspn(digits, "0123456789");
	char *end;

	if (n && !digits[n])
		return true; /* a whole number that is too large for one */
	if (is_one_of(digits, others))
		return true;
	if (s[strspn(s, "+-0123456789.eE")] || !strpbrk(s, "0123456789") || !strchr(s, '.'))
		return false;
	strtod(s, &end);
	return *end == '\0';
}

void doc_resolve_plain(struct doc *d)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const trues[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL };
	static const char *const falses[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL };
	const char *s = d->text;
	uint64_t v;

	if (is_one_of(s, nulls)) {
		d->type = DOC_NULL;
	} else if (is_one_of(s, trues) || is_one_of(s, falses)) {
		d->type = DOC_BOOL;
		d->num = is_one_of(s, trues);
	} else if (num_parse(s[0] == '-' || s[0] == '+' ? s + 1 : s, INT64_MAX, &v)) {
		d->type = DOC_INT;
		d->num = s[0] == '-' ? -(int64_t)v : (int64_t)v;
	} else if (is_float(s)) {
		d->type = DOC_FLOAT;
	}
}
