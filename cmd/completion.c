#include "cmd/completion.h"

#include <ctype.h>

#include "conda/platform.h"

/* The subdirs of "linux-64 (linux/amd64), ...", which is said to people. */
static void add_platforms(struct buf *ret)
{
	struct str rest = str_of(platform_list()), word;

	while (str_cut(&rest, ' ', &word)) {
		while (word.n && strchr("(),", word.p[0])) {
			word.p++;
			word.n--;
		}
		while (word.n && strchr("(),", word.p[word.n - 1]))
			word.n--;
		buf_add(ret, word.p, word.n);
		buf_addc(ret, ' ');
	}
}

static bool has(struct str s, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= s.n; i++)
		if (strncmp(s.p + i, part, n) == 0)
			return true;
	return false;
}

/* One of the ways that a '|' parts: "zstd[:LEVEL]", "FILE", "A,B". */
static void add_way(struct str way, struct buf *words, struct completion_words *ret)
{
	size_t n = 0;

	if (way.n && islower((unsigned char)*way.p)) {
		while (n < way.n && (islower((unsigned char)way.p[n]) || strchr("-,", way.p[n])))
			n++;
		for (size_t i = 0; i < n; i++)
			buf_addc(words, way.p[i] == ',' ? ' ' : way.p[i]);
		buf_addc(words, ' ');
		return;
	}
	if (has(way, "PLATFORM"))
		add_platforms(words);
	ret->commands |= has(way, "COMMAND");
	ret->images |= has(way, "IMAGE") || has(way, "DEST") || str_eq(way, "A") || str_eq(way, "B");
	ret->files |= has(way, "FILE") || has(way, "LOCK") || has(way, "ENVIRONMENT") || has(way, "SRC") ||
		      str_eq(way, "REPO");
	ret->folders |= has(way, "DIR") || has(way, "FOLDER") || has(way, "CHANNEL");
}

struct completion_words completion_words(struct arena *a, const char *placeholder)
{
	struct completion_words ret = { .words = "" };
	struct str rest = str_of(placeholder ? placeholder : ""), part, way;
	auto_buf words = { 0 };

	while (str_cut(&rest, ' ', &part))
		while (str_cut(&part, '|', &way))
			add_way(way, &words, &ret);
	ret.words = arena_strdup(a, buf_cstr(&words));
	return ret;
}
