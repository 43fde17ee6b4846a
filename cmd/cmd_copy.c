#include "cmd/commands.h"
#include "cmd/transfer.h"

int cmd_copy(const struct options *o, struct err *err)
{
	auto_registries r = { 0 };
	auto_arena a = { 0 };
	struct dest from, to;

	if (registries_place(&r, o, &a, o->args[0], &from, err) < 0 ||
	    registries_place(&r, o, &a, o->args[1], &to, err) < 0)
		return -1;
	return transfer_run(o, &a, &from, &to, err);
}
