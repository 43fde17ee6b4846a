/* SPDX 2.3 as JSON. What is not known is NOASSERTION, as the specification wants. */
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "cmd/sbom.h"
#include "conda/license.h"
#include "oci/image.h"

#define NOTHING "NOASSERTION"
#define ROOT_ID "SPDXRef-Subject"
#define GLIBC_ID "SPDXRef-glibc"

/* Licences that are not on SPDX's list: their names here, and what the packages said. */
struct refs {
	struct arena arena;
	struct map ids;
	const char **list, **texts;
	size_t n;
};

static void refs_release(struct refs *r)
{
	map_release(&r->ids);
	free(r->list);
	free(r->texts);
	arena_release(&r->arena);
}

/* The same text has the same name; another text that would have it gets a piece of its hash. */
static const char *ref_of(struct refs *r, const char *id, const char *text)
{
	struct digest d = digest_bytes(text, strlen(text));
	uint32_t i;
	bool is_new;

	if (map_get(&r->ids, id, &i)) {
		if (strcmp(r->texts[i], text) == 0)
			return r->list[i];
		id = arena_printf(&r->arena, "%s-%.8s", id, digest_hex(&d).hex);
		if (map_get(&r->ids, id, &i))
			return r->list[i];
	}
	mem_grow(r->list, r->n);
	mem_grow(r->texts, r->n);
	r->list[r->n] = arena_strdup(&r->arena, id);
	r->texts[r->n] = arena_strdup(&r->arena, text);
	map_put(&r->ids, r->list[r->n], (uint32_t)r->n, &is_new);
	return r->list[r->n++];
}

static const char *declared(struct refs *r, const struct sbom_package *p)
{
	if (!p->license)
		return NOTHING;
	if (!p->expression)
		return ref_of(r, license_ref(&r->arena, p->license), p->license);
	for (const char *const *ref = license_refs(&r->arena, p->expression); *ref; ref++)
		ref_of(r, *ref, *ref);
	return p->expression;
}

static void put_checksum(struct json *j, const char *algorithm, const char *hex)
{
	json_object(j);
	json_put_string(j, "algorithm", algorithm);
	json_put_string(j, "checksumValue", hex);
	json_end(j);
}

static void put_checksums(struct json *j, const struct record *r)
{
	char md5[33];

	if (!r->has_sha256 && !r->has_md5)
		return;
	json_key(j, "checksums");
	json_array(j);
	if (r->has_sha256)
		put_checksum(j, "SHA256", digest_hex(&r->sha256).hex);
	if (r->has_md5) {
		digest_hex_of(r->md5, sizeof(r->md5), md5);
		put_checksum(j, "MD5", md5);
	}
	json_end(j);
}

static void put_ref(struct json *j, const char *category, const char *type, const char *locator)
{
	json_object(j);
	json_put_string(j, "referenceCategory", category);
	json_put_string(j, "referenceLocator", locator);
	json_put_string(j, "referenceType", type);
	json_end(j);
}

static void put_refs(struct json *j, const char *purl, const char *cpe)
{
	if (!purl)
		return;
	json_key(j, "externalRefs");
	json_array(j);
	if (cpe)
		put_ref(j, "SECURITY", "cpe23Type", cpe);
	put_ref(j, "PACKAGE-MANAGER", "purl", purl);
	json_end(j);
}

/* The words of SPDX 2.3 for it: relevant background on the licences. */
static void put_license_files(struct json *j, const char *const *files)
{
	auto_buf text = { 0 };

	for (; files && *files; files++)
		buf_addf(&text, "%s%s", text.n ? ", " : "texts in the image: ", *files);
	if (text.n)
		json_put_string(j, "licenseComments", text.p);
}

static void put_package(struct json *j, struct refs *refs, const struct sbom_package *p)
{
	auto_free char *id = mem_printf("SPDXRef-%s", p->id);
	const struct record *r = p->record;
	auto_free char *comment = mem_printf("conda build %s", r->build);

	json_object(j);
	json_put_string(j, "SPDXID", id);
	put_checksums(j, r);
	if (*r->build)
		json_put_string(j, "comment", comment);
	json_put_string(j, "copyrightText", NOTHING);
	json_put_string(j, "downloadLocation", *r->url ? r->url : NOTHING);
	put_refs(j, p->purl, NULL);
	json_put_bool(j, "filesAnalyzed", false);
	put_license_files(j, p->license_files);
	json_put_string(j, "licenseConcluded", NOTHING);
	json_put_string(j, "licenseDeclared", declared(refs, p));
	json_put_string(j, "name", r->name);
	if (*r->fn)
		json_put_string(j, "packageFileName", r->fn);
	json_put_string(j, "supplier", NOTHING);
	json_put_string(j, "versionInfo", r->version);
	json_end(j);
}

