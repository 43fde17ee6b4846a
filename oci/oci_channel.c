#include "oci/oci_channel.h"

#include <string.h>

#include "base/doc.h"
#include "base/str.h"
#include "fetch/url.h"
#include "oci/repotag.h"

#define FRONT OCI_CHANNEL_SCHEME "://"
#define REPODATA "repodata.json"

/* ---- what it is called ---- */

static const struct ending {
	const char *text, *media_type;
} packages[] = {
	{ ".conda", "application/vnd.conda.package.v2" },
	{ ".tar.bz2", "application/vnd.conda.package.v1" },
}, repodata[] = {
	{ REPODATA, "application/vnd.conda.repodata.v1+json" },
	{ REPODATA ".zst", "application/vnd.conda.repodata.v1+json+zst" },
	{ REPODATA ".bz2", "application/vnd.conda.repodata.v1+json+bz2" },
};

/* "1!2.0+x-h_0" as a tag. */
static const char *tag_of(struct arena *a, const char *text)
{
	auto_buf b = { 0 };

	for (; *text; text++) {
		if (*text == '+')
			buf_adds(&b, "__p__");
		else if (*text == '!')
			buf_adds(&b, "__e__");
		else if (*text == '=')
			buf_adds(&b, "__eq__");
		else
			buf_addc(&b, *text);
	}
	return arena_strdup(a, buf_cstr(&b));
}

/* "NAME-VERSION-BUILD" in two: where the version begins, or NULL. */
static const char *version_of(const char *stem)
{
	const char *build = strrchr(stem, '-'), *version = build ? memrchr(stem, '-', (size_t)(build - stem)) : NULL;

	return version && version > stem && version + 1 < build && build[1] ? version + 1 : NULL;
}

/* The repository's last component and the tag. */
static bool name_package(struct arena *a, const char *fn, const char **name, struct oci_channel_file *ret)
{
	for (size_t i = 0; i < COUNT(packages); i++) {
		size_t n = strlen(fn), end = strlen(packages[i].text);
		const char *stem, *version;

		if (n <= end || strcmp(fn + n - end, packages[i].text) != 0)
			continue;
		stem = arena_strndup(a, fn, n - end);
		version = version_of(stem);
		if (!version)
			return false;
		*name = arena_strndup(a, stem, (size_t)(version - stem - 1));
		ret->ref.tag = tag_of(a, version);
		ret->media_type = packages[i].media_type;
		return true;
	}
	return false;
}

static bool name_repodata(const char *fn, const char **name, struct oci_channel_file *ret)
{
	for (size_t i = 0; i < COUNT(repodata); i++)
		if (strcmp(fn, repodata[i].text) == 0) {
			*name = REPODATA;
			ret->ref.tag = "latest";
			ret->media_type = repodata[i].media_type;
			return true;
		}
	return false;
}

/* A name alone would be somebody's on Docker Hub, as images are named. */
static bool is_host(struct str rest)
{
	struct str host;

	return str_cut(&rest, '/', &host) && rest.p && host.n &&
	       (memchr(host.p, '.', host.n) || memchr(host.p, ':', host.n) || str_eq(host, "localhost"));
}

/* What a path of a URL stands for, in a; NULL: nothing. */
static const char *decode(struct arena *a, const char *text)
{
	return url_to_path(a, arena_printf(a, "file:///%s", text));
}

int oci_channel_parse(struct arena *a, const char *url, struct oci_channel_file *ret, struct err *err)
{
	const char *told = url_told(a, url), *rest, *slash, *fn, *name, *tag;

	*ret = (struct oci_channel_file){ 0 };
	if (!url_is(url, OCI_CHANNEL_SCHEME))
		return err_set(err, ERR_USAGE, "%s: is no URL of a channel in a registry", told);
	rest = url + strlen(FRONT);
	if (strchr(rest, '@') && strchr(rest, '@') < rest + strcspn(rest, "/"))
		return err_set(err, ERR_USAGE,
			       "%s: has a login in it, which is not used; podman login and docker login keep those of "
			       "registries",
			       told);
	if (!is_host(str_of(rest)))
		return err_set(err, ERR_USAGE, "%s: has no host with a domain or a port", told);
	slash = strrchr(rest, '/');
	fn = slash ? decode(a, slash + 1) : NULL;
	if (!fn || !fn[1])
		return err_set(err, ERR_USAGE, "%s: names no file of a channel", told);
	fn++;
	if (!name_repodata(fn, &name, ret) && !name_package(a, fn, &name, ret))
		return 0;
	tag = ret->ref.tag;
	if (!repotag_is_tag(tag))
		return err_set(err, ERR_USAGE, "%s: '%.200s' is no tag that a registry can have", told, tag);
	if (ref_parse(a, arena_printf(a, "%.*s/%s%s", (int)(slash - rest), rest, *name == '_' ? "zzz" : "", name),
		      &ret->ref, err) < 0)
		return err_at(err, "%s", told);
	ret->ref.tag = tag;
	return 1;
}

