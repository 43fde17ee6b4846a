#include "oci/ref.h"

#include <strings.h>

#include "base/num.h"
#include "oci/descriptor.h"
#include "oci/repotag.h"

#define DIGEST_FRONT "@sha256:"
#define PORT_MAX 65535

/* Where the host's name ends and its port begins, or NULL; for "[::1]:5000" behind the bracket. */
static const char *port_of(const char *host)
{
	const char *bracket = strchr(host, ']');

	return strchr(bracket ? bracket : host, ':');
}

static bool is_host(const char *host)
{
	const char *port = port_of(host);
	uint64_t number;

	if (*host == '\0' || *host == ':' || *host == '.' || *host == '-')
		return false;
	if ((*host == '[') != (strchr(host, ']') != NULL))
		return false;
	return !port || (num_parse(port + 1, PORT_MAX, &number) && number > 0);
}

/* The part behind '@', which is cut off. */
static int take_digest(char *name, struct ref *ret, struct err *err)
{
	char *at = strchr(name, '@');

	if (!at)
		return 0;
	if (!descriptor_digest(at + 1, &ret->digest))
		return err_set(err, ERR_USAGE, "'%.200s' is no digest, expected sha256: and 64 lower-case hex digits",
			       at + 1);
	ret->has_digest = true;
	*at = '\0';
	return 0;
}

static int split(struct arena *a, const char *name, struct ref *ret, struct err *err)
{
	const char *slash, *host_end;
	struct repotag t;
	size_t n;

	if (repotag_parse(a, name, &t, err) < 0)
		return -1;
	slash = strrchr(name, '/');
	if (strchr(slash ? slash : name, ':'))
		ret->tag = t.tag;
	/* full is always HOST/REPO:TAG */
	host_end = strchr(t.full, '/');
	n = strlen(host_end + 1) - strlen(t.tag) - 1;
	ret->host = arena_strndup(a, t.full, (size_t)(host_end - t.full));
	ret->repo = arena_strndup(a, host_end + 1, n);
	if (strcmp(ret->host, "index.docker.io") == 0 || strcmp(ret->host, "registry-1.docker.io") == 0)
		ret->host = REF_HUB;
	if (strcmp(ret->host, REF_HUB) == 0 && !strchr(ret->repo, '/'))
		ret->repo = arena_printf(a, "library/%s", ret->repo);
	if (!is_host(ret->host))
		return err_set(err, ERR_USAGE, "'%.200s' is no host of a registry", ret->host);
	return 0;
}

int ref_parse(struct arena *a, const char *text, struct ref *ret, struct err *err)
{
	char *name = arena_strdup(a, text);
	struct ref r = { 0 };

	if (strstr(text, "://"))
		return err_set(err, ERR_USAGE, "'%.200s' is a URL; an image is named like ghcr.io/me/app:1", text);
	if (take_digest(name, &r, err) < 0 || split(a, name, &r, err) < 0)
		return -1;
	*ret = r;
	return 0;
}

const char *ref_text(struct arena *a, const struct ref *r)
{
	return arena_printf(a, "%s/%s%s%s%s%s", r->host, r->repo, r->tag ? ":" : "", r->tag ? r->tag : "",
			    r->has_digest ? DIGEST_FRONT : "", r->has_digest ? digest_hex(&r->digest).hex : "");
}

const char *ref_wanted(struct arena *a, const struct ref *r)
{
	if (r->has_digest)
		return arena_printf(a, "sha256:%s", digest_hex(&r->digest).hex);
	return r->tag ? r->tag : "latest";
}

bool ref_same_repo(const struct ref *x, const struct ref *y)
{
	return strcmp(x->host, y->host) == 0 && strcmp(x->repo, y->repo) == 0;
}

/* "127." and then digits and dots alone: "127.0.0.1.example.org" is somewhere else. */
static bool is_loopback_v4(const char *host, size_t n)
{
	return n > 4 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= n;
}

bool ref_is_loopback(const char *host)
{
	const char *port = port_of(host);
	size_t n = port ? (size_t)(port - host) : strlen(host);

	return (n == 9 && strncasecmp(host, "localhost", n) == 0) || (n == 5 && strncmp(host, "[::1]", n) == 0) ||
	       is_loopback_v4(host, n);
}
