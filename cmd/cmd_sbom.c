#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/registries.h"
#include "cmd/contents.h"
#include "cmd/input.h"
#include "cmd/output.h"
#include "cmd/question.h"
#include "cmd/sbom.h"
#include "cmd/settings.h"

#define NAME_DEFAULT "environment"
#define EPOCH_DEFAULT 315532800 /* 1980-01-01: no package says a time, nor does the user */

struct work {
	struct registries registries;
	struct arena arena;
	struct settings settings;
	struct input_files files;
	struct input input;
	struct blobs *blobs;
	struct contents contents;
	const char **licenses; /* sorted */
	size_t n_licenses;
	struct sbom sbom;
};

static void work_release(struct work *w)
{
	sbom_release(&w->sbom);
	free(w->licenses);
	contents_release(&w->contents);
	blobs_free(w->blobs);
	input_release(&w->input);
	input_close(&w->files);
	registries_release(&w->registries);
	settings_release(&w->settings);
	arena_release(&w->arena);
}

/* ---- from an image ---- */

/* Those of all packages, sorted: "/opt/env/conda-meta/licenses/NAME/...". */
static void find_license_files(struct work *w)
{
	const struct overlay *o = &w->contents.files;

	for (size_t i = 0; i < o->n; i++) {
		if (o->files[i].hidden || o->files[i].type != MEMBER_FILE ||
		    !strstr(o->files[i].path, LINKED_LICENSES "/"))
			continue;
		mem_grow(w->licenses, w->n_licenses);
		w->licenses[w->n_licenses++] = arena_printf(&w->arena, "/%s", o->files[i].path);
	}
	if (w->n_licenses)
		qsort(w->licenses, w->n_licenses, sizeof(*w->licenses), str_ptr_cmp);
}

