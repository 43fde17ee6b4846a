/* What an archive says of itself: info/ of both formats, and the licence texts in it. */
#include <inttypes.h>

#include "base/codec.h"
#include "base/doc.h"
#include "base/tree.h"
#include "conda/package_impl.h"

#define METADATA_MAX ((uint64_t)64 << 10)
#define LICENSES_MAX ((size_t)64 << 20) /* bytes of all licence texts of a package */
#define LICENSES_N_MAX 10000

bool package_is_info(const char *path)
{
	return str_starts(path, "info/") || strcmp(path, "info") == 0;
}

/* What a licence text of info/ is called, or NULL: it is none. */
const char *package_license_name(const char *path)
{
	static const char dir[] = "info/licenses/", old[] = "info/LICENSE.txt";
	const char *name = str_starts(path, dir) ? path + strlen(dir) : NULL;

	if (!name && strcmp(path, old) == 0)
		name = old + strlen("info/");
	return name && !tree_path_fault(name) ? name : NULL;
}

/* Files alone: a link in info/ leads to one of them, or nowhere. */
int package_read_license(struct package *p, const struct member *m, struct source *content, struct err *err)
{
	const char *name = m->type == MEMBER_FILE ? package_license_name(m->path) : NULL;
	struct package_license *l;
	auto_buf text = { 0 };

	if (!name)
		return 0;
	if (m->size > LICENSES_MAX - p->licenses_bytes || p->n_licenses == LICENSES_N_MAX)
		return err_set(err, ERR_LIMIT, "%.300s: there are more than %d licence texts, or %zu bytes of them",
			       m->path, LICENSES_N_MAX, LICENSES_MAX);
	if (io_slurp(content, LICENSES_MAX, &text, err) < 0)
		return err_at(err, "%.300s", m->path);
	p->licenses_bytes += text.n;
	p->licenses_sorted = false;
	mem_grow(p->licenses, p->n_licenses);
	l = &p->licenses[p->n_licenses++];
	l->name = arena_strdup(&p->arena, name);
	l->text = (struct str){ arena_strndup(&p->arena, buf_cstr(&text), text.n), text.n };
	return 0;
}

static int read_info_member(struct package *p, struct info_texts *t, const struct member *m, struct source *content,
			    struct err *err)
{
	int f = info_file_of(m->path);

	if (f < 0)
		return package_read_license(p, m, content, err);
	if (t->there[f])
		return err_set(err, ERR_FORMAT, "%s stands in the archive twice", m->path);
	if (m->type != MEMBER_FILE)
		return err_set(err, ERR_FORMAT, "%s is not a plain file", m->path);
	if (io_slurp(content, info_file_max((enum info_file)f), &t->text[f], err) < 0)
		return err_at(err, "%s", m->path);
	t->there[f] = true;
	return 0;
}

static int read_metadata(struct source *content, struct err *err)
{
	auto_buf text = { 0 };
	auto_arena a = { 0 };
	const struct doc *d;
	int64_t version;

	if (io_slurp(content, METADATA_MAX, &text, err) < 0)
		return err_at(err, "metadata.json");
	if (!text.n) /* as anaconda's builders of 2020 left it */
		return 0;
	d = doc_parse_json(&a, buf_cstr(&text), text.n, "metadata.json", err);
	if (!d || doc_get_int(d, "conda_pkg_format_version", 0, &version, err) < 0)
		return -1;
	if (version != 2)
		return err_set(err, ERR_FORMAT, "metadata.json: 'conda_pkg_format_version' is %" PRId64 ", expected 2",
			       version);
	return 0;
}

static int read_info_tar(struct package *p, struct info_texts *t, struct source *in, struct err *err)
{
	struct stream s = { 0 };
	struct source *content;
	struct member m;
	int rc = package_open_tar(p, &s, source_zstd(package_borrow(in)), err);

	while (rc == 0 && (rc = package_stream_next(&s, &m, &content, err)) > 0)
		rc = read_info_member(p, t, &m, content, err);
	package_stream_close(&s);
	return rc;
}

