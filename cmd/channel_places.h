/* Who fetches what is not fetched by http: channels in registries. */
#ifndef CMD_CHANNEL_PLACES_H
#define CMD_CHANNEL_PLACES_H

#include "cmd/opt.h"
#include "fetch/http.h"

struct channel_places;

/* Known to h, which it must outlive, as the options must outlive it. Nothing is read or asked before it is needed. */
struct channel_places *channel_places_new(const struct options *o, struct http *h);

/* After all requests. */
void channel_places_free(struct channel_places *p);

#endif
