#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/repo2docker.h"
#include "base/str.h"

/* ---- one value ---- */

/* Up to a space, without quotes and escapes. *end: behind it. NULL where it is more than plain text. */
static const char *take_word(struct arena *a, const char *at, const char **end)
{
	auto_buf b = { 0 };
	char quote = 0;

	for (; *at && (quote || !isspace((unsigned char)*at)); at++) {
		if (*at == '$' && quote != '\'')
			return NULL;
		if (quote ? *at == quote : *at == '"' || *at == '\'')
			quote = quote ? 0 : *at;
		else if (*at == '\\' && at[1] && quote != '\'')
			buf_addc(&b, *++at);
		else
			buf_addc(&b, *at);
	}
	*end = at;
	return quote ? NULL : arena_strndup(a, buf_cstr(&b), b.n);
}

static const char *skip_space(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

/* "A=b C="d e"", or "A the rest". */
static bool read_pairs(struct arena *a, const char *rest, struct r2d_texts *ret)
{
	const char *at = skip_space(rest);
	size_t name = strcspn(at, "= \t");

	if (!name)
		return false;
	if (at[name] != '=') {
		const char *value = skip_space(at + name);

		if (!*value || strchr(value, '$'))
			return false;
		repo2docker_add(ret, arena_printf(a, "%.*s=%s", (int)name, at, value));
		return true;
	}
	while (*at) {
		const char *word = take_word(a, at, &at);

		if (!word || !strchr(word, '=') || *word == '=')
			return false;
		repo2docker_add(ret, word);
		at = skip_space(at);
	}
	return true;
}

/* ---- lines ---- */

static bool is_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	return strncasecmp(line, word, n) == 0 && isspace((unsigned char)line[n]);
}

static bool read_line(struct arena *a, const char *line, struct r2d_appendix *ret)
{
	if (is_word(line, "ENV"))
		return read_pairs(a, line + 4, &ret->envs);
	if (is_word(line, "LABEL"))
		return read_pairs(a, line + 6, &ret->labels);
	/* It only says as whom commands run, and there are none. Who runs the container is said elsewhere. */
	return is_word(line, "USER");
}

void repo2docker_appendix_read(const char *text, struct arena *a, struct r2d_appendix *ret)
{
	struct str rest = str_of(text), part;
	auto_buf line = { 0 };

	*ret = (struct r2d_appendix){ 0 };
	while (!ret->impossible && str_cut(&rest, '\n', &part)) {
		part = str_trim(part);
		if (!part.n || part.p[0] == '#')
			continue;
		buf_add(&line, part.p, part.n);
		if (line.p[line.n - 1] == '\\' && rest.p) {
			line.p[line.n - 1] = ' ';
			continue;
		}
		if (!read_line(a, line.p, ret))
			ret->impossible = arena_printf(
				a,
				"the appendix: '%s' is more than ENV NAME=value and LABEL NAME=value, and condaimg "
				"runs no code while it makes an image",
				line.p);
		line.n = 0;
	}
}

void repo2docker_appendix_release(struct r2d_appendix *x)
{
	free(x->envs.list);
	free(x->labels.list);
}
