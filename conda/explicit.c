#include "conda/explicit.h"

#include <string.h>

#include "base/num.h"
#include "conda/lock_url.h"
#include "conda/platform.h"
#include "conda/text_lines.h"

#define EXPLICIT_BYTES_MAX ((size_t)16 << 20)
#define PACKAGES_MAX ((size_t)100000)
#define MARK "@EXPLICIT"

struct reader {
	struct lock *l;
	const struct explicit_place *place;
	struct text_lines lines;
	struct record *records;
	unsigned *at; /* the line of each */
	size_t n;
	const char **warnings;
	size_t n_warnings;
	const char *platform; /* that a comment names, or NULL */
	struct err *err;
};

#define fault(r, ...) text_lines_fault(&(r)->lines, (r)->err, __VA_ARGS__)

bool explicit_is(const char *p, size_t n)
{
	struct text_lines lines = text_lines_begin("", p, n);
	struct str line;

	while (text_lines_next(&lines, &line))
		if (str_eq(line, MARK))
			return true;
	return false;
}

/* ---- comments ---- */

static int read_platform(struct reader *r, const char *text)
{
	if (!platform_is_subdir(text) || strcmp(text, "noarch") == 0)
		return fault(r, "platform '%s' is none that conda knows, such as linux-64", text);
	if (r->platform && strcmp(r->platform, text) != 0)
		return fault(r, "is for %s, but another line says %s; one list is for one platform", text, r->platform);
	r->platform = text;
	return 0;
}

/* Comments are for people, but for what others have put into them. */
static int read_comment(struct reader *r, struct str line)
{
	struct arena *a = &r->l->arena;
	struct str rest = str_trim((struct str){ line.p + 1, line.n - 1 });
	const char *text = arena_strndup(a, rest.p, rest.n);

	if (str_starts(text, "platform:")) {
		rest = str_trim(str_of(text + strlen("platform:")));
		return read_platform(r, arena_strndup(a, rest.p, rest.n));
	}
	if (str_starts(text, "pip "))
		return fault(r,
			     "'%s' is a package from PyPI (conda-lock writes them so), which condaimg does not "
			     "install yet",
			     text + 4);
	if (str_starts(text, "no URL for: ")) {
		mem_grow(r->warnings, r->n_warnings);
		r->warnings[r->n_warnings++] = arena_printf(a,
							    "%s:%u: %s is not in the list, as conda did not know "
							    "where it came from",
							    r->lines.file, r->lines.line, text + 12);
	}
	return 0;
}

/* ---- packages ---- */

static bool is_name(char c, bool first)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (!first && c >= '0' && c <= '9');
}

/* "$NAME" or "${NAME}" at s: its value and length, or NULL. */
static const char *variable_at(const struct reader *r, const char *s, size_t *len)
{
	bool braces = s[1] == '{';
	const char *name = s + 1 + braces;
	size_t n = 0;
	auto_free char *copy = NULL;

	while (is_name(name[n], n == 0))
		n++;
	if (!n || (braces && name[n] != '}') || !r->place->variable)
		return NULL;
	copy = mem_printf("%.*s", (int)n, name);
	*len = 1 + n + 2 * (size_t)braces;
	return r->place->variable(copy);
}

/* With "~/" and variables replaced, as conda does; what is not set stays as it is. */
static const char *expand(struct reader *r, struct str line)
{
	const char *s = arena_strndup(&r->l->arena, line.p, line.n), *value;
	auto_buf b = { 0 };
	size_t len;

	if (s[0] == '~' && s[1] == '/' && r->place->home)
		buf_adds(&b, r->place->home), s++;
	for (; *s; s++) {
		value = *s == '$' ? variable_at(r, s, &len) : NULL;
		if (value)
			buf_adds(&b, value), s += len - 1;
		else
			buf_addc(&b, *s);
	}
	return arena_strdup(&r->l->arena, buf_cstr(&b));
}

static int read_checksum(struct reader *r, const char *hex, struct record *rec)
{
	if (str_starts(hex, "sha256:") || strlen(hex) == 64)
		rec->has_sha256 = digest_parse(str_starts(hex, "sha256:") ? hex + 7 : hex, &rec->sha256);
	else
		rec->has_md5 = digest_hex_parse(hex, rec->md5, sizeof(rec->md5));
	if (!rec->has_sha256 && !rec->has_md5)
		return fault(r, "the checksum '%s' is neither 32 hex digits (md5) nor 64 (sha256)", hex);
	return 0;
}

/* Cut "#checksum" off the end. */
static int split_checksum(struct reader *r, char *text, struct record *rec)
{
	char *hash = strrchr(text, '#');

	if (!hash && !strchr(text, '/'))
		return fault(r, "'%s' is no URL; below @EXPLICIT stand URLs of packages, with their checksums", text);
	if ((!hash || strchr(hash, '/')) && r->place->unverified) {
		if (!r->l->unverified)
			r->l->unverified = arena_printf(&r->l->arena, "%s:%u: %s", r->lines.file, r->lines.line, text);
		return 0;
	}
	if (!hash || strchr(hash, '/'))
		return fault(r,
			     "%s has no checksum, and what is downloaded could not be verified; write the list with "
			     "conda list --explicit --sha256 (or --md5)",
			     text);
	*hash = '\0';
	return read_checksum(r, hash + 1, rec);
}

