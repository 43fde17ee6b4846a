#include "oci/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "base/doc.h"
#include "oci/index.h"
#include "oci/repotag.h"

#include <cmocka.h>

/* printf a, b | sha256sum */
#define A "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
#define B "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"

#define MANIFEST(type, config_type, layer_type)                                                    \
	"{\"schemaVersion\":2,\"mediaType\":\"" type "\",\"config\":{\"mediaType\":\"" config_type \
	"\",\"digest\":\"sha256:" A "\",\"size\":7},\"layers\":[{\"mediaType\":\"" layer_type      \
	"\",\"digest\":\"sha256:" B "\",\"size\":9}]}"
#define GOOD_MANIFEST MANIFEST(MEDIA_MANIFEST, MEDIA_CONFIG, MEDIA_LAYER_GZIP)
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" A "\"]}"
#define GOOD_CONFIG "{\"os\":\"linux\",\"architecture\":\"amd64\"," ROOTFS "}"

static struct digest of(const char *hex)
{
	struct digest d;

	assert_true(digest_parse(hex, &d));
	return d;
}

/* date -u -d @N +%FT%TZ */
static void time_is_rfc3339(void **state)
{
	static const struct {
		int64_t t;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ 951782399, "2000-02-28T23:59:59Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ 951868800, "2000-03-01T00:00:00Z" },
		{ 4107542399, "2100-02-28T23:59:59Z" },
		{ 4107542400, "2100-03-01T00:00:00Z" },
		{ 1700000000, "2023-11-14T22:13:20Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" },
		{ -62135596800, "0001-01-01T00:00:00Z" },
		{ INT64_MAX, "9999-12-31T23:59:59Z" },
		{ INT64_MIN, "0001-01-01T00:00:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct image_time t = image_time_text(rows[i].t);

		assert_string_equal(t.s, rows[i].text);
	}
}

static void time_is_read_in_any_zone(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
		bool good;
	} rows[] = {
		{ "2023-11-14T22:13:20Z", 1700000000, true },
		{ "2023-11-14T22:13:20.999999999Z", 1700000000, true },
		{ "2023-11-14T23:13:20+01:00", 1700000000, true },
		{ "2023-11-14T16:43:20.5-05:30", 1700000000, true },
		{ "0001-01-01T00:00:00Z", -62135596800, true },
		{ "2000-02-29T00:00:00z", 951782400, true },
		{ "", 0, false },
		{ "2023-11-14", 0, false },
		{ "2023-11-14T22:13:20", 0, false },
		{ "2023-11-14T22:13:20.Z", 0, false },
		{ "2023-13-14T22:13:20Z", 0, false },
		{ "2023-11-00T22:13:20Z", 0, false },
		{ "2023-11-14T24:13:20Z", 0, false },
		{ "2023-11-14T22:13:20Zx", 0, false },
		{ "2023-11-14T22:13:20+1", 0, false },
		{ "now", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		auto_free char *config = mem_printf(
			"{\"created\":\"%s\",\"os\":\"linux\",\"architecture\":\"amd64\"," ROOTFS "}", rows[i].text);
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct image im;
		int rc = image_decode(&a, GOOD_MANIFEST, strlen(GOOD_MANIFEST), config, strlen(config), &im, &err);

		if ((rc == 0) != rows[i].good)
			fail_msg("row %zu: '%s': %s", i, rows[i].text, err.text);
		if (rc == 0)
			assert_int_equal(im.created, rows[i].t);
	}
}

/* Keys of every object ascend. */
static void check_sorted(const struct doc *d)
{
	for (size_t i = 0; (d->type == DOC_MAP || d->type == DOC_LIST) && i < d->n; i++) {
		if (d->type == DOC_MAP && i)
			assert_true(strcmp(d->keys[i - 1].text, d->keys[i].text) < 0);
		check_sorted(&d->items[i]);
	}
}

static void encoded_image_is_canonical_and_read_back(void **state)
{
	static const char *const env[] = { "B=2", "A=1", NULL }, *const cmd[] = { "sh", "-c", "echo \"x\"", NULL };
	static const char *const ports[] = { "443/tcp", "80/tcp", NULL }, *const none[] = { NULL };
	static const struct annotation labels[] = { { "a", "1" }, { "b", "\xc3\xbc\n" } };
	static const struct annotation notes[] = { { "org.opencontainers.image.base.name", "x" },
						   { "org.opencontainers.image.version", "1" } };
	static const struct image_history past[] = { { "2020-01-01T00:00:00Z", "ADD", NULL, NULL, false },
						     { NULL, "CMD", "me", "why", true } };
	struct image_layer layers[] = {
		{ MEDIA_LAYER_GZIP, { of(A), of(B), 10, 20 }, NULL, 0, "ADD", true, NULL, NULL },
		{ MEDIA_LAYER_ZSTD, { of(B), of(A), 30, 40 }, labels, 2, "condaimg", false, NULL, NULL },
	};
	struct image im = { .os = "linux",
			    .arch = "arm64",
			    .variant = "v8",
			    .created = 1700000000,
			    .user = "1000",
			    .working_dir = "/w",
			    .env = env,
			    .entrypoint = none,
			    .cmd = cmd,
			    .labels = labels,
			    .n_labels = 2,
			    .annotations = notes,
			    .n_annotations = 2,
			    .layers = layers,
			    .n_layers = 2,
			    .exposed_ports = ports,
			    .stop_signal = "SIGINT",
			    .history = past,
			    .n_history = 2 };
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	auto_buf config = { 0 }, manifest = { 0 }, config2 = { 0 }, manifest2 = { 0 };
	const struct doc *d;
	struct image back;
	struct digest digest, want;
	uint64_t size;

	(void)state;
	image_encode(&im, &config, &manifest);
	d = doc_parse_json(&a, config.p, config.n, "config", &err);
	check_sorted(d);
	assert_non_null(doc_find(doc_find(doc_find(d, "config"), "ExposedPorts"), "80/tcp"));
	assert_null(doc_find(doc_find(d, "config"), "Entrypoint"));
	assert_null(doc_find(doc_find(d, "config"), "Volumes"));
	assert_int_equal(doc_find(d, "history")->n, 3);
	assert_string_equal(doc_find(&doc_find(d, "history")->items[2], "created_by")->text, "condaimg");
	d = doc_parse_json(&a, manifest.p, manifest.n, "manifest", &err);
	check_sorted(d);
	assert_string_equal(doc_find(doc_find(d, "annotations"), "org.opencontainers.image.created")->text,
			    "2023-11-14T22:13:20Z");
	assert_null(strchr(config.p, '\n'));
	assert_int_equal(image_config_of(manifest.p, manifest.n, &digest, &size, &err), 0);
	want = digest_bytes(config.p, config.n);
	assert_true(digest_equal(&digest, &want));
	assert_int_equal(size, config.n);
	assert_int_equal(image_decode(&a, manifest.p, manifest.n, config.p, config.n, &back, &err), 0);
	assert_string_equal(back.variant, "v8");
	assert_string_equal(back.labels[1].value, "\xc3\xbc\n");
	assert_string_equal(back.env[0], "B=2");
	assert_null(back.entrypoint);
	assert_int_equal(back.layers[1].layer.size, 30);
	assert_string_equal(back.layers[1].annotations[0].key, "a");
	assert_string_equal(back.history[1].comment, "why");
	assert_true(back.layers[0].foreign);
	image_encode(&back, &config2, &manifest2);
	assert_string_equal(config2.p, config.p);
	assert_string_equal(manifest2.p, manifest.p);
}

static void smallest_image_has_no_empty_fields(void **state)
{
	struct image im = { .os = "linux", .arch = "amd64" };
	auto_buf config = { 0 }, manifest = { 0 };

	(void)state;
	image_encode(&im, &config, &manifest);
	assert_string_equal(config.p, "{\"architecture\":\"amd64\",\"created\":\"1970-01-01T00:00:00Z\",\"history\":[],"
				      "\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[],\"type\":\"layers\"}}");
}

static void docker_media_types_are_read(void **state)
{
	static const struct {
		const char *manifest, *type;
	} rows[] = {
		{ MANIFEST(MEDIA_DOCKER_MANIFEST, MEDIA_DOCKER_CONFIG, MEDIA_DOCKER_LAYER), MEDIA_LAYER_GZIP },
		{ MANIFEST(MEDIA_DOCKER_MANIFEST, MEDIA_DOCKER_CONFIG, "application/vnd.docker.image.rootfs.diff.tar"),
		  MEDIA_LAYER },
		{ MANIFEST(MEDIA_MANIFEST, MEDIA_CONFIG, MEDIA_LAYER_ZSTD), MEDIA_LAYER_ZSTD },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct image im;

		assert_int_equal(image_decode(&a, rows[i].manifest, strlen(rows[i].manifest), GOOD_CONFIG,
					      strlen(GOOD_CONFIG), &im, &err),
				 0);
		assert_string_equal(im.layers[0].media_type, rows[i].type);
		assert_int_equal(im.layers[0].layer.size, 9);
	}
}

static void bad_documents_are_refused(void **state)
{
	static const struct {
		const char *manifest, *config, *text;
	} rows[] = {
		{ "", GOOD_CONFIG, "manifest:1:0: is not JSON: " },
		{ "[]", GOOD_CONFIG, "manifest: is a list, expected an object" },
		{ "{}", GOOD_CONFIG, "manifest: schemaVersion is 0, expected 2" },
		{ "{\"schemaVersion\":1}", GOOD_CONFIG, "manifest: schemaVersion is 1, expected 2" },
		{ "{\"schemaVersion\":2}", GOOD_CONFIG, "config: a descriptor is missing" },
		{ MANIFEST(MEDIA_INDEX, MEDIA_CONFIG, MEDIA_LAYER), GOOD_CONFIG,
		  "manifest: is of type '" MEDIA_INDEX "', expected the manifest of an image" },
		{ MANIFEST(MEDIA_MANIFEST, "application/vnd.oci.empty.v1+json", MEDIA_LAYER), GOOD_CONFIG,
		  "manifest: is not of a container image: its config is of type 'application/vnd.oci.empty.v1+json'" },
		{ MANIFEST(MEDIA_MANIFEST, MEDIA_CONFIG, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
		  GOOD_CONFIG,
		  "layer 1 of 1 is of type 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', which is not supported" },
		{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" MEDIA_CONFIG "\",\"digest\":\"sha256:" A
		  "\",\"size\":-1},\"layers\":[]}",
		  GOOD_CONFIG, "config: manifest: the size of sha256:" A " is missing or negative" },
		{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" MEDIA_CONFIG
		  "\",\"digest\":\"sha256:../../etc/passwd\","
		  "\"size\":1},\"layers\":[]}",
		  GOOD_CONFIG,
		  "config: manifest: digest 'sha256:../../etc/passwd' is not 'sha256:' and 64 lower-case hex digits" },
		{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" MEDIA_CONFIG "\",\"digest\":\"sha256:" A
		  "\",\"size\":1}}",
		  GOOD_CONFIG, "manifest: 'layers' is missing, expected a list" },
		{ GOOD_MANIFEST, "null", "config: is a null, expected an object" },
		{ GOOD_MANIFEST, "{\"os\":\"linux\"," ROOTFS "}", "config: has no architecture" },
		{ GOOD_MANIFEST, "{\"architecture\":\"amd64\"," ROOTFS "}", "config: has no os" },
		{ GOOD_MANIFEST, "{\"os\":\"linux\",\"architecture\":\"amd64\"}", "config: has no rootfs" },
		{ GOOD_MANIFEST, "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[]}}",
		  "config: has 0 diff_ids, but the manifest has 1 layers" },
		{ GOOD_MANIFEST, "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[7]}}",
		  "config: diff_id 1 is not 'sha256:' and 64 lower-case hex digits" },
		{ GOOD_MANIFEST, "{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":[]," ROOTFS "}",
		  "config: 'config' is a list, expected an object" },
		{ GOOD_MANIFEST, "{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Env\":[1]}," ROOTFS "}",
		  "config: an item of 'Env' is a number, expected a string" },
		{ GOOD_MANIFEST,
		  "{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Labels\":{\"a\":1}}," ROOTFS "}",
		  "config: 'a' of 'Labels' is a number, expected a string" },
		{ GOOD_MANIFEST, "{\"os\":\"linux\",\"architecture\":\"amd64\",\"history\":[1]," ROOTFS "}",
		  "config: an item of 'history' is a number, expected an object" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct image im;

		if (image_decode(&a, rows[i].manifest, strlen(rows[i].manifest), rows[i].config, strlen(rows[i].config),
				 &im, &err) == 0)
			fail_msg("row %zu was read", i);
		assert_int_equal(err.code, ERR_FORMAT);
		assert_memory_equal(err.text, rows[i].text, strlen(rows[i].text));
	}
}

static void sizes_are_bounded(void **state)
{
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	auto_buf many = { 0 }, big = { 0 };
	struct image im;

	(void)state;
	buf_adds(&many, "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" MEDIA_CONFIG "\",\"digest\":\"sha256:" A
			"\",\"size\":1},\"layers\":[");
	for (int i = 0; i <= IMAGE_LAYERS_MAX; i++)
		buf_addf(&many, "%s{\"mediaType\":\"" MEDIA_LAYER "\",\"digest\":\"sha256:" A "\",\"size\":1}",
			 i ? "," : "");
	buf_adds(&many, "]}");
	assert_int_equal(image_decode(&a, many.p, many.n, GOOD_CONFIG, strlen(GOOD_CONFIG), &im, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	err_clear(&err);
	while (big.n <= IMAGE_CONFIG_MAX)
		buf_adds(&big, "                                                                                ");
	assert_int_equal(image_decode(&a, big.p, big.n, GOOD_CONFIG, strlen(GOOD_CONFIG), &im, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	err_clear(&err);
	assert_int_equal(image_decode(&a, GOOD_MANIFEST, strlen(GOOD_MANIFEST), big.p, big.n, &im, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

static void history_that_does_not_fit_is_left_out(void **state)
{
	static const char config[] = "{\"os\":\"linux\",\"architecture\":\"amd64\",\"history\":[{},{}]," ROOTFS "}";
	struct err err = ERR_INIT;
	auto_arena a = { 0 };
	struct image im;

	(void)state;
	assert_int_equal(image_decode(&a, GOOD_MANIFEST, strlen(GOOD_MANIFEST), config, strlen(config), &im, &err), 0);
	assert_int_equal(im.n_history, 0);
}

/* ---- index ---- */

#define ENTRY(type, hex, rest) "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" hex "\",\"size\":1" rest "}"
#define TAG(t) ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" t "\"}"
#define FOR(arch) ",\"platform\":{\"os\":\"linux\",\"architecture\":\"" arch "\"}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"

static void image_is_chosen_from_an_index(void **state)
{
	static const struct {
		const char *json;
		struct index_want want;
		const char *chosen; /* NULL: fails, with text */
		const char *text;
	} rows[] = {
		{ INDEX(ENTRY(MEDIA_MANIFEST, A, "")), { 0 }, A, NULL },
		{ INDEX(ENTRY(MEDIA_MANIFEST, A, "")), { .os = "linux", .arch = "amd64" }, A, NULL },
		{ INDEX(ENTRY(MEDIA_MANIFEST, A, FOR("arm64")) "," ENTRY(MEDIA_MANIFEST, B, FOR("amd64"))),
		  { .os = "linux", .arch = "amd64" },
		  B,
		  NULL },
		{ INDEX(ENTRY(MEDIA_MANIFEST, A, FOR("arm64")) "," ENTRY(MEDIA_MANIFEST, B, FOR("amd64"))),
		  { .os = "linux", .arch = "s390x" },
		  NULL,
		  "x has no image for linux/s390x; it has: linux/arm64, linux/amd64" },
		{ INDEX(ENTRY(MEDIA_MANIFEST, A, TAG("1")) "," ENTRY(MEDIA_MANIFEST, B, TAG("2"))),
		  { .tag = "2" },
		  B,
		  NULL },
		{ INDEX(ENTRY(MEDIA_MANIFEST, A, TAG("1")) "," ENTRY(MEDIA_MANIFEST, B, TAG("2"))),
		  { .tag = "3" },
		  NULL,
		  "x has no image with tag '3'; its tags: '1', '2'" },
		{ INDEX(ENTRY(MEDIA_MANIFEST, A, TAG("1")) "," ENTRY(MEDIA_MANIFEST, B, TAG("2"))),
		  { 0 },
		  NULL,
		  "x has several images, say which; its tags: '1', '2'" },
		{ INDEX(ENTRY(MEDIA_MANIFEST, A, TAG("1")) "," ENTRY(MEDIA_MANIFEST, B, TAG("latest"))),
		  { 0 },
		  B,
		  NULL },
		{ INDEX(ENTRY(MEDIA_INDEX, A, TAG("1")) "," ENTRY("application/x", B, "")),
		  { .arch = "amd64" },
		  A,
		  NULL },
		{ INDEX(""), { 0 }, NULL, "x has no image for any/any; it has: none" },
		{ INDEX(ENTRY(MEDIA_MANIFEST, "xyz", "")),
		  { 0 },
		  NULL,
		  "entry 1 of 1: x: digest 'sha256:xyz' is not 'sha256:' and 64 lower-case hex digits" },
		{ "{\"schemaVersion\":2}", { 0 }, NULL, "x: is no image index: it has no list of manifests" },
		{ "7", { 0 }, NULL, "x: is no image index: it has no list of manifests" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct descriptor d;
		int rc = index_choose(&a, rows[i].json, strlen(rows[i].json), "x", &rows[i].want, &d, &err);

		if ((rc == 0) != (rows[i].chosen != NULL))
			fail_msg("row %zu: %s", i, err.text);
		if (rc == 0)
			assert_string_equal(digest_hex(&d.digest).hex, rows[i].chosen);
		else
			assert_string_equal(err.text, rows[i].text);
	}
}

static void index_keeps_what_it_does_not_know(void **state)
{
	static const char old[] =
		"{ \"schemaVersion\":2, \"x\": [1, 2.5, null, true, {\"y\":\"z\"}], \"manifests\":[" ENTRY(
			MEDIA_MANIFEST, B,
			TAG("1") ",\"unknown\":{\"k\":-3}") "," ENTRY(MEDIA_MANIFEST, B,
								      TAG("2")) "," ENTRY(MEDIA_MANIFEST, B,
											  TAG("2")) "]}";
	static const struct annotation tag = { ANNOTATION_REF_NAME, "2" };
	struct descriptor d = {
		.media_type = MEDIA_MANIFEST, .digest = of(A), .size = 5, .annotations = &tag, .n_annotations = 1
	};
	struct err err = ERR_INIT;
	auto_buf out = { 0 };

	(void)state;
	assert_int_equal(index_put(old, strlen(old), "x", &d, "linux", "amd64", NULL, &out, &err), 0);
	assert_string_equal(
		out.p,
		"{\"schemaVersion\":2,\"x\":[1,2.5,null,true,{\"y\":\"z\"}],\"manifests\":[" ENTRY(
			MEDIA_MANIFEST, B,
			TAG("1") ",\"unknown\":{\"k\":-3}") ","
							    "{\"annotations\":{\"org.opencontainers.image.ref.name\":\"2\"},\"digest\":\"sha256:" A
							    "\","
							    "\"mediaType\":\"" MEDIA_MANIFEST
							    "\",\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"},\"size\":5}]}");
}

static void deep_index_is_refused(void **state)
{
	struct descriptor d = { .media_type = MEDIA_MANIFEST };
	struct err err = ERR_INIT;
	auto_buf deep = { 0 }, out = { 0 };

	(void)state;
	buf_adds(&deep, "{\"manifests\":[],\"x\":");
	for (int i = 0; i < 40; i++)
		buf_addc(&deep, '[');
	for (int i = 0; i < 40; i++)
		buf_addc(&deep, ']');
	buf_addc(&deep, '}');
	assert_int_equal(index_put(deep.p, deep.n, "x", &d, "linux", "amd64", NULL, &out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

static void names_of_docker_images(void **state)
{
	static const struct {
		const char *text, *full;
	} rows[] = {
		{ "app", "docker.io/library/app:latest" },
		{ "app:1", "docker.io/library/app:1" },
		{ "me/app:1.0-x_y", "docker.io/me/app:1.0-x_y" },
		{ "ghcr.io/me/app", "ghcr.io/me/app:latest" },
		{ "localhost/app", "localhost/app:latest" },
		{ "localhost:5000/app:1", "localhost:5000/app:1" },
		{ "a__b/c-.d", NULL },
		{ "a__b/c--d", "docker.io/a__b/c--d:latest" },
		{ "a_.b", NULL },
		{ "App", NULL },
		{ "", NULL },
		{ ":1", NULL },
		{ "app:", NULL },
		{ "app:.1", NULL },
		{ "app:1:2", NULL },
		{ "/app", NULL },
		{ "app/", NULL },
		{ "a//b", NULL },
		{ "app@sha256:" A, NULL },
		{ "-app", NULL },
		{ "app-", NULL },
		{ "app:12345678901234567890123456789012345678901234567890123456789012345678901234567890"
		  "1234567890123456789012345678901234567890123456789",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = ERR_INIT;
		auto_arena a = { 0 };
		struct repotag r;
		int rc = repotag_parse(&a, rows[i].text, &r, &err);

		if ((rc == 0) != (rows[i].full != NULL))
			fail_msg("'%s': %s", rows[i].text, err.text);
		if (rc == 0)
			assert_string_equal(r.full, rows[i].full);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_is_rfc3339),
		cmocka_unit_test(time_is_read_in_any_zone),
		cmocka_unit_test(encoded_image_is_canonical_and_read_back),
		cmocka_unit_test(smallest_image_has_no_empty_fields),
		cmocka_unit_test(docker_media_types_are_read),
		cmocka_unit_test(bad_documents_are_refused),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(history_that_does_not_fit_is_left_out),
		cmocka_unit_test(image_is_chosen_from_an_index),
		cmocka_unit_test(index_keeps_what_it_does_not_know),
		cmocka_unit_test(deep_index_is_refused),
		cmocka_unit_test(names_of_docker_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