/* Below PREFIX/conda-meta/licenses/NAME/. */
static const char *const *license_files(struct work *w, const struct contents_package *p)
{
	const char *dir = arena_printf(&w->arena, "/%s%s" LINKED_LICENSES "/%s/", p->prefix, *p->prefix ? "/" : "",
				       p->meta.record.name);
	size_t from = 0, to = w->n_licenses, n = 0;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (strcmp(w->licenses[mid], dir) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	while (from + n < w->n_licenses && str_starts(w->licenses[from + n], dir))
		n++;
	return arena_strlist(&w->arena, w->licenses + from, n);
}

static int from_image(struct work *w, const struct options *o, struct err *err)
{
	const char *text = o->args[0];
	const struct platform *p = w->settings.platform;
	struct contents *c = &w->contents;
	struct record *records;
	struct digest d;
	const char *title;
	struct dest dest;

	if (registries_place(&w->registries, o, &w->arena, text, &dest, err) < 0)
		return -1;
	w->blobs = dest_open(&dest, p ? p->oci_os : NULL, p ? p->oci_arch : NULL, err);
	if (!w->blobs)
		return -1;
	if (contents_read(c, w->blobs, CONTENTS_RECORDS, err) < 0)
		return err_at(err, "%s", text);
	if (!c->n_packages)
		return err_set(err, ERR_FORMAT, "%s: has no conda packages: no layer has a conda-meta/NAME.json", text);
	records = arena_array(&w->arena, c->n_packages, sizeof(*records));
	for (size_t i = 0; i < c->n_packages; i++)
		records[i] = c->packages[i].meta.record;
	d = blobs_manifest_digest(w->blobs);
	title = holding_label(c->image, "org.opencontainers.image.title");
	sbom_make(&w->sbom,
		  &(struct sbom_subject){
			  .name = title && *title ? title : NAME_DEFAULT,
			  .is_image = true,
			  .sha256 = arena_strdup(&w->arena, digest_hex(&d).hex),
			  .arch = c->image->arch,
			  .created = w->settings.epoch >= 0 ? w->settings.epoch : c->image->created,
		  },
		  records, c->n_packages, c->libc);
	find_license_files(w);
	for (size_t i = 0; i < c->n_packages; i++)
		sbom_license_files(&w->sbom, &records[i], license_files(w, &c->packages[i]));
	return 0;
}

/* ---- from a lock ---- */

/* As build has it for the image. */
static int64_t newest(const struct lock_platform *lp)
{
	int64_t ms = 0;

	for (size_t i = 0; i < lp->n_packages; i++)
		if (lp->packages[i].timestamp > ms)
			ms = lp->packages[i].timestamp;
	return ms ? ms / 1000 : EPOCH_DEFAULT;
}

static int from_lock(struct work *w, const char *path, struct err *err)
{
	const struct platform *p = w->settings.platform ? w->settings.platform : platform_host();
	const struct lock_platform *lp;

	if (input_read_one(path, p->subdir, &w->files, &w->input, err) < 0)
		return -1;
	if (!w->input.is_lock)
		return err_set(
			err, ERR_USAGE,
			"%s is an environment, which says what is wanted and not what it comes to: condaimg lock %s "
			"first, then condaimg sbom conda-lock.yml",
			path, path);
	p = question_platform(&w->settings, &w->input, err);
	if (!p)
		return err_at(err, "%s", path);
	lp = lock_find(&w->input.lock, p->subdir);
	if (!lp)
		return err_set(err, ERR_FORMAT, "%s has nothing for %s", path, p->subdir);
	sbom_make(&w->sbom,
		  &(struct sbom_subject){
			  .name = w->input.lock.name ? w->input.lock.name : NAME_DEFAULT,
			  .created = w->settings.epoch >= 0 ? w->settings.epoch : newest(lp),
		  },
		  lp->packages, lp->n_packages, lp->n_libc_packages ? &lp->libc_packages[0] : NULL);
	return 0;
}

/* ---- out ---- */

static void print_json(const struct options *o, size_t n_packages)
{
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", "sbom-1");
	json_put_string(&j, "file", o->output_file);
	json_put_string(&j, "format", o->format ? o->format : "spdx");
	json_put_int(&j, "packages", (int64_t)n_packages);
	json_end(&j);
	puts(out.p);
}

static int write_out(const struct options *o, const struct buf *text, size_t n_packages, struct err *err)
{
	if (!o->output_file || strcmp(o->output_file, "-") == 0)
		return fwrite(text->p, 1, text->n, stdout) == text->n
			       ? 0
			       : err_sys(err, "cannot write the result to stdout");
	if (output_write(o->output_file, text, err) < 0)
		return -1;
	if (o->json)
		print_json(o, n_packages);
	else
		puts(o->output_file);
	return 0;
}

int cmd_sbom(const struct options *o, struct err *err)
{
	CLEANUP(work_release) struct work w = { 0 };
	bool cyclonedx = o->format && strcmp(o->format, "cyclonedx") == 0;
	auto_buf text = { 0 };

	if (o->format && !cyclonedx && strcmp(o->format, "spdx") != 0)
		return err_set(err, ERR_USAGE, "--format is '%s', expected spdx or cyclonedx", o->format);
	if (o->json && (!o->output_file || strcmp(o->output_file, "-") == 0))
		return err_set(err, ERR_USAGE,
			       "the document is JSON already, and goes to stdout: --json is for -o FILE");
	if (o->output_file && output_check(o, "-o", o->output_file, true, err) < 0)
		return -1;
	if (settings_read(o, &w.settings, err) < 0 || settings_one_platform(&w.settings, err) < 0)
		return -1;
	if ((dest_is_place(o->args[0]) ? from_image(&w, o, err) : from_lock(&w, o->args[0], err)) < 0)
		return -1;
	if (cyclonedx)
		sbom_write_cyclonedx(&w.sbom, &text);
	else
		sbom_write_spdx(&w.sbom, &text);
	return write_out(o, &text, w.sbom.n, err);
}
