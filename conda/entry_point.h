/*
 * Commands that a noarch python package asks for (CEP 34 link.json): "cmd =
 * module:function" becomes a script bin/cmd that calls it.
 */
#ifndef CONDA_ENTRY_POINT_H
#define CONDA_ENTRY_POINT_H

#include "conda/package.h"

/*
 * Strings in a. ERR_FORMAT where cmd is no plain file name, or module or function no
 * dotted identifier: they become a path and python code.
 */
int entry_point_parse(struct arena *a, const char *text, struct entry_point *ret, struct err *err);

/* The script, appended to *ret: byte for byte what conda and mamba write. interpreter is absolute. */
void entry_point_script(const struct entry_point *e, const char *interpreter, struct buf *ret);

#endif
