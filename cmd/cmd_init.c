#include "cmd/commands.h"
int cmd_init(const struct options *o, struct err *err)
{
	return err_set(err, ERR_BUG, "not yet %zu", o->n_args);
}