static int read_package(struct reader *r, struct str line)
{
	struct arena *a = &r->l->arena;
	struct record *rec;
	const char *why;
	char *text;

	if (r->n == PACKAGES_MAX)
		return fault(r, "has more than %zu packages", PACKAGES_MAX);
	mem_grow(r->records, r->n);
	mem_grow(r->at, r->n);
	rec = &r->records[r->n];
	*rec = (struct record){ .bare = true };
	r->at[r->n] = r->lines.line;
	text = arena_strdup(a, expand(r, line));
	if (split_checksum(r, text, rec) < 0)
		return -1;
	why = lock_url_record(a, strstr(text, "://") ? text : lock_url_of_path(a, r->place->cwd, text), rec);
	if (why)
		return fault(r, "'%s' %s", text, why);
	record_defaults(rec);
	r->n++;
	return 0;
}

static int read_lines(struct reader *r)
{
	struct str line;

	while (text_lines_next(&r->lines, &line)) {
		if (text_lines_check(line))
			return fault(r, "%s", text_lines_check(line));
		if (str_eq(line, MARK))
			continue;
		if ((line.p[0] == '#' ? read_comment(r, line) : read_package(r, line)) < 0)
			return -1;
	}
	return 0;
}

/* ---- the lock ---- */

static const char *find_platform(const struct reader *r, const char *subdir)
{
	for (size_t i = 0; !r->platform && i < r->n; i++)
		if (*r->records[i].subdir && strcmp(r->records[i].subdir, "noarch") != 0)
			return r->records[i].subdir;
	return r->platform ? r->platform : subdir;
}

static int check_platforms(struct reader *r, const char *platform)
{
	for (size_t i = 0; i < r->n; i++) {
		const char *s = r->records[i].subdir;

		r->lines.line = r->at[i];
		if (*s && strcmp(s, "noarch") != 0 && strcmp(s, platform) != 0)
			return fault(r, "%s is of %s, but the list is for %s", r->records[i].fn, s, platform);
	}
	return 0;
}

static int place_cmp(const void *x, const void *y)
{
	const struct record *a = *(const struct record *const *)x, *b = *(const struct record *const *)y;
	int c = strcmp(a->name, b->name);

	return c ? c : a < b ? -1 : a > b;
}

static int refuse_twice(struct reader *r)
{
	auto_free const struct record **sorted = mem_array(r->n, sizeof(struct record *));

	for (size_t i = 0; i < r->n; i++)
		sorted[i] = &r->records[i];
	if (r->n)
		qsort(sorted, r->n, sizeof(*sorted), place_cmp);
	for (size_t i = 1; i < r->n; i++)
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
			r->lines.line = r->at[sorted[i] - r->records];
			return fault(r, "package '%s' stands here a second time (first in line %u)", sorted[i]->name,
				     r->at[sorted[i - 1] - r->records]);
		}
	return 0;
}

static const char *const *list_channels(struct reader *r)
{
	const char **list = NULL;
	const char *const *ret;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		size_t k = 0;

		while (k < n && strcmp(list[k], r->records[i].channel) != 0)
			k++;
		if (k == n) {
			mem_grow(list, n);
			list[n++] = r->records[i].channel;
		}
		r->records[i].channel_rank = (uint32_t)k;
	}
	ret = arena_strlist(&r->l->arena, list, n);
	free(list);
	return ret;
}

static void make_lock(struct reader *r, const char *platform)
{
	static const char *const none[] = { NULL };
	struct arena *a = &r->l->arena;
	struct lock_platform *p = arena_alloc(a, sizeof(*p));

	r->l->channels = list_channels(r);
	r->l->sources = r->l->requested = none;
	r->l->priority = "";
	r->l->foreign = true;
	r->l->warnings = arena_strlist(a, r->warnings, r->n_warnings);
	*p = (struct lock_platform){ .subdir = arena_strdup(a, platform),
				     .content_hash = "",
				     .virtuals = none,
				     .libc = "",
				     .packages = arena_dup(a, r->records, r->n * sizeof(*r->records)),
				     .n_packages = r->n };
	r->l->platforms = p;
	r->l->n_platforms = 1;
}

int explicit_parse(const char *p, size_t n, const char *file, const char *subdir, const struct explicit_place *place,
		   struct lock *ret, struct err *err)
{
	struct lock l = { 0 };
	struct reader r = { .l = &l, .place = place, .err = err };
	const char *platform;
	int rc;

	if (n > EXPLICIT_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%s: is larger than %s, which no list of packages is", file,
			       num_bytes(EXPLICIT_BYTES_MAX).s);
	r.lines = text_lines_begin(arena_strdup(&l.arena, file), p, n);
	rc = read_lines(&r);
	platform = find_platform(&r, subdir);
	if (rc == 0 && !r.n)
		rc = err_set(err, ERR_FORMAT, "%s: has no package below " MARK, file);
	if (rc == 0)
		rc = check_platforms(&r, platform);
	if (rc == 0)
		rc = refuse_twice(&r);
	if (rc == 0) {
		make_lock(&r, platform);
		*ret = l;
	} else {
		arena_release(&l.arena);
	}
	free(r.records);
	free(r.at);
	free(r.warnings);
	return rc;
}

/* ---- writing ---- */

void explicit_write(const struct lock_platform *p, bool md5, struct buf *ret)
{
	buf_addf(ret,
		 "# This file may be used to create an environment using:\n"
		 "# $ conda create --name <env> --file <this file>\n"
		 "# platform: %s\n"
		 "# created-by: condaimg\n" MARK "\n",
		 p->subdir);
	for (size_t i = 0; i < p->n_packages; i++) {
		const struct record *r = &p->packages[i];
		char hex[2 * sizeof(r->md5) + 1];

		buf_adds(ret, r->url);
		digest_hex_of(r->md5, sizeof(r->md5), hex);
		if (r->has_sha256 && !(md5 && r->has_md5))
			buf_addf(ret, "#%s", digest_hex(&r->sha256).hex);
		else if (r->has_md5)
			buf_addf(ret, "#%s", hex);
		buf_addc(ret, '\n');
	}
}
