/*
 * What of a machine's set-up will not work: checks that change nothing, each of which finds something to say.
 */
#ifndef CMD_DOCTOR_H
#define CMD_DOCTOR_H

#include "cmd/config.h"
#include "cmd/settings.h"

/* A NOTE may be of interest; what is WRONG will fail a build. */
enum finding_kind { FINDING_OK, FINDING_NOTE, FINDING_WRONG };

struct finding {
	enum finding_kind kind;
	const char *about; /* "cache", "certificates": the check's name, which scripts may look for */
	const char *text; /* a sentence; without credentials */
};

struct doctor {
	struct arena arena;
	const struct options *options;
	struct finding *list; /* in the order of the checks */
	size_t n;
	struct config config; /* of check_configuration(), where that went well */
	bool has_config;
};

void doctor_add(struct doctor *d, enum finding_kind kind, const char *about, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void doctor_release(struct doctor *d);

/* In doctor_machine.c. */
void doctor_cache(struct doctor *d);
void doctor_scratch(struct doctor *d);
void doctor_memory(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_programs(struct doctor *d);
void doctor_namespaces(struct doctor *d);

/* In doctor_net.c. The configuration goes first. */
void doctor_configuration(struct doctor *d);
void doctor_certificates(struct doctor *d);
void doctor_proxies(struct doctor *d);
void doctor_logins(struct doctor *d);
void doctor_channels(struct doctor *d);
void doctor_registries(struct doctor *d);

#endif
