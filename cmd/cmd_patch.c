#include <string.h>

#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/patching.h"
#include "cmd/question.h"
#include "cmd/solve_all.h"
#include "conda/libc.h"
#include "conda/matchspec.h"

/* What is asked: of each platform, that everything stays but what the specs name. */
struct asking {
	struct arena arena;
	struct env *envs; /* what the locks were made of; they own nothing */
	struct options *options;
	struct settings *settings;
	struct question *questions;
	struct lock_platform *answers;
	struct lock locked; /* all platforms */
	struct kept kept;
	size_t n;
};

static void asking_release(struct asking *q)
{
	for (size_t i = 0; i < q->n; i++)
		question_release(&q->questions[i]);
	free(q->questions);
	kept_release(&q->kept);
	arena_release(&q->arena);
}

/* ---- what moves ---- */

static const struct record *find_record(const struct patching *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct lock_platform *lp = p->images[i].was.lp;

		for (size_t k = 0; k < lp->n_packages + lp->n_libc_packages; k++) {
			const struct record *r =
				k < lp->n_packages ? &lp->packages[k] : &lp->libc_packages[k - lp->n_packages];

			if (strcmp(r->name, name) == 0)
				return r;
		}
	}
	return NULL;
}

static bool is_libc(const struct patching *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct lock_platform *lp = p->images[i].was.lp;

		if (lp->n_libc_packages && strcmp(lp->libc_packages[0].name, name) == 0)
			return true;
	}
	return false;
}

static int find_moving(const struct patching *p, struct asking *q, struct err *err)
{
	size_t n = p->o->n_args - 1;
	const char **names = arena_array(&q->arena, n + 1, sizeof(*names));

	for (size_t i = 0; i < n; i++) {
		const struct matchspec *m = matchspec_parse(&q->arena, p->o->args[i + 1], MATCHSPEC_V3, err);

		if (!m)
			return -1;
		if (!m->name || m->when)
			return err_set(err, ERR_USAGE,
				       "'%s' is no spec of one package, such as openssl or 'openssl>=3.0.15'",
				       p->o->args[i + 1]);
		if (!find_record(p, m->name))
			return err_set(err, ERR_USAGE,
				       "there is no %s in %s: what is to come in goes into the environment, for build",
				       m->name, p->o->args[0]);
		if (is_libc(p, m->name))
			return err_set(
				err, ERR_USAGE,
				"%s is the C library below all packages, and decides which of them can be taken: "
				"lock the environment anew and build it",
				m->name);
		names[i] = m->name;
	}
	q->kept.moving = names;
	return 0;
}

/* ---- the question ---- */

/* A lock of another tool does not tell what was asked: then it was all that is there. */
static const char *const *requested_of(struct asking *q, const struct remake *was)
{
	const char **names;

	if (was->lock->requested && *was->lock->requested)
		return was->lock->requested;
	names = arena_array(&q->arena, was->lp->n_packages + 1, sizeof(*names));
	for (size_t i = 0; i < was->lp->n_packages; i++)
		names[i] = was->lp->packages[i].name;
	return names;
}

/* "openssl>=3.0.15 in docker://ghcr.io/me/app:2", for sentences. */
static const char *question_name(struct asking *q, const struct remake_room *room)
{
	auto_buf b = { 0 };

	for (size_t i = 1; i < room->o->n_args; i++)
		buf_addf(&b, "%s%s", i > 1 ? ", " : "", room->o->args[i]);
	buf_addf(&b, " in %s", room->name);
	return arena_strdup(&q->arena, buf_cstr(&b));
}

static void make_env(struct asking *q, const struct remake *was, struct env *ret)
{
	static const char *const none[] = { NULL };
	const char *const *specs = requested_of(q, was);
	const char **files;
	struct env_spec *list;
	size_t n = 0, n_channels = 0;

	while (specs[n])
		n++;
	while (was->lock->channels && was->lock->channels[n_channels])
		n_channels++;
	list = arena_array(&q->arena, n + 1, sizeof(*list));
	for (size_t i = 0; i < n; i++)
		list[i] = (struct env_spec){ .text = specs[i], .file = was->lock_name };
	files = arena_array(&q->arena, n_channels + 2, sizeof(*files));
	for (size_t i = 0; i <= n_channels; i++)
		files[i] = was->lock_name;
	*ret = (struct env){ .file = question_name(q, was->room),
			     .files = files,
			     .name = was->lock->name,
			     .channels = n_channels ? was->lock->channels : none,
			     .channel_files = files,
			     .nodefaults = true,
			     .specs = list,
			     .n_specs = n,
			     .platforms = none,
			     .warnings = none };
}

