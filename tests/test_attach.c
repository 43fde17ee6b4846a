/* What is attached to images: its manifest, and its line in a layout. */
#include "oci/attach.h"

#include "base/doc.h"
#include "check.h"
#include "oci/index.h"

/* image-spec, manifest.md, "Guidance for an Empty Descriptor" */
#define EMPTY_DIGEST "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
/* sha256sum of "abc" (FIPS 180-2, B.1) */
#define ABC_DIGEST "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const struct descriptor subject = { .media_type = MEDIA_MANIFEST, .size = 7 };

static const char *text_at(const struct doc *d, const char *a, const char *b)
{
	const struct doc *found = doc_find(b ? doc_find(d, a) : d, b ? b : a);

	assert_non_null(found);
	assert_int_equal(found->type, DOC_STRING);
	return found->text;
}

static void a_manifest_is_as_the_spec_has_it(void **state)
{
	struct annotation notes[] = { { "a", "1" } };
	struct attachment one = { "application/x", "abc", 3, "x.json", notes, 1 };
	auto_buf text = { 0 }, again = { 0 };
	auto_arena a = { 0 };
	struct err err = ERR_INIT;
	const struct doc *d, *layer;

	(void)state;
	attach_manifest(&one, &subject, &text);
	attach_manifest(&one, &subject, &again);
	assert_string_equal(text.p, again.p);
	d = doc_parse_json(&a, text.p, text.n, "manifest", &err);
	assert_non_null(d);
	assert_string_equal(text_at(d, "mediaType", NULL), MEDIA_MANIFEST);
	assert_string_equal(text_at(d, "artifactType", NULL), "application/x");
	assert_string_equal(text_at(d, "config", "digest"), EMPTY_DIGEST);
	assert_string_equal(text_at(d, "config", "mediaType"), "application/vnd.oci.empty.v1+json");
	assert_string_equal(text_at(d, "annotations", "a"), "1");
	assert_string_equal(text_at(d, "subject", "mediaType"), MEDIA_MANIFEST);
	assert_int_equal(doc_find(d, "schemaVersion")->num, 2);
	layer = &doc_find(d, "layers")->items[0];
	assert_string_equal(text_at(layer, "digest", NULL), ABC_DIGEST);
	assert_string_equal(text_at(layer, "mediaType", NULL), "application/x");
	assert_string_equal(text_at(layer, "annotations", "org.opencontainers.image.title"), "x.json");
}

static void only_layouts_and_registries_keep_them(void **state)
{
	static const struct {
		const char *place;
		bool keeps;
	} rows[] = { { "oci:d:1", true },
		     { "docker://h:5/x", true },
		     { "oci-archive:f:1", false },
		     { "docker-archive:f:a:1", false } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_arena a = { 0 };
		struct err err = ERR_INIT;
		struct dest d;

		assert_ok(dest_parse(&a, rows[i].place, &d, &err), err);
		assert_int_equal(attach_check(&d, &err) == 0, rows[i].keeps);
		if (!rows[i].keeps)
			assert_err(err, ERR_USAGE, rows[i].place);
	}
}

/* The line of an image stays, that of a referrer comes once, and it is not taken for an image. */
static void a_referrer_in_an_index_is_no_image(void **state)
{
	static const char old[] = "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MEDIA_MANIFEST
				  "\",\"size\":7,\"digest\":\"" ABC_DIGEST "\"}]}";
	struct descriptor d = { .media_type = MEDIA_MANIFEST, .size = 2 }, chosen;
	struct index_want any = { 0 };
	auto_buf once = { 0 }, twice = { 0 }, alone = { 0 };
	auto_arena a = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_true(descriptor_digest(EMPTY_DIGEST, &d.digest));
	assert_ok(index_put_referrer(old, strlen(old), "index", &d, "application/x", &once, &err), err);
	assert_ok(index_put_referrer(once.p, once.n, "index", &d, "application/x", &twice, &err), err);
	assert_string_equal(once.p, twice.p);
	assert_non_null(strstr(once.p, "\"artifactType\":\"application/x\""));
	assert_ok(index_choose(&a, once.p, once.n, "index", &any, &chosen, &err), err);
	assert_int_equal(chosen.size, 7);
	assert_ok(index_put_referrer(NULL, 0, "index", &d, "application/x", &alone, &err), err);
	assert_int_equal(index_choose(&a, alone.p, alone.n, "index", &any, &chosen, &err), -1);
	assert_err(err, ERR_USAGE, "no image");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_manifest_is_as_the_spec_has_it),
		cmocka_unit_test(only_layouts_and_registries_keep_them),
		cmocka_unit_test(a_referrer_in_an_index_is_no_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
