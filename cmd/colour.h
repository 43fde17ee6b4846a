/* Whether colours are for a stream: NO_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM, and whether it is a terminal. */
#ifndef CMD_COLOUR_H
#define CMD_COLOUR_H

#include <stdbool.h>

enum colour { COLOUR_GOOD, COLOUR_WARNING, COLOUR_BAD };

bool colour_wanted(int fd);

/* What is printed before and behind a text. */
const char *colour_begin(enum colour c);
#define COLOUR_END "\033[0m"

#endif
