/* read_file.h - a whole file in memory, and the JSON in one.
 *
 * A byte order mark in front is stepped over. A file that is known to be something else
 * (foreign.h), and a link to a file that is not there, are errors.
 */
#ifndef SP_READ_FILE_H
#define SP_READ_FILE_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

/* Read DIR/NAME into *text, with a NUL behind its *n bytes. The caller frees *text, which
 * is NULL unless the result is 1.
 *    1: done
 *    0: there is no such file
 *   -1: it cannot be read, or is longer than 1 GiB (*e) */
int sp_read_file(const char *dir, const char *name, char **text, size_t *n,
                 sp_err *e) SP_MUST_CHECK;

/* Parse the file `path` into *json, a new reference, NULL unless the result is 1. `flags`
 * are jansson's.
 *    1: done
 *    0: there is no such file
 *   -1: it cannot be read, has more than 100 MB, or is not JSON (*e, with the line) */
int sp_read_json(const char *path, size_t flags, json_t **json, sp_err *e) SP_MUST_CHECK;

#endif
