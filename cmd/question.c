#include "cmd/question.h"

#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "conda/instant.h"
#include "conda/matchspec.h"
#include "conda/virtual_file.h"

#define VIRTUAL_FILE_MAX ((uint64_t)1 << 20)
#define GLIBC_UNKNOWN "2.28" /* with --libc none: what conda-lock assumes of an unknown Linux */

/* A relative path without "./" is a name to conda; whoever has such a folder may have meant the folder. */
static void warn_of_folder(const char *text)
{
	auto_free char *noarch = mem_printf("%s/noarch", text);

	if (!str_starts(text, "/") && !str_starts(text, "./") && !str_starts(text, "../") &&
	    fs_exists(AT_FDCWD, noarch))
		log_warn("'%s' is taken as the name of a channel; for the folder write ./%s", text, text);
}

/* Channels on their way into a question. */
struct channel_list {
	struct channel *list;
	size_t n;
};

static void channel_list_release(struct channel_list *l)
{
	free(l->list);
}

#define auto_channel_list CLEANUP(channel_list_release) struct channel_list

static int add_channel(struct question *q, const struct settings *s, const char *text, const char *dir,
		       struct channel_list *ret, struct err *err)
{
	return channel_resolve_as(&q->arena, &s->config.names, text, dir, &ret->list, &ret->n, err);
}

static const char *variable(const char *name)
{
	return getenv(name);
}

/* Those of the options, then those of the files, in which conda replaces $VARIABLES. */
static int add_asked(struct question *q, const struct options *o, const struct settings *s, struct channel_list *ret,
		     struct err *err)
{
	for (size_t i = 0; i < o->n_channels; i++) {
		warn_of_folder(o->channels[i]);
		if (add_channel(q, s, o->channels[i], ".", ret, err) < 0)
			return -1;
	}
	for (size_t i = 0; !o->override_channels && q->env->channels[i]; i++)
		if (add_channel(q, s, condarc_expand(&q->arena, q->env->channels[i], variable),
				input_dir(&q->arena, q->env->channel_files[i]), ret, err) < 0)
			return -1;
	return 0;
}

static bool has_channel(const struct channel_list *l, const struct channel *c)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].canonical, c->canonical) == 0)
			return true;
	return false;
}

/* Those of the machine's configuration. Each with where it stands, in from. */
static int read_configured(struct question *q, const struct settings *s, struct channel_list *ret, const char ***from,
			   struct err *err)
{
	const struct condarc_value *v = &s->config.rc.values[CONDARC_CHANNELS];

	for (size_t i = 0; i < v->n; i++) {
		size_t before = ret->n;

		if (strcmp(v->items[i].text, "nodefaults") == 0 || strcmp(v->items[i].text, "local") == 0)
			continue;
		if (add_channel(q, s, v->items[i].text, ".", ret, err) < 0)
			return err_at(err, "%s", v->items[i].from);
		for (size_t k = before; k < ret->n; k++) {
			mem_grow(*from, k);
			(*from)[k] = v->items[i].from;
		}
	}
	return 0;
}

/*
 * Those of the configuration go behind what was asked for. Those of Anaconda, Inc., whose terms ask some to pay,
 * only where there is nothing else: installers write them into files that nobody looks at.
 */
static int add_configured(struct question *q, const struct settings *s, struct channel_list *ret, struct err *err)
{
	auto_channel_list more = { 0 };
	auto_free const char **from = NULL;
	bool others = ret->n > 0;

	if (read_configured(q, s, &more, &from, err) < 0)
		return -1;
	for (size_t i = 0; i < more.n; i++)
		others |= !channel_is_licensed(&more.list[i]);
	for (size_t i = 0; i < more.n; i++) {
		const struct channel *c = &more.list[i];

		if (has_channel(ret, c))
			continue;
		if (channel_is_licensed(c) && others) {
			log_info("%s of %s is not searched: its terms are not free for all; whoever wants it names it "
				 "in the environment or with -c",
				 c->canonical, from[i]);
			continue;
		}
		if (channel_is_licensed(c))
			log_warn("%s is searched because %s says so; its terms are not free for all", c->canonical,
				 from[i]);
		else
			log_info("%s of %s is searched too", c->canonical, from[i]);
		mem_grow(ret->list, ret->n);
		ret->list[ret->n++] = *c;
	}
	return 0;
}

