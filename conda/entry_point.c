#include "conda/entry_point.h"

#define ENTRY_POINT_MAX 1024

/* Without white space and quotes around it: some recipes quote too much. */
static struct str bare(struct str s)
{
	s = str_trim(s);
	while (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
		s = str_trim((struct str){ s.p + 1, s.n - 2 });
	return s;
}

static bool is_command(struct str s)
{
	if (!s.n || s.n > 255 || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '/' || s.p[i] == '\\' || (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

/* Python allows letters of any script in a name: bytes above ASCII are taken as such. */
static bool is_name_byte(char c, bool first)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80 ||
	       (!first && c >= '0' && c <= '9');
}

static bool is_dotted_name(struct str s)
{
	struct str part;

	if (!s.n)
		return false;
	while (str_cut(&s, '.', &part)) {
		if (!part.n)
			return false;
		for (size_t i = 0; i < part.n; i++)
			if (!is_name_byte(part.p[i], i == 0))
				return false;
	}
	return true;
}

int entry_point_parse(struct arena *a, const char *text, struct entry_point *ret, struct err *err)
{
	struct str rest = str_of(text), command, module, function;
	const char *colon = strrchr(text, ':');

	if (rest.n > ENTRY_POINT_MAX)
		return err_set(err, ERR_LIMIT, "an entry point is longer than %d bytes", ENTRY_POINT_MAX);
	str_cut(&rest, '=', &command);
	if (!rest.p || !colon || colon < rest.p)
		return err_set(err, ERR_FORMAT, "entry point '%s', expected 'command = module:function'", text);
	module = bare((struct str){ rest.p, (size_t)(colon - rest.p) });
	function = bare(str_of(colon + 1));
	command = bare(command);
	if (!is_command(command))
		return err_set(err, ERR_FORMAT, "entry point '%s': its command is not a plain file name", text);
	if (!is_dotted_name(module) || !is_dotted_name(function))
		return err_set(err, ERR_FORMAT, "entry point '%s': module and function must be dotted names", text);
	*ret = (struct entry_point){ arena_strndup(a, command.p, command.n), arena_strndup(a, module.p, module.n),
				     arena_strndup(a, function.p, function.n) };
	return 0;
}

void entry_point_script(const struct entry_point *e, const char *interpreter, struct buf *ret)
{
	buf_addf(ret, "#!%s\n", interpreter);
	buf_adds(ret, "# -*- coding: utf-8 -*-\nimport re\nimport sys\n\n");
	buf_addf(ret, "from %s import %.*s\n\n", e->module, (int)strcspn(e->function, "."), e->function);
	buf_adds(ret, "if __name__ == '__main__':\n");
	buf_adds(ret, "    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n");
	buf_addf(ret, "    sys.exit(%s())\n", e->function);
}
