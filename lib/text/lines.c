/* lines.c - see lines.h. One line is in memory at a time. The digest goes over the bytes as they
 * are in the file, so that it does not depend on what the lines mean. */
#include "text/lines.h"

#include "base/hash.h"
#include "base/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* name is the path or "standard input". number counts all lines that have been read, blank ones
 * too, so that it agrees with the user's editor. digest is the hash of all their bytes, newlines
 * included. */
struct sp_lines {
    FILE *f;
    char *name; /* for messages */
    char *text; /* of the current line, (cap) */
    size_t cap, number;
    uint64_t digest;
};

/* fopen takes a directory, and only reading it fails, with a message that names no cause. */
static bool is_directory(FILE *f)
{
    struct stat st;
    return fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode);
}

sp_lines *sp_lines_open(const char *path, sp_err *e)
{
    bool std = !strcmp(path, "-");
    FILE *f = std ? stdin : fopen(path, "r");
    if (!f || is_directory(f)) {
        sp_fail(e, SP_EINPUT, "%s: %s", path, f ? "is a directory" : strerror(errno));
        if (f && !std) fclose(f);
        return NULL;
    }
    sp_lines *l = sp_xcalloc(1, sizeof *l);
    l->f = f;
    l->name = sp_xstrdup(std ? "standard input" : path);
    l->digest = SP_HASH0;
    return l;
}

/* Read the next line into l->text.
 *   > 0: its bytes
 *     0: the file has ended
 *    -1: error */
static ssize_t next_line(sp_lines *l, sp_err *e)
{
    errno = 0; /* getline leaves it alone at the end of the file */
    ssize_t n = getline(&l->text, &l->cap, l->f);
    if (n < 0 && ferror(l->f)) return sp_fail(e, SP_ESYSTEM, "%s: %s", l->name, strerror(errno));
    if (n < 0 && !feof(l->f)) /* neither an error of the file nor its end: no memory for the line */
        return sp_fail(e, SP_ESYSTEM, "%s: line %zu: out of memory", l->name, l->number + 1);
    if (n < 0) return 0;
    l->number++;
    l->digest = sp_hash(l->digest, l->text, (size_t)n);
    return n;
}

/* Stops at the NUL that getline puts behind the line. A NUL byte inside the line ends the scan
 * before n, so such a line is not blank. */
static bool is_blank(const char *s, size_t n) { return strspn(s, " \t\r\n") == n; }

/* Strings may hold an escaped NUL (JSON_ALLOW_NUL), because a text to be tokenized may. A reader
 * that needs a C string has to refuse it itself. */
int sp_lines_next(sp_lines *l, json_t **obj, sp_err *e)
{
    json_error_t why;
    ssize_t n;
    *obj = NULL;
    do n = next_line(l, e);
    while (n > 0 && is_blank(l->text, (size_t)n));
    if (n <= 0) return (int)n;
    *obj = json_loadb(l->text, (size_t)n, JSON_ALLOW_NUL, &why);
    if (*obj && json_is_object(*obj)) return 1;
    sp_fail(e, SP_EINPUT, "%s: line %zu: %s", l->name, l->number,
            *obj ? "not a JSON object" : why.text);
    json_decref(*obj);
    *obj = NULL;
    return -1;
}

size_t sp_lines_number(const sp_lines *l) { return l->number; }
uint64_t sp_lines_digest(const sp_lines *l) { return l->digest; }

/* Standard input stays open: sp_lines_open has not opened it. */
void sp_lines_close(sp_lines *l)
{
    if (!l) return;
    if (l->f != stdin) fclose(l->f);
    free(l->name);
    free(l->text);
    free(l);
}
