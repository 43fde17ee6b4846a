#include "conda/instant.h"

#include <stdbool.h>
#include <string.h>

#include "base/num.h"

#define DAY_MS ((int64_t)86400000)
#define SECONDS_MAX 253402300799 /* the end of 9999 */

/* Days since 1970 of a date in the Gregorian calendar; a year begins with March, so that the leap day is its last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1, m = (month + 9) % 12;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int64_t days_in(int64_t year, int64_t month)
{
	return month == 12 ? 31 : days_of(year, month + 1, 1) - days_of(year, month, 1);
}

/* n digits at *at, which moves on. */
static bool number(const char **at, unsigned n, int64_t *ret)
{
	*ret = 0;
	for (unsigned i = 0; i < n; i++, ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		*ret = *ret * 10 + (**at - '0');
	}
	return true;
}

static bool letter(const char **at, const char *any)
{
	if (!**at || !strchr(any, **at))
		return false;
	++*at;
	return true;
}

static bool read_date(const char **at, int64_t *days)
{
	int64_t y, m, d;

	if (!number(at, 4, &y) || !letter(at, "-") || !number(at, 2, &m) || !letter(at, "-") || !number(at, 2, &d))
		return false;
	if (y < 1970 || m < 1 || m > 12 || d < 1 || d > days_in(y, m))
		return false;
	*days = days_of(y, m, d);
	return true;
}

/* ".123456" to milliseconds. */
static bool read_fraction(const char **at, int64_t *ms)
{
	int64_t scale = 100, digit;
	bool some = false;

	*ms = 0;
	if (!letter(at, "."))
		return true;
	for (; number(at, 1, &digit); some = true, scale /= 10)
		*ms += digit * scale;
	return some;
}

/* "Z", "+02:00": milliseconds that local time is ahead. */
static bool read_offset(const char **at, int64_t *ms)
{
	int64_t h, m, sign = **at == '-' ? -1 : 1;

	*ms = 0;
	if (letter(at, "Zz"))
		return true;
	if (!letter(at, "+-") || !number(at, 2, &h) || !letter(at, ":") || !number(at, 2, &m) || h > 23 || m > 59)
		return false;
	*ms = sign * (h * 60 + m) * 60000;
	return true;
}

/* A leap second (:60) is the last moment of the minute. */
static bool read_time(const char **at, int64_t *ms)
{
	int64_t h, m, s, fraction, offset;

	if (!letter(at, "Tt ") || !number(at, 2, &h) || !letter(at, ":") || !number(at, 2, &m) || !letter(at, ":") ||
	    !number(at, 2, &s) || !read_fraction(at, &fraction) || !read_offset(at, &offset))
		return false;
	if (h > 23 || m > 59 || s > 60)
		return false;
	*ms = ((h * 60 + m) * 60 + (s == 60 ? 59 : s)) * 1000 + (s == 60 ? 999 : fraction) - offset;
	return true;
}

int instant_parse(const char *text, int64_t *ret, struct err *err)
{
	const char *at = text;
	int64_t days, ms = DAY_MS - 1;
	uint64_t seconds;

	if (num_parse(text, SECONDS_MAX, &seconds) && seconds) {
		*ret = (int64_t)seconds * 1000;
		return 0;
	}
	if (!read_date(&at, &days) || (*at && !read_time(&at, &ms)) || *at || days * DAY_MS + ms <= 0)
		return err_set(err, ERR_USAGE,
			       "'%s' is no point in time; expected a date (2026-01-31), an RFC 3339 time "
			       "(2026-01-31T12:00:00Z) or seconds since 1970",
			       text);
	*ret = days * DAY_MS + ms;
	return 0;
}

const char *instant_text(struct arena *a, int64_t ms)
{
	int64_t days = ms / DAY_MS, in_day = ms % DAY_MS, year = 1970 + days / 366, month = 1;

	while (days_of(year + 1, 1, 1) <= days)
		year++;
	while (month < 12 && days_of(year, month + 1, 1) <= days)
		month++;
	return arena_printf(a, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%03lldZ", (long long)year, (long long)month,
			    (long long)(days - days_of(year, month, 1) + 1), (long long)(in_day / 3600000),
			    (long long)(in_day / 60000 % 60), (long long)(in_day / 1000 % 60),
			    (long long)(in_day % 1000));
}
