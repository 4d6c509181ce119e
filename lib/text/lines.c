/* lines.c - see lines.h. One line is in memory at a time. The digest goes over the bytes as they
 * are in the file, so that it does not depend on what the lines mean. */
#include "text/lines.h"

#include "base/hash.h"
#include "base/memory.h"
#include "io/foreign.h"

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
        if (f) sp_fail(e, SP_EINPUT, "%s: is a directory", path);
        else sp_fail_open(e, path, errno);
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

/* Bytes of white space that s[0..n) begins with. A NUL byte ends them, so that a line with one is
 * not blank. */
static size_t blanks(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && s[i] && strchr(" \t\r\n", s[i])) i++;
    return i;
}

/* Find the next line that is not blank: its text, without a byte order mark in front of the first,
 * goes to *s. Returns as next_line, the bytes of *s. */
static ssize_t next_text(sp_lines *l, const char **s, sp_err *e)
{
    for (;;) {
        ssize_t n = next_line(l, e);
        if (n <= 0) return n;
        size_t mark = l->number == 1 ? sp_bom(l->text, (size_t)n) : 0, rest = (size_t)n - mark;
        *s = l->text + mark;
        if (blanks(*s, rest) < rest) return (ssize_t)rest;
    }
}

/* Why s[0..n) is no object: `v` is what it is, NULL = nothing, for the reason `why`. Files in other
 * forms of JSON are common, and what to do about them is said. */
static void refuse(const sp_lines *l, const char *s, size_t n, const json_t *v,
                   const json_error_t *why, sp_err *e)
{
    static const char wanted[] = "JSON lines are wanted, one object a line";
    const char *foreign = l->number == 1 ? sp_foreign(s, n) : NULL;
    char first = s[blanks(s, n)];
    bool whole = s[n - 1] == '\n'; /* the line, not the file, ends here */
    if (foreign) sp_fail(e, SP_EINPUT, "%s: not JSON lines but %s", l->name, foreign);
    else if (first == '[')
        sp_fail(e, SP_EINPUT, "%s: line %zu: a JSON array: %s (jq -c '.[]' makes them of it)",
                l->name, l->number, wanted);
    else if (v) sp_fail(e, SP_EINPUT, "%s: line %zu: not a JSON object", l->name, l->number);
    else if (first == '{' && whole && json_error_code(why) == json_error_premature_end_of_input)
        sp_fail(e, SP_EINPUT,
                "%s: line %zu: the object goes on in the next line: %s (jq -c . makes them of it)",
                l->name, l->number, wanted);
    else sp_fail(e, SP_EINPUT, "%s: line %zu: %s", l->name, l->number, why->text);
}

/* Strings may hold an escaped NUL (JSON_ALLOW_NUL), because a text to be tokenized may. A reader
 * that needs a C string has to refuse it itself. */
int sp_lines_next(sp_lines *l, json_t **obj, sp_err *e)
{
    json_error_t why;
    const char *s;
    *obj = NULL;
    ssize_t n = next_text(l, &s, e);
    if (n <= 0) return (int)n;
    json_t *v = json_loadb(s, (size_t)n, JSON_ALLOW_NUL, &why);
    if (json_is_object(v)) {
        *obj = v;
        return 1;
    }
    refuse(l, s, (size_t)n, v, &why, e);
    json_decref(v);
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
