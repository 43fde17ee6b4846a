#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "cmd/commands.h"
#include "cmd/diff_tell.h"
#include "cmd/input.h"
#include "cmd/question.h"
#include "cmd/registries.h"

struct lock_file {
	struct input_files files;
	struct input input;
};

struct work {
	struct arena arena;
	struct registries registries;
	struct settings settings;
	struct lock_file locks[2];
	struct diff_side sides[2];
	struct diff diff;
};

static void work_release(struct work *w)
{
	diff_release(&w->diff);
	for (size_t i = 0; i < 2; i++) {
		told_packages_release(&w->sides[i].packages);
		blobs_free(w->sides[i].blobs);
		input_release(&w->locks[i].input);
		input_close(&w->locks[i].files);
	}
	registries_release(&w->registries);
	settings_release(&w->settings);
	arena_release(&w->arena);
}

/* ---- the two ---- */

static int open_image(struct work *w, const struct options *o, size_t i, struct err *err)
{
	struct diff_side *side = &w->sides[i];
	const struct platform *p = w->settings.platform;
	const struct image *other = i && w->sides[0].blobs ? blobs_image(w->sides[0].blobs) : NULL;
	const char *os = p ? p->oci_os : other ? other->os : NULL, *arch = p ? p->oci_arch : other ? other->arch : NULL;

	if (registries_place(&w->registries, o, &w->arena, o->args[i], &side->dest, err) < 0)
		return -1;
	side->name = dest_text(&w->arena, &side->dest);
	side->blobs = dest_open(&side->dest, os, arch, err);
	return side->blobs ? told_packages_read(&side->dest, side->blobs, &side->packages, err) : -1;
}

/* For the platform that was said, or that of the image beside it, or the lock's own. */
static int open_lock(struct work *w, const struct options *o, size_t i, struct err *err)
{
	const struct platform *p = w->settings.platform;
	struct lock_file *file = &w->locks[i];
	const struct diff_side *other = &w->sides[!i];
	const struct lock_platform *lp;
	const char *path = o->args[i];

	if (!p && other->blobs) {
		const struct image *im = blobs_image(other->blobs);

		p = platform_parse(arena_printf(&w->arena, "%s/%s", im->os, im->arch), err);
		if (!p)
			return -1;
		w->settings.platform = p;
	}
	if (input_read_one(path, (p ? p : w->settings.host)->subdir, &file->files, &file->input, err) < 0)
		return -1;
	if (!file->input.is_lock)
		return err_set(err, ERR_USAGE,
			       "%s is an environment, which says what is wanted and not what it comes to: condaimg "
			       "lock %s first",
			       path, path);
	p = question_platform(&w->settings, &file->input, err);
	if (!p)
		return err_at(err, "%s", path);
	lp = lock_find(&file->input.lock, p->subdir);
	if (!lp)
		return err_set(err, ERR_FORMAT, "%s has nothing for %s", path, p->subdir);
	w->sides[i].name = path;
	told_packages_of_lock(lp, &w->sides[i].packages);
	return 0;
}

/* Images first: they say which platform of a lock is meant. */
static int open_both(struct work *w, const struct options *o, struct err *err)
{
	for (size_t i = 0; i < 2; i++)
		if (dest_is_place(o->args[i]) && open_image(w, o, i, err) < 0)
			return -1;
	for (size_t i = 0; i < 2; i++)
		if (!dest_is_place(o->args[i]) && open_lock(w, o, i, err) < 0)
			return -1;
	return 0;
}

/* ---- text ---- */

static const char *digest_of(struct arena *a, const struct diff_side *s)
{
	struct digest d;

	if (!s->blobs)
		return NULL;
	d = blobs_manifest_digest(s->blobs);
	return arena_printf(a, "sha256:%s", digest_hex(&d).hex);
}

static void print_settings(struct arena *a, const struct diff *d)
{
	if (d->n_settings)
		printf("\nconfig: %zu changed\n", d->n_settings);
	for (size_t i = 0; i < d->n_settings; i++) {
		const struct diff_setting *s = &d->settings[i];

		if (s->a && s->b)
			printf("~ %s: %s -> %s\n", diff_tell_tidy(a, s->key), diff_tell_tidy(a, s->a),
			       diff_tell_tidy(a, s->b));
		else
			printf("%c %s%s%s\n", s->a ? '-' : '+', diff_tell_tidy(a, s->key),
			       *(s->a ? s->a : s->b) ? ": " : "", diff_tell_tidy(a, s->a ? s->a : s->b));
	}
}

