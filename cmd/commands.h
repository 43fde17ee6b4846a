/* The table of commands, and the commands behind it. Each returns 0, or -1 with err filled. */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

#include "cmd/opt.h"

extern const struct commands commands_all; /* in the order in which they are told */

int cmd_lock(const struct options *o, struct err *err);
int cmd_cache(const struct options *o, struct err *err);
int cmd_mirror(const struct options *o, struct err *err);
int cmd_bundle(const struct options *o, struct err *err);
int cmd_config(const struct options *o, struct err *err);
int cmd_build(const struct options *o, struct err *err);
int cmd_digest(const struct options *o, struct err *err);
int cmd_push(const struct options *o, struct err *err);
int cmd_pull(const struct options *o, struct err *err);
int cmd_copy(const struct options *o, struct err *err);
int cmd_inspect(const struct options *o, struct err *err);
int cmd_diff(const struct options *o, struct err *err);
int cmd_patch(const struct options *o, struct err *err);
int cmd_rebase(const struct options *o, struct err *err);
int cmd_attach(const struct options *o, struct err *err);
int cmd_sbom(const struct options *o, struct err *err);
int cmd_verify(const struct options *o, struct err *err);
int cmd_export_rootfs(const struct options *o, struct err *err);
int cmd_init(const struct options *o, struct err *err);
int cmd_doctor(const struct options *o, struct err *err);
int cmd_completion(const struct options *o, struct err *err);
int cmd_manual(const struct options *o, struct err *err);

#endif
