#include "cmd/channel_places.h"

#include <pthread.h>

#include "cmd/registries.h"
#include "oci/oci_channel.h"

struct channel_places {
	struct oci_channel oci;
	const struct options *options;
	pthread_mutex_t lock; /* of what follows */
	struct registries registries;
};

static struct registry_hub *open_hub(struct oci_channel *c, struct err *err)
{
	struct channel_places *p = (struct channel_places *)c;
	int rc;

	pthread_mutex_lock(&p->lock);
	rc = registries_open(&p->registries, p->options, err);
	pthread_mutex_unlock(&p->lock);
	return rc < 0 ? NULL : p->registries.hub;
}

struct channel_places *channel_places_new(const struct options *o, struct http *h)
{
	struct channel_places *p = NEW(struct channel_places);

	oci_channel_init(&p->oci, open_hub);
	p->options = o;
	pthread_mutex_init(&p->lock, NULL);
	http_set_place(h, OCI_CHANNEL_SCHEME, &p->oci.base);
	return p;
}

void channel_places_free(struct channel_places *p)
{
	if (!p)
		return;
	registries_release(&p->registries);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
