/* target.h - the file behind an output, which appears under its name complete or not at
 * all.
 *
 * A regular file is written under a temporary name in the same directory ("x.st" as
 * "x.st.tmp-4711-0") and renamed when everything is in it. Standard output, devices and
 * FIFOs are written directly. For out.c and text.c; everybody else uses those.
 */
#ifndef SP_TARGET_H
#define SP_TARGET_H

#include "base/error.h"

#include <stdbool.h>

typedef struct {
    int fd;     /* to write to; STDOUT_FILENO itself for standard output, -1 = closed */
    char *name; /* for messages: the path as given, or "standard output" */
    char *path; /* the final name behind symbolic links; NULL: nothing is to be renamed */
    char *tmp;  /* the temporary name, listed for removal (base/cleanup.h), or NULL */
} sp_target;

/* Open the output `path` (NULL or "-" = standard output). 0, or -1 (SP_ESYSTEM); then *t
 * must be given to sp_target_abort. */
SP_MUST_CHECK int sp_target_open(sp_target *t, const char *path, sp_err *e);

/* Close the descriptor (standard output stays open for sp_finish) and give the file its
 * final name; where `ok` is false, remove it instead. *t is empty after that. 0, or -1:
 * ok was false, or closing or renaming failed (SP_ESYSTEM; the file is removed). */
SP_MUST_CHECK int sp_target_close(sp_target *t, bool ok, sp_err *e);

/* Close, remove the temporary file, empty *t. */
void sp_target_abort(sp_target *t);

#endif
