#include "solver/lacking.h"

#include <string.h>

#include "base/str.h"
#include "solver/story.h"

#define FEW 3 /* versions that are told one by one */
#define BUILDS_TOLD 2

/* ---- text ---- */

const char *lacking_list(const char *const *words, struct arena *a)
{
	const char *ret = "";

	for (size_t i = 0; words[i]; i++)
		ret = arena_printf(a, "%s%s%s", ret, !i ? "" : words[i + 1] ? ", " : " and ", words[i]);
	return ret;
}

static bool is_operator(char c)
{
	return c && strchr("=<>!~", c);
}

const char *const *lacking_literals(const char *version_text, struct arena *a)
{
	const char **ret = arena_array(a, version_text ? strlen(version_text) / 2 + 2 : 1, sizeof(*ret));
	size_t n = 0;

	while (version_text && *version_text) {
		size_t len = strcspn(version_text, ",|() ");
		const char *p = version_text, *end = p + len;

		version_text = *end ? end + 1 : end;
		while (p < end && is_operator(*p))
			p++;
		while (end > p && (end[-1] == '*' || end[-1] == '.'))
			end--;
		if (end > p)
			ret[n++] = arena_strndup(a, p, (size_t)(end - p));
	}
	return ret;
}

/* ---- versions that there could be ---- */

static bool would_meet(const struct matchspec *m, const char *text)
{
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const struct version *v = version_parse(&a, text, &err);

	return v && version_spec_match(m->version, v, text);
}

/*
 * What can meet a condition of bounds meets it at a bound, or just beside one. Expressions, stars within and
 * local versions are not looked through.
 */
bool lacking_is_empty(const struct matchspec *m)
{
	auto_arena a = { 0 };
	const char *const *literals;

	if (!m->version || strpbrk(m->version_text, "^$+"))
		return false;
	literals = lacking_literals(m->version_text, &a);
	for (size_t i = 0; literals[i]; i++)
		if (strchr(literals[i], '*') || would_meet(m, literals[i]) ||
		    would_meet(m, arena_printf(&a, "%s.0.0.0.1", literals[i])) ||
		    would_meet(m, arena_printf(&a, "%sdev0", literals[i])) ||
		    would_meet(m, arena_printf(&a, "%spost1", literals[i])))
			return false;
	return *literals && !would_meet(m, "0") && !would_meet(m, "999999999");
}

/* ---- parts of a spec ---- */

/* In the order in which they are told: each is looked at among what meets those before it. */
enum part { PART_CHANNEL, PART_SUBDIR, PART_VERSION, PART_BUILD, PART_NUMBER, PART_REST };

/* A spec that asks for no more than the first parts of another. */
static struct matchspec first_parts(const struct matchspec *m, enum part last)
{
	struct matchspec ret = { .text = m->text, .name = m->name, .name_pattern = m->name_pattern };

	if (last == PART_REST)
		return *m;
	ret.channel = m->channel;
	if (last >= PART_SUBDIR)
		ret.subdir = m->subdir;
	if (last >= PART_VERSION) {
		ret.version_text = m->version_text;
		ret.version = m->version;
	}
	if (last >= PART_BUILD) {
		ret.build_text = m->build_text;
		ret.build = m->build;
	}
	if (last >= PART_NUMBER)
		ret.number = m->number;
	return ret;
}

/* Candidates of one name, the highest version first. */
struct some {
	const struct candidate **list;
	uint32_t n;
};

static int candidate_cmp(const void *x, const void *y)
{
	const struct candidate *a = *(const struct candidate *const *)x, *b = *(const struct candidate *const *)y;

	if (a->vrank != b->vrank)
		return a->vrank > b->vrank ? -1 : 1;
	if (a->record->build_number != b->record->build_number)
		return a->record->build_number > b->record->build_number ? -1 : 1;
	return strcmp(a->record->build, b->record->build);
}

static struct some meeting(const struct problem *p, const struct name *n, const struct matchspec *m, struct arena *a)
{
	struct some ret = { arena_array(a, n->n, sizeof(struct candidate *)), 0 };

	for (uint32_t i = 0; i < n->n; i++) {
		const struct candidate *c = &p->candidates[n->candidates[i]];

		if (matchspec_match(m, c->record, c->version))
			ret.list[ret.n++] = c;
	}
	if (ret.n)
		qsort(ret.list, ret.n, sizeof(*ret.list), candidate_cmp);
	return ret;
}

static const char *range_of(const struct name *n, const struct some *s, struct arena *a)
{
	const char *range = story_range(a, n->text, s->list[s->n - 1], s->list[0]);

	return s->n == 1 ? range : arena_printf(a, "%s (%u builds)", range, s->n);
}

