/* text.h - an output for text (JSON, tables, logs): a FILE that appears under its name
 * complete or not at all (target.h). Dies on failure.
 *
 *     sp_text t;
 *     sp_text_open(&t, path);
 *     fprintf(t.f, ...);
 *     sp_text_finish(&t);
 */
#ifndef SP_TEXT_H
#define SP_TEXT_H

#include "io/target.h"

#include <stdio.h>

typedef struct {
    FILE *f; /* to write to; the caller does not close it */
    sp_target to;
} sp_text;

/* `path`: NULL or "-" = standard output. */
void sp_text_open(sp_text *t, const char *path);
/* Flush, check everything that was written, rename. */
void sp_text_finish(sp_text *t);

#endif
