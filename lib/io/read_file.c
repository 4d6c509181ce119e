/* read_file.c - see read_file.h. Files are read, not mapped, because their users want a NUL at the
 * end and may change the text. */
#include "io/read_file.h"

#include "base/arith.h"
#include "base/memory.h"
#include "io/foreign.h"
#include "io/input.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_BYTES (1u << 30)
#define MAX_JSON  (100u << 20) /* bytes: a tree takes a multiple of the text */

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
    if (ferror(f)) return sp_fail(e, sp_open_code(errno), "%s: %s", path, strerror(errno));
    return feof(f) ? 1 : sp_fail(e, SP_EINPUT, "%s: longer than 1 GiB", path);
}

/* What is left of the n bytes without a byte order mark. */
static size_t drop_bom(char *text, size_t n)
{
    size_t mark = sp_bom(text, n);
    if (mark) memmove(text, text + mark, n - mark + 1);
    return n - mark;
}

/* sp_read_file by one path. A file that is not there (ENOENT, ENOTDIR) is no error. Any other
 * failure to open it is one: neither a file without read permission nor a link to nothing may pass
 * for an absent file. */
static int read_path(const char *path, char **text, size_t *n, sp_err *e)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    *text = NULL;
    if (!f) {
        int why = errno;
        bool absent = why == ENOTDIR || (why == ENOENT && lstat(path, &st) < 0);
        return absent ? 0 : sp_fail_open(e, path, why);
    }
    int rc = read_all(f, path, text, n, e);
    fclose(f);
    const char *foreign = rc == 1 ? sp_foreign(*text, *n) : NULL;
    if (foreign) rc = sp_fail(e, SP_EINPUT, "%s: is %s", path, foreign);
    if (rc == 1) *n = drop_bom(*text, *n);
    if (rc == 1) return 1;
    free(*text);
    *text = NULL;
    return -1;
}

int sp_read_file(const char *dir, const char *name, char **text, size_t *n, sp_err *e)
{
    char *path = sp_xasprintf("%s/%s", dir, name);
    int rc = read_path(path, text, n, e);
    free(path);
    return rc;
}

int sp_read_json(const char *path, size_t flags, json_t **json, sp_err *e)
{
    json_error_t why;
    char *text;
    size_t n;
    *json = NULL;
    int rc = read_path(path, &text, &n, e);
    if (rc <= 0) return rc;
    if (n > MAX_JSON) sp_fail(e, SP_EINPUT, "%s: too large", path);
    else if (!(*json = json_loadb(text, n, flags, &why)))
        sp_fail(e, SP_EINPUT, "%s: line %d: %s", path, why.line, why.text);
    free(text);
    return *json ? 1 : -1;
}
