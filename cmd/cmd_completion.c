#include <stdio.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/completion.h"

int cmd_completion(const struct options *o, struct err *err)
{
	static const struct {
		const char *name;
		void (*write)(const struct commands *all, struct buf *ret);
	} shells[] = {
		{ "bash", completion_bash },
		{ "zsh", completion_zsh },
		{ "fish", completion_fish },
	};

	for (size_t i = 0; i < COUNT(shells); i++) {
		auto_buf text = { 0 };

		if (strcmp(o->args[0], shells[i].name) != 0)
			continue;
		shells[i].write(o->commands, &text);
		fputs(text.p, stdout);
		return 0;
	}
	return err_set(err, ERR_USAGE, "there is no completion for '%s', expected bash, zsh or fish", o->args[0]);
}
