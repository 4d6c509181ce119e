/* lines.h - a reader of JSON lines. */
#ifndef SP_LINES_H
#define SP_LINES_H

#include "base/base.h"

#include <jansson.h>

typedef struct sp_lines sp_lines;
sp_lines *sp_lines_open(const char *path, sp_err *e);
/* Next object: 1 and *obj (owned by the caller, json_decref), 0 at the clean end, -1 on
 * error. Blank lines are skipped.
 */
int sp_lines_next(sp_lines *l, json_t **obj, sp_err *e);
/* 1-based number of the line last returned */
size_t sp_lines_number(const sp_lines *l);
uint64_t sp_lines_digest(const sp_lines *l); /* of all bytes read so far */
void sp_lines_close(sp_lines *l);

#endif
