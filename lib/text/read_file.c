/* read_file.c - see read_file.h. Files are read, not mapped, because their users want a NUL at the
 * end and may change the text. */
#include "text/read_file.h"

#include "base/arith.h"
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_BYTES (1u << 30)

/* Bytes to make room for at first: the file's size, the NUL, and one more, so that the end is seen
 * without growing. Pipes and the like have no size. */
static size_t first_room(FILE *f)
{
    struct stat st;
    if (fstat(fileno(f), &st) || st.st_size <= 0) return 1 << 16;
    return (size_t)SP_MIN(st.st_size, MAX_BYTES) + 2;
}

/* Read all of f. *text gets the bytes with a NUL behind them, also when the result is -1; the
 * caller frees it. *n is their number.
 *
 * The loop ends when fread gives nothing (the end of the file, or an error) or when 1 GiB has been
 * read. A file of exactly 1 GiB has been read to its end by then, so feof tells it from a longer
 * one. 1, or -1. */
static int read_all(FILE *f, const char *path, char **text, size_t *n, sp_err *e)
{
    size_t cap = 0, room = first_room(f), got;
    char *p = NULL;
    *n = 0;
    do { /* two bytes are free: one to read into, one for the NUL */
        if (cap - *n < 2) p = sp_xrealloc(p, cap = SP_MAX(2 * cap, room));
        got = fread(p + *n, 1, cap - *n - 1, f);
        *n += got;
    } while (got && *n < MAX_BYTES);
    p[*n] = 0;
    *text = p;
    if (ferror(f)) return sp_fail(e, SP_ESYSTEM, "%s: %s", path, strerror(errno));
    return feof(f) ? 1 : sp_fail(e, SP_EINPUT, "%s: longer than 1 GiB", path);
}

/* ENOENT and ENOTDIR say that the file is not there, which is no error. Any other failure to open
 * it is one: a file without read permission must not pass for an absent file. */
int sp_read_file(const char *dir, const char *name, char **text, size_t *n, sp_err *e)
{
    char *path = sp_xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    int why = errno, rc = 0;
    *text = NULL;
    if (f) {
        rc = read_all(f, path, text, n, e);
        fclose(f);
    } else if (why != ENOENT && why != ENOTDIR)
        rc = sp_fail(e, SP_EINPUT, "%s: %s", path, strerror(why));
    free(path);
    if (rc == 1) return 1;
    free(*text);
    *text = NULL;
    return rc;
}