/* All members of the zip, in whatever order: each of the three must be there once. */
static int read_zip_info(struct package *p, struct info_texts *t, struct err *err)
{
	auto_archive *zip = archive_open_zip(p->fd, err);
	unsigned n_info = 0, n_pkg = 0, n_metadata = 0;
	struct source *content;
	struct member m;
	int rc = zip ? 1 : -1;

	while (rc > 0 && (rc = archive_next(zip, &m, &content, err)) > 0) {
		if (package_is_part(&m, "info-") && n_info++ == 0) {
			if (read_info_tar(p, t, content, err) < 0)
				return err_at(err, "info");
		} else if (package_is_part(&m, "pkg-")) {
			n_pkg++;
		} else if (strcmp(m.path, "metadata.json") == 0 && content && n_metadata++ == 0) {
			if (read_metadata(content, err) < 0)
				return -1;
		}
	}
	if (rc < 0)
		return -1;
	if (n_info != 1 || n_pkg != 1 || n_metadata != 1)
		return err_set(err, ERR_FORMAT,
			       "has %u info-*.tar.zst, %u pkg-*.tar.zst, %u metadata.json, expected one of each",
			       n_info, n_pkg, n_metadata);
	return 0;
}

/* Whether what was read of info/ decides everything: whatever may follow of it is of no account. */
static int info_complete(const struct info_texts *t, bool *ret, struct err *err)
{
	bool wants_link = false;

	*ret = false;
	if (!t->there[INFO_INDEX] || !t->there[INFO_PATHS])
		return 0;
	if (!t->there[INFO_LINK] && info_wants_link(t, &wants_link, err) < 0)
		return -1;
	*ret = !wants_link;
	return 0;
}

/*
 * bzip2 is slow enough to be worth reading once: where info/ stands in front, the first
 * member of the payload is kept pending and package_next() goes on from there.
 */
static int read_bz2_info(struct package *p, struct info_texts *t, struct err *err)
{
	bool payload_began = false;
	struct source *content;
	struct member m;
	int rc = package_open_payload(p, &p->payload, err);

	if (rc < 0)
		return -1;
	while ((rc = package_stream_next(&p->payload, &m, &content, err)) > 0) {
		if (package_is_info(m.path)) {
			if (read_info_member(p, t, &m, content, err) < 0)
				return -1;
			continue;
		}
		if (!payload_began && info_complete(t, &p->info_done, err) < 0)
			return -1;
		if (p->info_done) {
			p->has_pending = true;
			p->pending = m;
			p->pending_content = content;
			return 0;
		}
		payload_began = true;
	}
	return rc;
}

int package_read_info(struct package *p, struct err *err)
{
	struct info_texts t = { 0 };
	int rc = p->conda ? read_zip_info(p, &t, err) : read_bz2_info(p, &t, err);

	if (rc == 0 && !p->info_done)
		rc = package_open_payload(p, &p->payload, err);
	if (rc == 0)
		rc = info_parse(&p->arena, &t, &p->info, err);
	info_release(&t);
	return rc < 0 ? err_at(err, "%s", p->fn) : 0;
}

static int license_cmp(const void *x, const void *y)
{
	const struct package_license *a = x, *b = y;

	return strcmp(a->name, b->name);
}

/* Whether dir is a directory that path is in, or path itself. */
static bool is_on_the_way(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(dir, path, n) == 0 && (!path[n] || path[n] == '/');
}

/* A name that is there twice, or is a directory of another, is no name of two files. */
const struct package_license *package_licenses(struct package *p, size_t *n)
{
	size_t kept = 0;

	*n = p->n_licenses;
	if (p->licenses_sorted || !p->n_licenses)
		return p->licenses;
	qsort(p->licenses, p->n_licenses, sizeof(*p->licenses), license_cmp);
	for (size_t i = 0; i < p->n_licenses; i++) {
		bool taken = false;

		for (size_t k = kept; k && !taken; k--) {
			if (p->licenses[k - 1].name[0] != p->licenses[i].name[0])
				break;
			taken = is_on_the_way(p->licenses[k - 1].name, p->licenses[i].name);
		}
		if (!taken)
			p->licenses[kept++] = p->licenses[i];
	}
	p->n_licenses = *n = kept;
	p->licenses_sorted = true;
	return p->licenses;
}
