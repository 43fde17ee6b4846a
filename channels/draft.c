#include "channels/draft.h"

/* 9999-12-31: what is not above it is in seconds, as conda and libsolv read it. */
#define SECONDS_MAX ((uint64_t)253402300799)
#define MILLISECONDS_MAX (SECONDS_MAX * 1000 + 999)

int64_t draft_time(uint64_t whole, unsigned thousandths)
{
	if (whole > MILLISECONDS_MAX)
		return 0;
	return whole > SECONDS_MAX ? (int64_t)whole : (int64_t)(whole * 1000 + thousandths);
}

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || (c >= '\t' && c <= '\r');
}

uint32_t draft_features(struct texts *t, struct str words)
{
	texts_list_begin(t);
	for (size_t i = 0, from; i < words.n;) {
		while (i < words.n && is_separator(words.p[i]))
			i++;
		for (from = i; i < words.n && !is_separator(words.p[i]);)
			i++;
		if (i > from)
			texts_list_add(t, (struct str){ words.p + from, i - from });
	}
	return texts_list_end(t);
}