static void put_glibc(struct json *j, const struct sbom *s)
{
	json_object(j);
	json_put_string(j, "SPDXID", GLIBC_ID);
	json_put_string(j, "copyrightText", NOTHING);
	json_put_string(j, "downloadLocation", NOTHING);
	put_refs(j, s->glibc_purl, s->glibc_cpe);
	json_put_bool(j, "filesAnalyzed", false);
	json_put_string(j, "licenseConcluded", NOTHING);
	json_put_string(j, "licenseDeclared", NOTHING);
	json_put_string(j, "name", "glibc");
	json_put_string(j, "primaryPackagePurpose", "LIBRARY");
	json_put_string(j, "supplier", NOTHING);
	json_put_string(j, "versionInfo", s->packages[s->libc].record->version);
	json_end(j);
}

static void put_subject(struct json *j, const struct sbom *s)
{
	const struct sbom_subject *u = &s->subject;

	json_object(j);
	json_put_string(j, "SPDXID", ROOT_ID);
	if (u->is_image) {
		json_key(j, "checksums");
		json_array(j);
		put_checksum(j, "SHA256", u->sha256);
		json_end(j);
	}
	json_put_string(j, "copyrightText", NOTHING);
	json_put_string(j, "downloadLocation", NOTHING);
	put_refs(j, s->purl, NULL);
	json_put_bool(j, "filesAnalyzed", false);
	json_put_string(j, "licenseConcluded", NOTHING);
	json_put_string(j, "licenseDeclared", NOTHING);
	json_put_string(j, "name", u->name);
	json_put_string(j, "primaryPackagePurpose", u->is_image ? "CONTAINER" : "APPLICATION");
	json_put_string(j, "supplier", NOTHING);
	if (u->is_image) {
		auto_free char *version = mem_printf("sha256:%s", u->sha256);

		json_put_string(j, "versionInfo", version);
	}
	json_end(j);
}

static void put_relationship(struct json *j, const char *from, const char *type, const char *to)
{
	json_object(j);
	json_put_string(j, "relatedSpdxElement", to);
	json_put_string(j, "relationshipType", type);
	json_put_string(j, "spdxElementId", from);
	json_end(j);
}

static void put_relationships(struct json *j, const struct sbom *s)
{
	json_key(j, "relationships");
	json_array(j);
	put_relationship(j, "SPDXRef-DOCUMENT", "DESCRIBES", ROOT_ID);
	for (size_t i = 0; i < s->n; i++) {
		auto_free char *id = mem_printf("SPDXRef-%s", s->packages[i].id);

		put_relationship(j, ROOT_ID, "CONTAINS", id);
		for (size_t k = 0; k < s->packages[i].n_needs; k++) {
			auto_free char *need = mem_printf("SPDXRef-%s", s->packages[s->packages[i].needs[k]].id);

			put_relationship(j, id, "DEPENDS_ON", need);
		}
		if (i == s->libc)
			put_relationship(j, id, "CONTAINS", GLIBC_ID);
	}
	json_end(j);
}

static void put_extracted(struct json *j, const struct refs *refs)
{
	if (!refs->n)
		return;
	json_key(j, "hasExtractedLicensingInfos");
	json_array(j);
	for (size_t i = 0; i < refs->n; i++) {
		auto_free char *text = mem_printf("The package gives its licence as '%s'.", refs->texts[i]);

		json_object(j);
		json_put_string(j, "extractedText", text);
		json_put_string(j, "licenseId", refs->list[i]);
		json_put_string(j, "name", refs->texts[i]);
		json_end(j);
	}
	json_end(j);
}

static void write_with(const struct sbom *s, const char *uuid, struct buf *ret)
{
	CLEANUP(refs_release) struct refs refs = { 0 };
	auto_buf ns = { 0 };
	struct json j = { .out = ret, .indent = 2 };

	/* The place that the specification keeps for those who have no site of their own. */
	buf_adds(&ns, "https://spdx.org/spdxdocs/");
	buf_adds(&ns, "condaimg-");
	buf_adds(&ns, uuid);
	json_object(&j);
	json_put_string(&j, "SPDXID", "SPDXRef-DOCUMENT");
	json_key(&j, "creationInfo");
	json_object(&j);
	json_put_string(&j, "created", image_time_text(s->subject.created).s);
	json_key(&j, "creators");
	json_array(&j);
	json_string(&j, "Tool: " SBOM_TOOL);
	json_end(&j);
	json_end(&j);
	json_put_string(&j, "dataLicense", "CC0-1.0");
	json_put_string(&j, "documentNamespace", ns.p);
	json_put_string(&j, "name", s->subject.name);
	json_key(&j, "packages");
	json_array(&j);
	put_subject(&j, s);
	for (size_t i = 0; i < s->n; i++)
		put_package(&j, &refs, &s->packages[i]);
	if (s->libc < s->n)
		put_glibc(&j, s);
	json_end(&j);
	put_extracted(&j, &refs);
	put_relationships(&j, s);
	json_put_string(&j, "spdxVersion", "SPDX-2.3");
	json_end(&j);
	buf_addc(ret, '\n');
}

void sbom_write_spdx(const struct sbom *s, struct buf *ret)
{
	auto_buf draft = { 0 };

	write_with(s, "", &draft);
	write_with(s, sbom_uuid(draft.p, draft.n).s, ret);
}