static void make_options(struct asking *q, const struct patching *p, const struct remake *was, struct options *ret)
{
	const char **pins;
	size_t n = 0;

	while (was->lock->pins && was->lock->pins[n])
		n++;
	pins = arena_array(&q->arena, n + p->o->n_args, sizeof(*pins));
	for (size_t i = 0; i < n; i++)
		pins[i] = was->lock->pins[i];
	for (size_t i = 1; i < p->o->n_args; i++)
		pins[n++] = p->o->args[i];
	*ret = (struct options){
		.channels = p->o->channels, .n_channels = p->o->n_channels, .pins = pins, .n_pins = n
	};
}

/* The machine that will run it is the one that the lock was made for. */
static int keep_machine(struct question *q, const struct remake *was, struct err *err)
{
	struct virtual_set set = { 0 };
	const struct record *glibc;

	q->libc = "none"; /* it stays, so there is nothing to choose */
	if (!was->lp->virtuals || !*was->lp->virtuals)
		return 0;
	if (virtual_from_texts(&q->arena, was->lp->virtuals, &set, err) < 0)
		return err_at(err, "%s", was->lock_name);
	glibc = virtual_find(&set, "__glibc");
	q->virtuals = set;
	q->glibc = glibc ? glibc->version : NULL;
	return 0;
}

/* What the lock was made for: what it says, or what is in the image or the base. */
static const char *glibc_of(const struct remake *was)
{
	if (was->lp->n_libc_packages)
		return was->lp->libc_packages[0].version;
	return was->ground.glibc;
}

static int ask_one(struct asking *q, const struct patching *p, size_t i, struct err *err)
{
	const struct remake *was = &p->images[i].was;
	struct settings *s = &q->settings[i];

	make_env(q, was, &q->envs[i]);
	make_options(q, p, was, &q->options[i]);
	*s = was->settings;
	if (was->lock->priority && *was->lock->priority &&
	    channel_priority_parse(was->lock->priority, &s->priority, err) < 0)
		return -1;
	q->n++;
	if (question_make(&q->envs[i], &q->options[i], s, was->platform, glibc_of(was), &q->questions[i], err) < 0)
		return -1;
	return keep_machine(&q->questions[i], was, err);
}

static int ask(struct patching *p, struct asking *q, struct err *err)
{
	struct lock_platform *list = arena_array(&q->arena, p->n, sizeof(*list));

	q->envs = arena_array(&q->arena, p->n, sizeof(*q->envs));
	q->options = arena_array(&q->arena, p->n, sizeof(*q->options));
	q->settings = arena_array(&q->arena, p->n, sizeof(*q->settings));
	q->answers = arena_array(&p->arena, p->n, sizeof(*q->answers));
	q->questions = mem_array(p->n, sizeof(*q->questions));
	for (size_t i = 0; i < p->n; i++) {
		list[i] = *p->images[i].was.lp;
		if (ask_one(q, p, i, err) < 0)
			return -1;
	}
	q->locked = *p->images[0].was.lock;
	q->locked.platforms = list;
	q->locked.n_platforms = p->n;
	q->kept.lock = &q->locked;
	return 0;
}

/* ---- the answer ---- */

/*
 * The lock still answers what the environment asks: what was asked now held for the choice alone. But for further channels,
 * and a limit of time that is no more, which make it another question.
 */
static void take_answer(struct patching *p, const struct asking *q, size_t i)
{
	struct patched *one = &p->images[i];
	const struct question *asked = &q->questions[i];
	bool same = !p->o->n_channels && !one->lock.exclude_newer && !asked->exclude_newer_text;

	one->lp.packages = q->answers[i].packages;
	one->lp.n_packages = q->answers[i].n_packages;
	one->lp.provenance = q->answers[i].provenance;
	if (same)
		return;
	one->lock.channels = arena_strlist(&p->arena, (const char **)asked->channel_urls, asked->n_channels);
	one->lock.exclude_newer = arena_strdup(&p->arena, asked->exclude_newer_text);
	one->lp.content_hash = lock_content_hash(&p->arena, &(struct lock_question){
								    .subdir = one->lp.subdir,
								    .channels = one->lock.channels,
								    .specs = one->lock.requested,
								    .virtuals = one->lp.virtuals,
								    .priority = one->lock.priority,
								    .libc = one->lp.libc,
								    .pins = one->lock.pins,
								    .exclude_newer = one->lock.exclude_newer,
							    });
}

static int solve(struct patching *p, struct asking *q, struct err *err)
{
	struct refusal refusal = { 0 };

	if (solve_all(q->questions, q->n, &q->kept, &p->workshop, &p->arena, q->answers, &refusal, err) < 0) {
		refusal_print(&refusal, p->o->json, err);
		return -1;
	}
	for (size_t i = 0; i < p->n; i++)
		take_answer(p, q, i);
	return 0;
}

int cmd_patch(const struct options *o, struct err *err)
{
	auto_patching p = { 0 };
	CLEANUP(asking_release) struct asking q = { 0 };

	if (patching_open(o, false, &p, err) < 0 || find_moving(&p, &q, err) < 0 || ask(&p, &q, err) < 0 ||
	    solve(&p, &q, err) < 0)
		return -1;
	return patching_finish(&p, err);
}
