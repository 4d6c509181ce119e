/* must.h - what a main wants done, or the program over: calls that end it with their
 * message where something is wrong. For the mains of tools only.
 */
#ifndef SP_MUST_H
#define SP_MUST_H

#include "base/base.h"

#include <jansson.h>

/* Die of *e unless rc, the result of a call that may have filled it, is 0 or more. */
static inline void sp_must(int rc, const sp_err *e)
{
    if (rc < 0) sp_die_err(e);
}

/* Hand every object of a JSONL file ("-" = standard input) to `each`, which owns it then
 * and returns 0, or -1 to refuse it: the message names the line. A file without any
 * object is an error. */
void sp_must_each(const char *path, int (*each)(void *self, json_t *obj, sp_err *e),
                  void *self);

/* Write an object as a JSON line, or each element of an array as one, to a file (NULL or
 * "-" = standard output), which appears complete or not at all. */
void sp_must_write(const char *path, const json_t *o);

#endif
