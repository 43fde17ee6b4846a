/*
 * Registries: the distribution protocol (OCI distribution-spec 1.1, and what older registries do).
 *
 * A hub is what all registries of a process have in common. A registry is one repository in one host; all its functions
 * may be called by many threads at once. Whatever is read is checked: blobs and manifests by their digests, all else by its
 * size. What may pass (lost connections, 429, 5xx) is tried again as patiently as the hub's struct http says, with
 * Retry-After; a token that ran out is replaced. Logins are found by oci/login.h and go to the host they are for, and to
 * the token server that it names, and nowhere else: not to hosts that it redirects to.
 *
 * Functions that ask whether something is there return 1, 0, and -1 with err filled.
 */
#ifndef OCI_REGISTRY_H
#define OCI_REGISTRY_H

#include "fetch/http.h"
#include "oci/descriptor.h"
#include "oci/ref.h"

#define REGISTRY_MANIFEST_MAX (4 << 20)
#define REGISTRY_AT_ONCE 4 /* blobs that are worth sending or fetching side by side */

struct registry_options {
	const char *ca_file; /* certificates trusted besides the system's, or NULL */
	const char *ca_configured; /* more of them, which somebody configured for all that he does; or NULL */
	bool insecure; /* hosts without TLS, or with any certificate, will do */
	const char *home; /* for ~/.config/containers, or NULL */
	const char *conf; /* a registries.conf instead of the usual ones, or NULL */
};

struct registry_hub;

/* h must outlive it, and stay as it is. ERR_IO, ERR_FORMAT: of the files that the options name. */
struct registry_hub *registry_hub_new(struct http *h, const struct registry_options *o, struct err *err);
void registry_hub_free(struct registry_hub *hub); /* after its registries */

/*
 * The next text that a registry wanted its users to read ("Warning: 299"), each once, or NULL. It lives as long as the hub.
 * For use when nothing is under way.
 */
const char *registry_hub_warning(struct registry_hub *hub);

enum registry_access { REGISTRY_PULL, REGISTRY_PUSH };

struct registry;

/*
 * ref's repository. To be pulled from: in its mirrors first, as registries.conf says. Nobody is asked yet. ERR_USAGE:
 * registries.conf blocks it. ERR_IO, ERR_FORMAT.
 */
struct registry *registry_open(struct registry_hub *hub, const struct ref *ref, enum registry_access access,
			       struct err *err);
void registry_free(struct registry *r); /* after its sources and sinks */
const struct ref *registry_ref(const struct registry *r);

/* ---- blobs ---- */

/* Whether the blob is there. */
int registry_has_blob(struct registry *r, const struct digest *d, uint64_t size, struct err *err);

/* Its bytes, as they come: the caller verifies. A connection that is lost on the way is made again, from there on. */
struct source *registry_get_blob(struct registry *r, const struct digest *d, uint64_t size, struct err *err);

/* Where a blob's bytes are, to be sent. */
struct registry_origin {
	/* From the start, verified; by several threads at once, and again where sending failed. */
	struct source *(*open)(struct registry_origin *o, const struct descriptor *d, struct err *err);
	/* Another repository of the same host that has it, or NULL. Its blobs cost no byte. */
	const char *from;
};

enum registry_sent { REGISTRY_WAS_THERE, REGISTRY_MOUNTED, REGISTRY_UPLOADED };

/*
 * See that the blob is there: it is, or it is mounted from another repository (origin's, or any that the registry
 * knows), or uploaded: in one piece, or, where that is too large for it, in many; an upload that is cut goes on where
 * it was. blindly: what the registry says it has is not believed. A failure of origin's is told as it is;
 * ERR_INTEGRITY also where the registry found other bytes.
 */
int registry_push_blob(struct registry *r, const struct descriptor *d, struct registry_origin *origin, bool blindly,
		       enum registry_sent *ret, struct err *err);

/*
 * A blob that is sent while it is made: *digest and *size are filled by sink_finish(), after which it is there. Sent in
 * pieces that are held in memory, so that a piece can be sent again.
 */
struct sink *registry_put_blob(struct registry *r, struct digest *digest, uint64_t *size, struct err *err);

/*
 * Mount a blob from another repository of the same host; NULL: from wherever the registry finds it. 0: it does not, and
 * nothing else happened.
 */
int registry_mount(struct registry *r, const struct digest *d, const char *from, struct err *err);

/* Ask for the right to read another repository too, so that it can be mounted from. Before the first request. */
void registry_mount_from(struct registry *r, const char *repo);

/* ---- manifests ---- */

/* What a tag or digest ("sha256:...") is: ret's media type (in a), digest and size. */
int registry_head_manifest(struct registry *r, struct arena *a, const char *which, struct descriptor *ret,
			   struct err *err);

/* And its bytes, of any type, appended to *text. ERR_INTEGRITY: not those of its digest. ERR_LIMIT. */
int registry_get_manifest(struct registry *r, struct arena *a, const char *which, struct descriptor *ret,
			  struct buf *text, struct err *err);

/* What became of a manifest that was put. */
struct registry_put {
	bool subject_known; /* the registry keeps referrers itself: nothing is left to do */
	struct digest missing; /* of a failure: a blob that it turned out not to have, where has_missing */
	bool has_missing;
};

/* Under a tag or its own digest. ret may be NULL. Its blobs must be there. */
int registry_put_manifest(struct registry *r, const char *which, const char *media_type, const void *p, size_t n,
			  struct registry_put *ret, struct err *err);

/* All tags, sorted; the list ends with NULL. In a. ERR_LIMIT. 0: there is no such repository. */
int registry_tags(struct registry *r, struct arena *a, const char *const **ret, size_t *n, struct err *err);

/* ---- referrers ---- */

/* A manifest that has another as its subject. */
struct registry_referrer {
	struct descriptor d;
	const char *artifact_type; /* "" where it has none */
};

/*
 * Those of a manifest, of one type or (NULL) all, in a: from the referrers API, or from the tag "sha256-HEX" where there
 * is none. None is no error.
 */
int registry_referrers(struct registry *r, struct arena *a, const struct digest *subject, const char *artifact_type,
		       struct registry_referrer **ret, size_t *n, struct err *err);

/*
 * After registry_put_manifest() of a manifest whose subject the registry did not know: add it to the tag "sha256-HEX" of
 * its subject. Who writes there at the same time may undo it (the spec has no lock), so it is looked at again, and written
 * again if need be.
 */
int registry_add_referrer(struct registry *r, const struct digest *subject, const struct registry_referrer *add,
			  struct err *err);

static inline void registry_freep(struct registry **r)
{
	registry_free(*r);
}

static inline void registry_hub_freep(struct registry_hub **h)
{
	registry_hub_free(*h);
}

#define auto_registry CLEANUP(registry_freep) struct registry
#define auto_registry_hub CLEANUP(registry_hub_freep) struct registry_hub

#endif
