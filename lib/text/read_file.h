/* read_file.h - a whole file in memory. */
#ifndef SP_READ_FILE_H
#define SP_READ_FILE_H

#include "base/error.h"

#include <stddef.h>

/* Read DIR/NAME into *text, with a NUL behind its *n bytes. The caller frees *text, which
 * is NULL unless the result is 1.
 *    1: done
 *    0: there is no such file
 *   -1: it cannot be read, or is longer than 1 GiB (*e) */
int sp_read_file(const char *dir, const char *name, char **text, size_t *n,
                 sp_err *e) SP_MUST_CHECK;

#endif
