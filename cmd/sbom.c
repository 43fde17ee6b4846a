#include "cmd/sbom.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "conda/license.h"
#include "conda/matchspec.h"
#include "conda/purl.h"

#define LIBC_VIRTUAL "__glibc"

static int by_record(const void *x, const void *y)
{
	const struct record *a = ((const struct sbom_package *)x)->record,
			    *b = ((const struct sbom_package *)y)->record;
	int c = record_cmp(a, b);

	return c ? c : strcmp(a->channel, b->channel);
}

/* "conda-zlib-1.2.13-h5eee18b-1": two packages may come to one, then the later has a number. */
static const char *make_id(struct arena *a, struct map *ids, const struct record *r)
{
	char *base = arena_printf(a, "conda-%s-%s-%s", r->name, r->version, r->build);
	const char *id = base;
	bool is_new;

	for (char *at = base; *at; at++)
		if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
		      *at == '.'))
			*at = '-';
	for (unsigned i = 2;; i++) {
		map_put(ids, id, 0, &is_new);
		if (is_new)
			return id;
		id = arena_printf(a, "%s.%u", base, i);
	}
}

/* "None" is what a recipe without a licence comes to. */
static const char *told_license(const struct record *r)
{
	return r->license && *r->license && strcmp(r->license, "None") != 0 ? r->license : NULL;
}

static void add_packages(struct sbom *s, const struct record *packages, size_t n, const struct record *libc)
{
	auto_map ids = { 0 };
	size_t kept = 0;

	s->packages = arena_array(&s->arena, n + 1, sizeof(*s->packages));
	for (size_t i = 0; i < n; i++)
		s->packages[i].record = &packages[i];
	if (libc)
		s->packages[n++].record = libc;
	if (n)
		qsort(s->packages, n, sizeof(*s->packages), by_record);
	for (size_t i = 0; i < n; i++) {
		const struct record *r = s->packages[i].record;
		const char *purl = purl_conda(&s->arena, r);

		/* Installed twice, in two environments: it is one package all the same. */
		if (kept && strcmp(s->packages[kept - 1].purl, purl) == 0)
			continue;
		s->packages[kept++] = (struct sbom_package){ .record = r,
							     .id = make_id(&s->arena, &ids, r),
							     .purl = purl,
							     .license = told_license(r),
							     .expression = license_expression(&s->arena, r->license) };
	}
	s->n = kept;
}

static int size_cmp(const void *x, const void *y)
{
	size_t a = *(const size_t *)x, b = *(const size_t *)y;

	return a < b ? -1 : a > b;
}

static void link_package(struct sbom *s, struct sbom_package *p, const struct map *names)
{
	size_t *needs = NULL, n = 0, kept = 0;

	for (const char *const *d = p->record->depends; *d; d++) {
		struct str name = matchspec_name_of(*d);
		auto_free char *text = mem_printf("%.*s", (int)name.n, name.p ? name.p : "");
		uint32_t i;

		if (strcmp(text, LIBC_VIRTUAL) == 0 && s->libc < s->n)
			i = (uint32_t)s->libc;
		else if (!name.n || !map_get(names, text, &i))
			continue;
		if (&s->packages[i] == p)
			continue;
		mem_grow(needs, n);
		needs[n++] = i;
	}
	if (n)
		qsort(needs, n, sizeof(*needs), size_cmp);
	for (size_t i = 0; i < n; i++)
		if (!kept || needs[kept - 1] != needs[i])
			needs[kept++] = needs[i];
	p->needs = arena_dup(&s->arena, needs, kept * sizeof(*needs));
	p->n_needs = kept;
	free(needs);
}

static void link_packages(struct sbom *s, const struct record *libc)
{
	auto_map names = { 0 };
	bool is_new;

	s->libc = s->n;
	for (size_t i = 0; i < s->n; i++) {
		/* The C library's package is no package of the environment, also where its name is one's there. */
		if (s->packages[i].record == libc)
			s->libc = i;
		else
			map_put(&names, s->packages[i].record->name, (uint32_t)i, &is_new);
	}
	for (size_t i = 0; i < s->n; i++)
		link_package(s, &s->packages[i], &names);
}

/* As registries want it. */
static const char *lower(struct arena *a, const char *text)
{
	char *ret = arena_strdup(a, text);

	for (char *at = ret; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	return ret;
}

static const char *image_purl(struct sbom *s)
{
	auto_buf q = { 0 };

	if (!s->subject.is_image)
		return NULL;
	buf_adds(&q, "arch=");
	purl_encode(&q, s->subject.arch, "/");
	return purl_text(&s->arena, "oci", lower(&s->arena, s->subject.name),
			 arena_printf(&s->arena, "sha256:%s", s->subject.sha256), q.p);
}

/* In the words of CPE 2.3 everything but letters, digits and '_' is quoted; versions are digits and dots. */
static const char *glibc_cpe(struct arena *a, const char *version)
{
	if (!*version || version[strspn(version, "0123456789.")])
		return NULL;
	return arena_printf(a, "cpe:2.3:a:gnu:glibc:%s:*:*:*:*:*:*:*", version);
}

void sbom_make(struct sbom *s, const struct sbom_subject *subject, const struct record *packages, size_t n,
	       const struct record *libc)
{
	*s = (struct sbom){ .subject = *subject };
	add_packages(s, packages, n, libc);
	link_packages(s, libc);
	s->purl = image_purl(s);
	if (libc) {
		s->glibc_purl = purl_text(&s->arena, "generic", "glibc", libc->version, NULL);
		s->glibc_cpe = glibc_cpe(&s->arena, libc->version);
	}
}

void sbom_license_files(struct sbom *s, const struct record *package, const char *const *files)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->packages[i].record == package)
			s->packages[i].license_files = files;
}

struct sbom_uuid sbom_uuid(const char *p, size_t n)
{
	struct digest d = digest_bytes(p, n);
	struct sbom_uuid u;
	char hex[33];

	d.sha256[6] = (uint8_t)(0x80 | (d.sha256[6] & 0x0f));
	d.sha256[8] = (uint8_t)(0x80 | (d.sha256[8] & 0x3f));
	digest_hex_of(d.sha256, 16, hex);
	snprintf(u.s, sizeof(u.s), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	return u;
}

void sbom_release(struct sbom *s)
{
	arena_release(&s->arena);
	*s = (struct sbom){ 0 };
}