/* ---- what is there ---- */

/* The layer of that type in a manifest: 1, 0, -1. */
static int find_layer(struct arena *a, const struct buf *text, const char *media_type, struct descriptor *ret,
		      struct err *err)
{
	const struct doc *d = doc_parse_json(a, text->p ? text->p : "", text->n, "manifest", err), *layers, *type;

	if (!d)
		return -1;
	layers = doc_find(d, "layers");
	for (size_t i = 0; layers && layers->type == DOC_LIST && i < layers->n; i++) {
		type = doc_find(&layers->items[i], "mediaType");
		if (type && type->type == DOC_STRING && strcmp(type->text, media_type) == 0)
			return descriptor_read(a, &layers->items[i], ret, err) < 0 ? -1 : 1;
	}
	return 0;
}

/* What the tag says: 1, 0, -1. */
static int look_up(struct registry *r, struct arena *a, const struct oci_channel_file *f, struct descriptor *ret,
		   struct err *err)
{
	struct descriptor manifest;
	auto_buf text = { 0 };
	int rc = registry_get_manifest(r, a, f->ref.tag, &manifest, &text, err);

	return rc <= 0 ? rc : find_layer(a, &text, f->media_type, ret, err);
}

/* A registry that is closed with its blob. */
struct held {
	struct source base;
	struct source *in;
	struct registry *registry;
};

static ssize_t held_read(struct source *s, void *buf, size_t len, struct err *err)
{
	return source_read(((struct held *)s)->in, buf, len, err);
}

static void held_free(struct source *s)
{
	struct held *h = (struct held *)s;

	source_free(h->in);
	registry_free(h->registry);
	free(h);
}

static const struct source_ops held_ops = { .read = held_read, .free = held_free };

/* Takes both over; NULL where there is no source. */
static struct source *hold(struct source *in, struct registry *r)
{
	struct held *h;

	if (!in) {
		registry_free(r);
		return NULL;
	}
	h = NEW(struct held);
	*h = (struct held){ .base.ops = &held_ops, .in = in, .registry = r };
	return &h->base;
}

/* No tag is needed for what is known. */
static struct source *open_known(struct registry *r, const struct http_place_request *q, struct http_place_answer *ret,
				 struct err *err)
{
	ret->status = 200;
	return hold(registry_get_blob(r, q->sha256, q->size, err), r);
}

static struct source *open_named(struct registry *r, struct arena *a, const struct oci_channel_file *f,
				 const struct http_place_request *q, struct http_place_answer *ret, struct err *err)
{
	struct descriptor d;
	int rc = look_up(r, a, f, &d, err);

	if (rc <= 0) {
		ret->status = rc == 0 ? 404 : 0;
		registry_free(r);
		return NULL;
	}
	ret->etag = arena_printf(a, "\"sha256:%s\"", digest_hex(&d.digest).hex);
	ret->status = q->etag && strcmp(q->etag, ret->etag) == 0 ? 304 : 200;
	if (ret->status == 304) {
		registry_free(r);
		return NULL;
	}
	return hold(source_verify(registry_get_blob(r, &d.digest, d.size, err), &d.digest, d.size), r);
}

static struct source *channel_open(struct http_place *p, struct arena *a, const struct http_place_request *q,
				   struct http_place_answer *ret, struct err *err)
{
	struct oci_channel *c = (struct oci_channel *)p;
	struct oci_channel_file f;
	struct registry_hub *hub;
	struct registry *r;
	int rc = oci_channel_parse(a, q->url, &f, err);

	*ret = (struct http_place_answer){ .status = rc == 0 ? 404 : 0 };
	if (rc <= 0)
		return NULL;
	hub = c->hub(c, err);
	r = hub ? registry_open(hub, &f.ref, REGISTRY_PULL, err) : NULL;
	if (!r)
		return NULL;
	if (q->sha256 && q->size)
		return open_known(r, q, ret, err);
	return open_named(r, a, &f, q, ret, err);
}

void oci_channel_init(struct oci_channel *c, struct registry_hub *(*hub)(struct oci_channel *c, struct err *err))
{
	*c = (struct oci_channel){ .base.open = channel_open, .hub = hub };
}
