/* Whether a lock still answers the questions that are asked now. */
#ifndef CMD_LOCK_CHECK_H
#define CMD_LOCK_CHECK_H

#include "cmd/question.h"

/* ERR_FORMAT with the first difference that can be told. path is for the sentence. */
int lock_check(const struct lock *l, const char *path, const struct question *questions, size_t n, struct err *err);

#endif
