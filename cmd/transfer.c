#include "cmd/transfer.h"

#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/output.h"
#include "conda/platform.h"
#include "oci/attach.h"

static void take_name(struct arena *a, const struct dest *from, struct dest *to)
{
	if (from->type != DEST_REGISTRY || to->type == DEST_REGISTRY || to->tag || !from->tag)
		return;
	to->tag = to->type == DEST_DOCKER_ARCHIVE
			  ? arena_printf(a, "%s/%s:%s", from->ref.host, from->ref.repo, from->tag)
			  : from->tag;
}

static void print_result(const struct options *o, struct arena *a, const struct dest *to, const struct digest *d,
			 const struct dest_told *told, size_t referrers)
{
	const char *digest = arena_printf(a, "sha256:%s", digest_hex(d).hex);
	struct dest named = *to;
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	named.ref.has_digest = false;
	if (to->type == DEST_REGISTRY)
		log_info("%zu blobs uploaded (%s), %zu mounted, %zu were there", told->uploaded,
			 num_bytes(told->bytes).s, told->mounted, told->there);
	if (!o->json) {
		printf("%s@%s\n", dest_text(a, &named), digest);
		return;
	}
	json_object(&j);
	json_put_string(&j, "schema", "transfer-1");
	json_put_string(&j, "image", dest_text(a, &named));
	json_put_string(&j, "digest", digest);
	if (to->type == DEST_REGISTRY) {
		json_put_int(&j, "blobs_uploaded", (int64_t)told->uploaded);
		json_put_int(&j, "blobs_mounted", (int64_t)told->mounted);
		json_put_int(&j, "blobs_there", (int64_t)told->there);
		json_put_int(&j, "bytes_uploaded", (int64_t)told->bytes);
	}
	if (o->referrers)
		json_put_int(&j, "referrers", (int64_t)referrers);
	json_end(&j);
	puts(out.p);
}

int transfer_run(const struct options *o, struct arena *a, const struct dest *from, const struct dest *to,
		 struct err *err)
{
	const struct platform *p = NULL;
	auto_progress *progress = progress_new(PROGRESS_AUTO);
	struct registries_told told;
	struct dest_how how = { .told = &told.base };
	struct dest named = *to;
	struct digest digest;
	size_t referrers = 0;
	int rc;

	registries_told_begin(&told, progress);
	if (o->n_platforms && !(p = platform_parse(o->platforms[o->n_platforms - 1], err)))
		return -1;
	if (registries_media_types(o, &how.docker_types, err) < 0)
		return -1;
	if (output_check_archive(&(struct options){ .args = o->args, .n_args = 1 }, to, err) < 0)
		return -1;
	if (o->referrers && how.docker_types)
		return err_set(
			err, ERR_USAGE,
			"--media-types docker makes another image, and what is attached to the old one (--referrers) is "
			"not about that");
	if (o->referrers && attach_check(to, err) < 0)
		return err_at(err, "--referrers");
	take_name(a, from, &named);
	rc = dest_copy(from, p ? p->oci_os : NULL, p ? p->oci_arch : NULL, &named, &how, &digest, err);
	if (rc == 0 && o->referrers)
		rc = attach_copy(from, &named, &digest, &how, &referrers, err);
	registries_told_end(&told);
	if (rc < 0)
		return -1;
	print_result(o, a, &named, &digest, &told.base, referrers);
	return 0;
}
