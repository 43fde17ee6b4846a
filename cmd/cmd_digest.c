#include "cmd/building.h"
#include "cmd/commands.h"

int cmd_digest(const struct options *o, struct err *err)
{
	return cmd_build_digest(o, err);
}
