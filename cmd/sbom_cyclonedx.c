/* CycloneDX 1.6 as JSON. Package URLs are the references inside the document. */
#include <string.h>

#include "base/json.h"
#include "cmd/sbom.h"
#include "conda/license.h"
#include "oci/image.h"

#define NO_UUID "00000000-0000-0000-0000-000000000000"
#define LOCK_REF "subject"

static void put_hash(struct json *j, const char *algorithm, const char *hex)
{
	json_object(j);
	json_put_string(j, "alg", algorithm);
	json_put_string(j, "content", hex);
	json_end(j);
}

static void put_hashes(struct json *j, const struct record *r)
{
	char md5[33];

	if (!r->has_sha256 && !r->has_md5)
		return;
	json_key(j, "hashes");
	json_array(j);
	if (r->has_sha256)
		put_hash(j, "SHA-256", digest_hex(&r->sha256).hex);
	if (r->has_md5) {
		digest_hex_of(r->md5, sizeof(r->md5), md5);
		put_hash(j, "MD5", md5);
	}
	json_end(j);
}

static void put_license(struct json *j, const struct sbom_package *p)
{
	bool listed = p->expression && license_is_listed(p->expression);

	if (!p->license)
		return;
	json_key(j, "licenses");
	json_array(j);
	json_object(j);
	if (p->expression && !listed) {
		json_put_string(j, "expression", p->expression);
	} else {
		json_key(j, "license");
		json_object(j);
		json_put_string(j, listed ? "id" : "name", listed ? p->expression : p->license);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

/* URLs and nothing else: the schema wants an IRI. */
static void put_reference(struct json *j, const char *url)
{
	if (!*url)
		return;
	json_key(j, "externalReferences");
	json_array(j);
	json_object(j);
	json_put_string(j, "type", "distribution");
	json_put_string(j, "url", url);
	json_end(j);
	json_end(j);
}

static void put_property(struct json *j, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	json_object(j);
	json_put_string(j, "name", name);
	json_put_string(j, "value", value);
	json_end(j);
}

static void put_properties(struct json *j, const struct sbom_package *p)
{
	const struct record *r = p->record;

	json_key(j, "properties");
	json_array(j);
	put_property(j, "conda:build", r->build);
	put_property(j, "conda:channel", r->channel);
	put_property(j, "conda:fn", r->fn);
	for (const char *const *f = p->license_files; f && *f; f++)
		put_property(j, "conda:license_file", *f);
	put_property(j, "conda:subdir", r->subdir);
	json_end(j);
}

static void put_component(struct json *j, const struct sbom_package *p)
{
	json_object(j);
	json_put_string(j, "bom-ref", p->purl);
	put_reference(j, p->record->url);
	put_hashes(j, p->record);
	put_license(j, p);
	json_put_string(j, "name", p->record->name);
	put_properties(j, p);
	json_put_string(j, "purl", p->purl);
	json_put_string(j, "type", "library");
	json_put_string(j, "version", p->record->version);
	json_end(j);
}

static void put_glibc(struct json *j, const struct sbom *s)
{
	json_object(j);
	json_put_string(j, "bom-ref", s->glibc_purl);
	if (s->glibc_cpe)
		json_put_string(j, "cpe", s->glibc_cpe);
	json_put_string(j, "name", "glibc");
	json_put_string(j, "purl", s->glibc_purl);
	json_put_string(j, "type", "library");
	json_put_string(j, "version", s->packages[s->libc].record->version);
	json_end(j);
}

static const char *root_ref(const struct sbom *s)
{
	return s->purl ? s->purl : LOCK_REF;
}

static void put_subject(struct json *j, const struct sbom *s)
{
	const struct sbom_subject *u = &s->subject;

	json_key(j, "component");
	json_object(j);
	json_put_string(j, "bom-ref", root_ref(s));
	if (u->is_image) {
		json_key(j, "hashes");
		json_array(j);
		put_hash(j, "SHA-256", u->sha256);
		json_end(j);
	}
	json_put_string(j, "name", u->name);
	if (s->purl)
		json_put_string(j, "purl", s->purl);
	json_put_string(j, "type", u->is_image ? "container" : "application");
	if (u->is_image) {
		auto_free char *version = mem_printf("sha256:%s", u->sha256);

		json_put_string(j, "version", version);
	}
	json_end(j);
}

static void put_metadata(struct json *j, const struct sbom *s)
{
	json_key(j, "metadata");
	json_object(j);
	put_subject(j, s);
	json_put_string(j, "timestamp", image_time_text(s->subject.created).s);
	json_key(j, "tools");
	json_object(j);
	json_key(j, "components");
	json_array(j);
	json_object(j);
	json_put_string(j, "name", "condaimg");
	json_put_string(j, "type", "application");
	json_put_string(j, "version", CONDAIMG_VERSION);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
}

static void put_dependencies(struct json *j, const struct sbom *s)
{
	json_key(j, "dependencies");
	json_array(j);
	json_object(j);
	json_key(j, "dependsOn");
	json_array(j);
	for (size_t i = 0; i < s->n; i++)
		json_string(j, s->packages[i].purl);
	json_end(j);
	json_put_string(j, "ref", root_ref(s));
	json_end(j);
	for (size_t i = 0; i < s->n; i++) {
		json_object(j);
		json_key(j, "dependsOn");
		json_array(j);
		for (size_t k = 0; k < s->packages[i].n_needs; k++)
			json_string(j, s->packages[s->packages[i].needs[k]].purl);
		if (i == s->libc)
			json_string(j, s->glibc_purl);
		json_end(j);
		json_put_string(j, "ref", s->packages[i].purl);
		json_end(j);
	}
	json_end(j);
}

static void write_with(const struct sbom *s, const char *uuid, struct buf *ret)
{
	auto_free char *serial = mem_printf("urn:uuid:%s", uuid);
	struct json j = { .out = ret, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
	json_put_string(&j, "bomFormat", "CycloneDX");
	json_key(&j, "components");
	json_array(&j);
	for (size_t i = 0; i < s->n; i++)
		put_component(&j, &s->packages[i]);
	if (s->libc < s->n)
		put_glibc(&j, s);
	json_end(&j);
	put_dependencies(&j, s);
	put_metadata(&j, s);
	json_put_string(&j, "serialNumber", serial);
	json_put_string(&j, "specVersion", "1.6");
	json_put_int(&j, "version", 1);
	json_end(&j);
	buf_addc(ret, '\n');
}

void sbom_write_cyclonedx(const struct sbom *s, struct buf *ret)
{
	auto_buf draft = { 0 };

	write_with(s, NO_UUID, &draft);
	write_with(s, sbom_uuid(draft.p, draft.n).s, ret);
}