/* Whether a spec's channel is one of these, or may be: a pattern names none that could be added. */
static bool is_searched(const struct channel_list *l, const char *channel)
{
	for (size_t i = 0; i < l->n; i++)
		if (matchspec_channel_match(channel, l->list[i].canonical))
			return true;
	return strpbrk(channel, "*^$") != NULL;
}

/* "foo::six" has foo searched, behind all others, as conda and mamba have it. */
static int add_named(struct question *q, const struct settings *s, struct channel_list *ret, struct err *err)
{
	for (size_t i = 0; i < q->env->n_specs; i++) {
		const struct env_spec *spec = &q->env->specs[i];
		const struct matchspec *m = matchspec_parse(&q->arena, spec->text, MATCHSPEC_V3, err);

		if (!m)
			return err_at(err, "%s:%u", spec->file, spec->line);
		if (!m->channel || is_searched(ret, m->channel))
			continue;
		if (add_channel(q, s, m->channel, input_dir(&q->arena, spec->file), ret, err) < 0)
			return err_at(err, "%s:%u", spec->file, spec->line);
		log_info("%s is searched too, because %s:%u asks for '%s'", m->channel, spec->file, spec->line,
			 spec->text);
	}
	return 0;
}

/* What the request says: those asked for, and behind the configuration's those that specs name. */
static void keep_channels(struct question *q, const struct channel_list *l, size_t n_asked, size_t n_unnamed)
{
	const char **urls = arena_array(&q->arena, l->n + 1, sizeof(*urls));
	const char **asked = arena_array(&q->arena, l->n + 1, sizeof(*asked));
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		urls[i] = l->list[i].canonical;
	for (size_t i = 0; i < l->n; i++)
		if (i < n_asked || i >= n_unnamed)
			asked[n++] = urls[i];
	q->channels = arena_dup(&q->arena, l->list, l->n * sizeof(*l->list));
	q->n_channels = l->n;
	q->channel_urls = urls;
	q->asked_urls = n_asked ? asked : urls;
}

static int read_channels(struct question *q, const struct options *o, const struct settings *s, struct err *err)
{
	auto_channel_list l = { 0 };
	size_t n_asked, n_unnamed;

	if (o->override_channels && !condarc_bool(&s->config.rc, CONDARC_OVERRIDE_CHANNELS_ENABLED, true))
		return err_set(err, ERR_USAGE,
			       "--override-channels is not allowed here: override_channels_enabled of %s",
			       condarc_from(&s->config.rc, CONDARC_OVERRIDE_CHANNELS_ENABLED));
	if (add_asked(q, o, s, &l, err) < 0)
		return -1;
	n_asked = l.n;
	if (!o->override_channels && !q->env->nodefaults && add_configured(q, s, &l, err) < 0)
		return -1;
	if (!l.n && add_channel(q, s, CHANNEL_DEFAULT, ".", &l, err) < 0)
		return -1;
	n_unnamed = l.n;
	if (!o->override_channels && add_named(q, s, &l, err) < 0)
		return -1;
	if (config_allows(&s->config, l.list, l.n, err) < 0)
		return -1;
	keep_channels(q, &l, n_asked, n_unnamed);
	return 0;
}

static bool asks_for(const struct question *q, const char *name)
{
	for (size_t i = 0; i < q->n_specs; i++)
		if (str_eq(matchspec_name_of(q->specs[i]), name))
			return true;
	return false;
}

/* Names are lower case; people write PyYAML, and conda and mamba take it. */
static const char *lower_name(struct question *q, const char *text)
{
	struct str name = matchspec_name_of(text);
	char *ret = arena_strdup(&q->arena, text);

	for (size_t i = 0; i < name.n; i++) {
		char *c = ret + (name.p - text) + i;

		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	}
	return ret;
}

static int read_spec(struct question *q, const char *text, const char **canonical, struct err *err)
{
	const struct matchspec *m = matchspec_parse(&q->arena, text, MATCHSPEC_V3, err);

	if (!m)
		return -1;
	if (!m->name)
		return err_set(err, ERR_FORMAT, "'%s' has no plain package name, and a request needs one", text);
	*canonical = matchspec_text(&q->arena, m);
	return 0;
}