/* ---- the version ---- */

/* Distinct versions, the lowest first. */
static const char **versions_of(const struct some *s, struct arena *a, uint32_t *n, const struct candidate ***by)
{
	const char **ret = arena_array(a, s->n + 1, sizeof(*ret));

	*n = 0;
	*by = arena_array(a, s->n, sizeof(**by));
	for (uint32_t i = s->n; i-- > 0;)
		if (!*n || (*by)[*n - 1]->vrank != s->list[i]->vrank) {
			(*by)[*n] = s->list[i];
			ret[(*n)++] = s->list[i]->record->version;
		}
	return ret;
}

/* Where a condition stands among versions: below the first it may be, and above the last. */
struct window {
	uint32_t below, above; /* how many versions are lower, and how many are not higher */
	bool apart; /* one of its literals is lower than all that are not below */
};

static struct window window_of(const struct candidate *const *by, uint32_t n, const char *const *literals)
{
	struct window ret = { UINT32_MAX, 0, false };
	auto_arena a = { 0 };

	for (size_t i = 0; literals[i]; i++) {
		struct err err = ERR_INIT;
		const struct version *v = version_parse(&a, literals[i], &err);
		uint32_t lower = 0, upper;

		if (!v)
			return (struct window){ 0, n, false };
		while (lower < n && version_cmp(by[lower]->version, v) < 0)
			lower++;
		for (upper = lower; upper < n && version_cmp(by[upper]->version, v) == 0;)
			upper++;
		if (lower < ret.below)
			ret = (struct window){ lower, ret.above, false };
		ret.above = upper > ret.above ? upper : ret.above;
		ret.apart |= lower == ret.below && upper == lower;
	}
	return ret;
}

/* Whether what a condition asks for lies above a version that it names. */
static bool lies_above(const struct matchspec *m, const char *const *literals, struct arena *a)
{
	for (size_t i = 0; literals[i]; i++)
		if (would_meet(m, arena_printf(a, "%s.0.0.0.1", literals[i])))
			return true;
	return false;
}

/* The neighbours of a condition that lies between versions. */
static const char *nearest_text(const struct some *s, const struct matchspec *m, struct arena *a)
{
	const struct candidate **by;
	uint32_t n, at;
	const char **versions = versions_of(s, a, &n, &by);
	const char *const *literals = lacking_literals(m->version_text, a);
	struct window w = window_of(by, n, literals);

	if (w.below > n || w.above > w.below + 2)
		return NULL;
	/* A version that a literal names is its own neighbour. */
	at = w.below;
	if (w.above == w.below || (w.above == w.below + 1 && (w.apart || !lies_above(m, literals, a))))
		at = w.below - 1;
	if (at >= n || at + 1 >= n) /* below - 1 of none is out of range, too */
		return NULL;
	return arena_printf(a, "%s and %s", versions[at], versions[at + 1]);
}

static const char *version_text_of(const struct name *n, const struct some *s, const struct matchspec *m,
				   struct arena *a)
{
	const struct candidate **by;
	uint32_t count;
	const char **versions, *near;

	if (lacking_is_empty(m))
		return "no version at all can be that";
	versions = versions_of(s, a, &count, &by);
	if (count <= FEW)
		return arena_printf(a, "there is only %s %s", n->text, lacking_list(versions, a));
	near = nearest_text(s, m, a);
	if (near)
		return arena_printf(a, "of %s the nearest are %s", range_of(n, s, a), near);
	return arena_printf(a, "there is only %s", range_of(n, s, a));
}

/* ---- what else there is in specs ---- */

/* "2 of them are in X" is of no use here: which subdirs there are. */
static const char *subdir_text(const struct name *n, const struct some *s, const struct matchspec *m, struct arena *a)
{
	const char *words[FEW + 1] = { 0 };
	size_t count = 0;

	for (uint32_t i = 0; i < s->n && count < FEW; i++) {
		size_t k = 0;

		while (k < count && strcmp(words[k], s->list[i]->record->subdir) != 0)
			k++;
		if (k == count)
			words[count++] = s->list[i]->record->subdir;
	}
	if (count)
		qsort(words, count, sizeof(*words), str_ptr_cmp);
	return arena_printf(a, "%s is in %s, not in %s", range_of(n, s, a), lacking_list(words, a), m->subdir);
}

