#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define WHITE " \t\r\n"
#define SHA "sha256:"

/* A piece of a sentence between white space: from its first byte to behind its last, both of which may move. */
struct word {
	char *from, *end;
};

/* Put text (not longer than what is cut) in the place of what lies between at and end. */
static void replace(struct word *w, char *at, char *end, const char *text)
{
	size_t n = strlen(text);

	memcpy(at, text, n);
	memmove(at + n, end, strlen(end) + 1);
	w->end -= (size_t)(end - at) - n;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The last '@' before end that is not the one in front of a digest. */
static char *last_at(char *from, const char *end)
{
	char *ret = NULL;

	for (char *p = from; p < end; p++)
		if (*p == '@' && strncmp(p + 1, SHA, strlen(SHA)) != 0)
			ret = p;
	return ret;
}

/* Of "host:password" that lacks its '@': where the password begins; NULL: what is behind ':' is a port, or a tag. */
static char *lone_password(char *host, char *end)
{
	char *colon = *host == '[' ? NULL : memchr(host, ':', (size_t)(end - host)), *p;

	if (!colon)
		return NULL;
	for (p = colon + 1; p < end && is_digit(*p); p++)
		;
	return p < end && (*p == '_' || *p == '-' || (*p | 0x20) >= 'a') ? colon + 1 : NULL;
}

/* Of docker:// what is behind ':' may be a tag, unless an '@' follows. */
static bool is_http(const struct word *w, const char *host)
{
	return (host - w->from >= 7 && strncmp(host - 7, "http://", 7) == 0) ||
	       (host - w->from >= 8 && strncmp(host - 8, "https://", 8) == 0);
}

static void hide_login(struct word *w, char *host)
{
	char *path = host + strcspn(host, "/?#" WHITE), *at = last_at(host, path), *lone;

	if (at) {
		replace(w, host, at + 1, "");
		return;
	}
	lone = lone_password(host, path);
	if (lone && last_at(path, w->end)) /* a '/' in the password */
		replace(w, host, last_at(path, w->end) + 1, "");
	else if (lone && is_http(w, host) && path - lone >= 3)
		replace(w, lone, path, "...");
}

static void hide_tokens(struct word *w, char *host)
{
	char *at;

	while ((at = memmem(host, (size_t)(w->end - host), "/t/", 3))) {
		char *end = at + 3;

		while (end < w->end && *end != '/' && *end != '\'' && *end != '"')
			end++;
		replace(w, at, end, "");
	}
}

/* What follows the question, as punctuation of the sentence, stays. */
static void hide_query(struct word *w, char *host)
{
	char *at = memchr(host, '?', (size_t)(w->end - host)), *end = w->end;

	if (!at)
		return;
	while (end > at + 1 && strchr("'\",:;.)", end[-1]))
		end--;
	replace(w, at, end, end - at >= 4 ? "?..." : "?");
}

static void hide_url(struct word *w, char *scheme)
{
	char *host = scheme + 3;
	bool is_file = scheme - w->from >= 4 && strncmp(scheme - 4, "file", 4) == 0;

	hide_login(w, host);
	if (is_file)
		return;
	hide_tokens(w, host);
	hide_query(w, host);
}

static bool is_user(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("._-+%$", c);
}

/* "user:password@host" without a scheme in front. */
static void hide_bare_login(struct word *w)
{
	char *at = last_at(w->from, w->end), *colon = at ? memchr(w->from, ':', (size_t)(at - w->from)) : NULL;
	char *user = colon;

	if (!colon || memchr(colon, '/', (size_t)(at - colon)))
		return;
	while (user > w->from && is_user(user[-1]))
		user--;
	if (user < colon && at - user >= 3)
		replace(w, user, at, "...");
}

void secret_hide(char *sentence)
{
	struct word w = { .end = sentence };

	for (;;) {
		char *scheme;

		w.from = w.end + strspn(w.end, WHITE);
		if (!*w.from)
			return;
		w.end = w.from + strcspn(w.from, WHITE);
		scheme = memmem(w.from, (size_t)(w.end - w.from), "://", 3);
		if (scheme)
			hide_url(&w, scheme);
		else
			hide_bare_login(&w);
	}
}