static int read_specs(struct question *q, const struct settings *s, struct err *err)
{
	static const char *const shell[] = { "bash", "coreutils" };
	size_t max = q->env->n_specs + COUNT(shell), kept = 0;
	const char **specs = arena_array(&q->arena, max + 1, sizeof(*specs));
	const char **canonical = arena_array(&q->arena, max + 1, sizeof(*canonical));

	q->specs = specs;
	for (size_t i = 0; i < q->env->n_specs; i++, q->n_specs++) {
		specs[i] = lower_name(q, q->env->specs[i].text);
		if (read_spec(q, specs[i], &canonical[i], err) < 0)
			return err_at(err, "%s:%u", q->env->specs[i].file, q->env->specs[i].line);
	}
	for (size_t i = 0; s->app.shell && i < COUNT(shell); i++)
		if (!asks_for(q, shell[i]))
			specs[q->n_specs] = canonical[q->n_specs] = shell[i], q->n_specs++;
	if (q->n_specs)
		qsort(canonical, q->n_specs, sizeof(*canonical), str_ptr_cmp);
	/* What stands in two files, or in other words, is asked for once. */
	for (size_t i = 0; i < q->n_specs; i++)
		if (!i || strcmp(canonical[i], canonical[kept - 1]) != 0)
			canonical[kept++] = canonical[i];
	canonical[kept] = NULL;
	q->canonical_specs = canonical;
	return 0;
}

/* The file that is named, or the one beside the first environment file; NULL where there is none. */
static const char *find_virtual_file(struct question *q, const struct options *o)
{
	static const char *const names[] = { "virtual-packages.yml", "virtual-packages.yaml" };
	const char *beside = q->env->files[0];

	if (o->virtual_package_spec)
		return o->virtual_package_spec;
	for (size_t i = 0; strcmp(beside, "-") != 0 && i < COUNT(names); i++) {
		const char *path = arena_printf(&q->arena, "%s/%s", input_dir(&q->arena, beside), names[i]);

		if (fs_exists(AT_FDCWD, path))
			return path;
	}
	return NULL;
}

static int read_virtual_file(struct question *q, const struct options *o, struct err *err)
{
	const char *path = find_virtual_file(q, o);
	auto_buf text = { 0 };

	if (!path)
		return 0;
	if (!o->virtual_package_spec)
		log_info("virtual packages are those of %s", path);
	if (fs_read(AT_FDCWD, path, VIRTUAL_FILE_MAX, &text, err) < 0)
		return -1;
	return virtual_file_apply(&q->arena, buf_cstr(&text), text.n, path, q->platform->subdir, &q->virtuals, err);
}

static int read_pin(struct question *q, const char *text, const char **canonical, const char *where, struct err *err)
{
	const struct matchspec *m = matchspec_parse(&q->arena, text, MATCHSPEC_V3, err);

	if (!m)
		return err_at(err, "%s", where);
	if (!m->name || m->when)
		return err_set(err, ERR_USAGE, "%s is '%s', expected a package name and what it must meet", where,
			       text);
	*canonical = matchspec_text(&q->arena, m);
	return 0;
}

/* Those of the options, which the hash knows, and those of the configuration. */
static int read_pins(struct question *q, const struct options *o, const struct settings *s, struct err *err)
{
	const struct condarc_value *v = &s->config.rc.values[CONDARC_PINNED_PACKAGES];
	const char **pins = arena_array(&q->arena, o->n_pins + v->n + 1, sizeof(*pins));
	const char **canonical = arena_array(&q->arena, o->n_pins + v->n + 1, sizeof(*canonical));
	const char **asked = arena_array(&q->arena, o->n_pins + 1, sizeof(*asked));

	for (size_t i = 0; i < o->n_pins; i++) {
		pins[i] = lower_name(q, o->pins[i]);
		if (read_pin(q, pins[i], &canonical[i], "--pin", err) < 0)
			return -1;
		asked[i] = canonical[i];
	}
	q->n_pins = o->n_pins;
	for (size_t i = 0; i < v->n; i++, q->n_pins++) {
		pins[q->n_pins] = v->items[i].text;
		if (read_pin(q, v->items[i].text, &canonical[q->n_pins],
			     arena_printf(&q->arena, "pinned_packages of %s", v->items[i].from), err) < 0)
			return -1;
	}
	if (q->n_pins)
		qsort(canonical, q->n_pins, sizeof(*canonical), str_ptr_cmp);
	q->pins = pins;
	q->canonical_pins = canonical;
	q->asked_pins = asked;
	return 0;
}

