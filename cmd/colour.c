#include "cmd/colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/config.h"

/* no-color.org and bixense.com/clicolors, in their order: who says no is heard first. */
bool colour_wanted(int fd)
{
	const char *force = config_variable("CLICOLOR_FORCE"), *wish = config_variable("CLICOLOR");
	const char *term = config_variable("TERM");

	if (config_variable("NO_COLOR"))
		return false;
	if (force && strcmp(force, "0") != 0)
		return true;
	if (wish && strcmp(wish, "0") == 0)
		return false;
	return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

const char *colour_begin(enum colour c)
{
	switch (c) {
	case COLOUR_GOOD:
		return "\033[32m";
	case COLOUR_WARNING:
		return "\033[33m";
	case COLOUR_BAD:
		return "\033[1;31m";
	}
	return "";
}