/* Distinct build strings, those of the best builds first. */
static const char *builds_text(const struct some *s, struct arena *a)
{
	const char **seen = arena_array(a, s->n + 1, sizeof(*seen));
	const char *ret = "";
	size_t n = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		size_t k = 0;

		while (k < n && strcmp(seen[k], s->list[i]->record->build) != 0)
			k++;
		if (k == n)
			seen[n++] = s->list[i]->record->build;
	}
	for (size_t i = 0; i < n && i < BUILDS_TOLD; i++)
		ret = arena_printf(a, "%s%s%s", ret, !i ? "" : i + 1 == n ? " and " : ", ", seen[i]);
	if (n > BUILDS_TOLD)
		ret = arena_printf(a, "%s and %zu other%s", ret, n - BUILDS_TOLD, n - BUILDS_TOLD == 1 ? "" : "s");
	return ret;
}

/* The build, and other versions that have it. */
static const char *build_text(const struct problem *p, const struct name *n, const struct some *s,
			      const struct matchspec *m, struct arena *a)
{
	struct matchspec any = first_parts(m, PART_BUILD);
	const char *ret =
		arena_printf(a, "no build of %s %s '%s', but %s", range_of(n, s, a),
			     strpbrk(m->build_text, "*^") ? "is like" : "is called", m->build_text, builds_text(s, a));
	struct some others;

	any.version = NULL;
	any.version_text = NULL;
	others = meeting(p, n, &any, a);
	return others.n ? arena_printf(a, "%s; %s %s", ret, range_of(n, &others, a), others.n == 1 ? "is" : "are")
			: ret;
}

static const char *number_text(const struct name *n, const struct some *s, const struct matchspec *m, struct arena *a)
{
	uint64_t lo = UINT64_MAX, hi = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		uint64_t number = s->list[i]->record->build_number;

		lo = number < lo ? number : lo;
		hi = number > hi ? number : hi;
	}
	return arena_printf(a, "no build of %s has the number %s, but %llu%s", range_of(n, s, a), m->build_number,
			    (unsigned long long)lo,
			    lo == hi ? "" : arena_printf(a, " to %llu", (unsigned long long)hi));
}

static const char *rest_text(const struct name *n, const struct some *s, const struct matchspec *m, struct arena *a)
{
	const char *words[10] = { 0 };
	size_t count = 0;

#define WORD(set, text) count += (words[count] = (set) ? (text) : NULL) != NULL
	WORD(m->fn, "fn");
	WORD(m->url, "url");
	WORD(m->md5, "md5");
	WORD(m->sha256, "sha256");
	WORD(m->license, "license");
	WORD(m->license_family, "license_family");
	WORD(m->track_features, "track_features");
	WORD(m->features, "features");
	WORD(m->flags, "flags");
#undef WORD
	return arena_printf(a, "no build of %s has the %s", range_of(n, s, a), lacking_list(words, a));
}

static const char *first_lacking(const struct problem *p, const struct matchspec *m, const struct name *n,
				 struct arena *a)
{
	struct some left = { 0 }, next = { 0 };
	enum part part = PART_CHANNEL;

	for (; part <= PART_REST; part++) {
		struct matchspec first = first_parts(m, part);

		next = meeting(p, n, &first, a);
		if (!next.n)
			break;
		left = next;
	}
	switch (part) {
	case PART_CHANNEL:
		return arena_printf(a, "%s has no %s", m->channel ? m->channel : "no channel", n->text);
	case PART_SUBDIR:
		return subdir_text(n, &left, m, a);
	case PART_VERSION:
		return version_text_of(n, &left, m, a);
	case PART_BUILD:
		return build_text(p, n, &left, m, a);
	case PART_NUMBER:
		return number_text(n, &left, m, a);
	case PART_REST:
		break;
	}
	return rest_text(n, &left, m, a);
}

/* Beside a build "3.12" is that version alone, to conda and so to us. The spec that was meant; false: it is not that. */
static bool is_exact_by_build(const struct matchspec *m, struct arena *a, struct matchspec *meant)
{
	struct err err = ERR_INIT;

	if (!m->build_text || !m->version_text || strpbrk(m->version_text, ",|=<>!~*^$ "))
		return false;
	*meant = *m;
	meant->version_text = arena_printf(a, "%s.*", m->version_text);
	meant->version = version_spec_parse(a, meant->version_text, &err);
	return meant->version;
}

const char *lacking_text(const struct problem *p, const struct matchspec *m, const struct name *n, struct arena *a)
{
	struct matchspec meant, first;

	if (!is_exact_by_build(m, a, &meant))
		return first_lacking(p, m, n, a);
	if (meeting(p, n, &meant, a).n)
		return arena_printf(a, "beside a build, %s is that version alone: write '%s %s %s'", m->version_text,
				    n->text, meant.version_text, m->build_text);
	first = first_parts(&meant, PART_VERSION);
	return first_lacking(p, meeting(p, n, &first, a).n ? &meant : m, n, a);
}