static int read_virtuals(struct question *q, const struct options *o, const struct settings *s, const char *base_glibc,
			 struct err *err)
{
	const struct record *glibc;
	const char *known = base_glibc ? base_glibc : s->libc_none ? GLIBC_UNKNOWN : NULL;

	virtual_defaults(&q->arena, q->platform, known, &q->virtuals);
	if (read_virtual_file(q, o, err) < 0 || settings_apply_virtuals(s, &q->arena, &q->virtuals, err) < 0)
		return -1;
	glibc = virtual_find(&q->virtuals, "__glibc");
	q->glibc = glibc ? glibc->version : NULL;
	q->libc = base_glibc ? "base" : s->libc_none ? "none" : "auto";
	return 0;
}

static bool has_platform(const char *const *list, const char *subdir)
{
	for (; list && *list; list++)
		if (strcmp(*list, subdir) == 0)
			return true;
	return false;
}

/* Who asks for a platform that the file does not name is told so, and gets it. */
static void warn_of_platform(const struct env *env, const struct platform *p)
{
	auto_buf names = { 0 };

	if (!env->platforms || !env->platforms[0] || has_platform(env->platforms, p->subdir))
		return;
	for (const char *const *name = env->platforms; *name; name++)
		buf_addf(&names, "%s%s", names.n ? ", " : "", *name);
	log_warn("%s is not written for %s: its platforms are %s", env->file, p->subdir, buf_cstr(&names));
}

int question_make(const struct env *env, const struct options *o, const struct settings *s,
		  const struct platform *platform, const char *base_glibc, struct question *ret, struct err *err)
{
	*ret = (struct question){
		.env = env, .platform = platform, .priority = s->priority, .exclude_newer = s->exclude_newer
	};
	warn_of_platform(env, platform);
	if (o->override_channels && !o->n_channels)
		return err_set(err, ERR_USAGE, "--override-channels leaves no channel: name one with -c");
	if (read_channels(ret, o, s, err) < 0 || read_specs(ret, s, err) < 0 || read_pins(ret, o, s, err) < 0 ||
	    read_virtuals(ret, o, s, base_glibc, err) < 0)
		return -1;
	if (s->exclude_newer)
		ret->exclude_newer_text = instant_text(&ret->arena, s->exclude_newer);
	/* What the machine's configuration adds is in the lock, and makes no other machine's lock stale. */
	ret->content_hash = lock_content_hash(
		&ret->arena,
		&(struct lock_question){
			.subdir = platform->subdir,
			.channels = ret->asked_urls,
			.specs = ret->canonical_specs,
			.virtuals = virtual_texts(&ret->arena, &ret->virtuals),
			.priority = channel_priority_text(s->priority_said ? s->priority : PRIORITY_FLEXIBLE),
			.libc = ret->libc,
			.pins = ret->asked_pins,
			.exclude_newer = ret->exclude_newer_text,
		});
	return 0;
}

void question_release(struct question *q)
{
	arena_release(&q->arena);
	*q = (struct question){ 0 };
}

const struct platform *question_platform(const struct settings *s, const struct input *in, struct err *err)
{
	const struct platform *host = s->host;

	if (s->platform)
		return s->platform;
	if (in->is_lock) {
		if (in->lock.n_platforms == 0 || lock_find(&in->lock, host->subdir))
			return host;
		return platform_parse(in->lock.platforms[0].subdir, err);
	}
	if (!in->env.platforms[0] || has_platform(in->env.platforms, host->subdir))
		return host;
	for (size_t i = 0; in->env.platforms[i]; i++) {
		const struct platform *p;

		err_clear(err);
		p = platform_parse(in->env.platforms[i], err);
		if (p)
			return p;
	}
	return NULL; /* with the sentence of the last */
}
