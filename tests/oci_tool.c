/*
 * For tests/e2e/oci.sh: images from files that are made up here.
 *
 *	oci_tool layer STORE CODEC		one layer; prints "DIGEST DIFFID"
 *	oci_tool build STORE CODEC DEST...	an image of two layers to each; prints manifest digests
 *	oci_tool stack STORE SOURCE DEST	a layer on top of another image
 *	oci_tool show SOURCE			the manifest as it is
 */
#include <fcntl.h>
#include <stdio.h>

#include "oci/dest.h"
#include "oci/layer.h"
#include "oci_table.h"

#define LONG_DIR "opt/a-directory-with-a-rather-long-name/and-another-one-below-it-that-is-not-short-either"
#define LONGEST \
	"0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"

static const struct item lower[] = {
	{ ENTRY_DIR, "tmp", 01777, NULL, 0, 0 },
	{ ENTRY_FILE, "etc/os-release", 0644, "ID=test\n", 0, 0 },
	{ ENTRY_FILE, "etc/passwd", 0644, "root:x:0:0:root:/root:/bin/sh\n", 0, 0 },
	{ ENTRY_FILE, "usr/bin/tool", 0755, "#!/bin/sh\nexit 0\n", 0, 0 },
	{ ENTRY_HARDLINK, "usr/bin/tool-1.0", 0755, "usr/bin/tool", 0, 0 },
	{ ENTRY_SYMLINK, "bin", 0777, "usr/bin", 0, 0 },
	{ ENTRY_FILE, "etc/empty", 0600, "", 0, 0 },
};

static const struct item upper[] = {
	{ ENTRY_FILE, LONG_DIR "/file-in-a-long-place.txt", 0644, "split at 155/100\n", 0, 0 },
	{ ENTRY_FILE, "opt/" LONGEST, 0644, "too long for ustar\n", 0, 0 },
	{ ENTRY_DIR, "opt/" LONGEST ".d", 0755, NULL, 0, 0 },
	{ ENTRY_SYMLINK, "opt/link-to-long", 0777, "/opt/" LONGEST, 0, 0 },
	{ ENTRY_FILE,
	  "opt/gr\xc3\xbc\xc3\x9f"
	  "e.txt",
	  0644, "UTF-8\n", 0, 0 },
	{ ENTRY_SYMLINK, "opt/link-to-utf8", 0777,
	  "gr\xc3\xbc\xc3\x9f"
	  "e.txt",
	  0, 0 },
	{ ENTRY_FILE, "opt/latin-\xfc.txt", 0644, "not UTF-8\n", 0, 0 },
	{ ENTRY_FILE, "opt/with space\tand tab", 0640, "x", 0, 0 },
};

static const struct item top[] = { { ENTRY_FILE, "etc/on-top", 0644, "stacked\n", 0, 0 } };

static int make(struct store *s, const struct item *items, size_t n, const struct codec *codec, struct image_layer *ret,
		struct err *err)
{
	auto_tree *tree = table_tree(items, n, SIZE_MAX);

	ret->media_type = layer_media_type(codec);
	ret->created_by = "oci_tool";
	return layer_write(tree, s, codec, &ret->layer, err);
}

static int layer(struct store *s, const char *codec_text, struct err *err)
{
	struct codec codec;
	struct image_layer l = { 0 };

	if (codec_parse(codec_text, &codec, err) < 0 || make(s, upper, COUNT(upper), &codec, &l, err) < 0)
		return -1;
	printf("%s %s\n", digest_hex(&l.layer.digest).hex, digest_hex(&l.layer.diffid).hex);
	return 0;
}

static int write_to(const char *text, const struct image *im, struct store *s, struct blobs *base, struct err *err)
{
	auto_arena a = { 0 };
	struct digest digest;
	struct dest d;

	if (dest_parse(&a, text, &d, err) < 0 || dest_write(&d, im, s, base, &digest, NULL, err) < 0)
		return -1;
	printf("sha256:%s\n", digest_hex(&digest).hex);
	return 0;
}

static int build(struct store *s, const char *codec_text, char **dests, struct err *err)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL };
	static const char *const cmd[] = { "/usr/bin/tool", "it's \"quoted\"", NULL };
	static const struct annotation labels[] = { { "org.example.a", "1" }, { "org.example.b", "\xc3\xbc" } };
	static const struct annotation notes[] = { { "org.opencontainers.image.version", "1.0" } };
	struct image_layer layers[2] = { 0 };
	struct image im = {
		.os = "linux", .arch = "amd64", .created = 1700000000, .user = "1000:1000", .working_dir = "/opt"
	};
	struct codec codec;

	im.env = env;
	im.cmd = cmd;
	im.labels = labels;
	im.n_labels = COUNT(labels);
	im.annotations = notes;
	im.n_annotations = COUNT(notes);
	im.layers = layers;
	im.n_layers = COUNT(layers);
	if (codec_parse(codec_text, &codec, err) < 0 || make(s, lower, COUNT(lower), &codec, &layers[0], err) < 0 ||
	    make(s, upper, COUNT(upper), &codec, &layers[1], err) < 0)
		return -1;
	for (; *dests; dests++)
		if (write_to(*dests, &im, s, NULL, err) < 0)
			return -1;
	return 0;
}

static int stack(struct store *s, const char *source, const char *dest, struct err *err)
{
	auto_arena a = { 0 };
	auto_blobs *base = NULL;
	struct image_layer *layers;
	struct image im;
	struct dest d;

	if (dest_parse(&a, source, &d, err) < 0)
		return -1;
	base = dest_open(&d, "linux", "amd64", err);
	if (!base)
		return -1;
	im = *blobs_image(base);
	layers = arena_array(&a, im.n_layers + 1, sizeof(*layers));
	if (im.n_layers)
		memcpy(layers, im.layers, im.n_layers * sizeof(*layers));
	if (make(s, top, COUNT(top), &CODEC_GZIP_DEFAULT, &layers[im.n_layers++], err) < 0)
		return -1;
	im.layers = layers;
	return write_to(dest, &im, s, base, err);
}

static int show(const char *source, struct err *err)
{
	auto_arena a = { 0 };
	auto_blobs *b = NULL;
	struct dest d;
	size_t n;

	if (dest_parse(&a, source, &d, err) < 0)
		return -1;
	b = dest_open(&d, NULL, NULL, err);
	if (!b)
		return -1;
	fputs(blobs_manifest(b, &n), stdout);
	return 0;
}

static int run(char **argv, struct err *err)
{
	auto_store *s = NULL;

	if (strcmp(argv[1], "show") == 0)
		return show(argv[2], err);
	s = store_open(AT_FDCWD, argv[2], err);
	if (!s)
		return -1;
	if (strcmp(argv[1], "layer") == 0)
		return layer(s, argv[3], err);
	if (strcmp(argv[1], "build") == 0)
		return build(s, argv[3], argv + 4, err);
	if (strcmp(argv[1], "stack") == 0)
		return stack(s, argv[3], argv[4], err);
	return err_set(err, ERR_USAGE, "'%s' is no command", argv[1]);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (argc < 3 || run(argv, &err) < 0) {
		fprintf(stderr, "oci_tool: %s\n", err.text);
		return 1;
	}
	return 0;
}