#define HOLDS_MAX 60 /* columns of what a layer holds */

static void print_pull(struct arena *a, const struct diff *d)
{
	printf("\nto pull: %zu of %zu layers, %s; %s are there\n", d->n_pull, d->n_pull + d->n_shared,
	       num_bytes(d->pull_bytes).s, num_bytes(d->shared_bytes).s);
	for (size_t i = 0; i < d->n_pull; i++) {
		const struct image_layer *l = d->pull[i];
		struct holding h = holding_of(a, l);
		const char *holds = diff_tell_tidy(a, *h.packages ? h.packages : *h.part ? h.part : "base");

		printf("  %.12s  %10s  %.*s%s\n", digest_hex(&l->layer.digest).hex, num_bytes(l->layer.size).s,
		       HOLDS_MAX, holds, strlen(holds) > HOLDS_MAX ? "..." : "");
	}
}

static void print_text(struct work *w)
{
	struct arena *a = &w->arena;

	for (size_t i = 0; i < 2; i++) {
		const char *digest = digest_of(a, &w->sides[i]);

		printf("%s %s%s%s\n", i ? "+++" : "---", diff_tell_tidy(a, w->sides[i].name), digest ? "@" : "",
		       digest ? digest : "");
	}
	diff_tell_print(a, &w->diff, stdout);
	for (size_t i = 0; i < 2; i++)
		if (!w->sides[i].packages.all_full)
			printf("\n%s has no lock attached: its channels and licences are not known without its layers\n",
			       diff_tell_tidy(a, w->sides[i].name));
	print_settings(a, &w->diff);
	if (w->sides[0].blobs && w->sides[1].blobs)
		print_pull(a, &w->diff);
}

/* ---- JSON ---- */

static void json_settings(struct json *j, const struct diff *d)
{
	json_key(j, "config");
	json_array(j);
	for (size_t i = 0; i < d->n_settings; i++) {
		json_object(j);
		json_put_string(j, "key", d->settings[i].key);
		json_put_string(j, "from", d->settings[i].a);
		json_put_string(j, "to", d->settings[i].b);
		json_end(j);
	}
	json_end(j);
}

static void json_pull(struct arena *a, struct json *j, const struct diff *d)
{
	json_key(j, "pull");
	json_object(j);
	json_put_int(j, "layers", (int64_t)d->n_pull);
	json_put_int(j, "size", (int64_t)d->pull_bytes);
	json_put_int(j, "layers_shared", (int64_t)d->n_shared);
	json_put_int(j, "size_shared", (int64_t)d->shared_bytes);
	json_key(j, "digests");
	json_array(j);
	for (size_t i = 0; i < d->n_pull; i++)
		json_string(j, arena_printf(a, "sha256:%s", digest_hex(&d->pull[i]->layer.digest).hex));
	json_end(j);
	json_end(j);
}

static void json_side(struct arena *a, struct json *j, const char *key, const struct diff_side *s)
{
	json_key(j, key);
	json_object(j);
	json_put_string(j, "name", s->name);
	json_put_string(j, "digest", digest_of(a, s));
	json_put_int(j, "packages", (int64_t)s->packages.n);
	json_put_bool(j, "licenses_known", s->packages.all_full);
	json_end(j);
}

static void print_json(struct work *w)
{
	struct arena *a = &w->arena;
	const struct diff *d = &w->diff;
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", "diff-1");
	json_side(a, &j, "from", &w->sides[0]);
	json_side(a, &j, "to", &w->sides[1]);
	diff_tell_json(a, d, &j);
	if (w->sides[0].blobs && w->sides[1].blobs) {
		json_settings(&j, d);
		json_pull(a, &j, d);
	}
	json_end(&j);
	puts(out.p);
}

int cmd_diff(const struct options *o, struct err *err)
{
	CLEANUP(work_release) struct work w = { 0 };

	if (settings_read(o, &w.settings, err) < 0 || settings_one_platform(&w.settings, err) < 0 ||
	    open_both(&w, o, err) < 0)
		return -1;
	diff_make(&w.sides[0], &w.sides[1], &w.diff);
	if (o->json)
		print_json(&w);
	else
		print_text(&w);
	return 0;
}
