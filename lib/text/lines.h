/* lines.h - a reader of JSON lines: one object a line, blank lines between them are
 * passed over, and so is a byte order mark in front. */
#ifndef SP_LINES_H
#define SP_LINES_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sp_lines sp_lines;

/* Open a file ("-" = standard input). NULL with *e set when it cannot be read. */
sp_lines *sp_lines_open(const char *path, sp_err *e) SP_MUST_CHECK;
/* Read the next object.
 *    1: it is in *obj, a new reference
 *    0: the file has ended
 *   -1: not a JSON object, or the file cannot be read; *e names the line and, where the
 *       file is JSON in another form or no text at all, says what is wanted */
int sp_lines_next(sp_lines *l, json_t **obj, sp_err *e) SP_MUST_CHECK;
/* Number of the line that was read last, from 1 on; 0 before the first. */
size_t sp_lines_number(const sp_lines *l);
/* Digest (hash.h) of all bytes read so far, blank lines included. */
uint64_t sp_lines_digest(const sp_lines *l);
void sp_lines_close(sp_lines *l); /* NULL is fine */

#endif
