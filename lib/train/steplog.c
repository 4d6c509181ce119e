/* steplog.c - see steplog.h.
 *
 * A log may be ahead of the state from which a run resumes, because steps are logged at once and
 * saved from time to time. Such lines are cut off, and the steps done again write them again. For a
 * state with 2 steps done:
 *
 *     {"step":1, ...}     stays
 *     {"step":2, ...}     stays
 *     {"step":3, ...}     is cut off
 *     {"ste               is cut off: a kill came in the middle of the line
 */
#include "train/steplog.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* The error of a failed call on the log, from errno. Gives -1. */
static int fail(const sp_steplog *l, sp_err *e)
{
    return sp_fail(e, SP_ESYSTEM, "%s: %s", l->path, strerror(errno));
}

/* Return the offset at which the first `lines` whole lines end, or fewer if there are fewer. A line
 * that sp_steplog_put writes is far shorter than the buffer. */
static long end_of_lines(FILE *f, int64_t lines)
{
    char line[512];
    long end = 0;
    for (int64_t i = 0; i < lines && fgets(line, sizeof line, f) && strchr(line, '\n'); i++)
        end = ftell(f);
    return end;
}

int sp_steplog_open(sp_steplog *l, const char *path, int64_t done, sp_err *e)
{
    *l = (sp_steplog){.path = path};
    if (!path) return 0;
    /* "w" empties a log of another run; "r+" keeps the lines, but does not make a file */
    l->f = fopen(path, done ? "r+" : "w");
    if (!l->f && done && errno == ENOENT) l->f = fopen(path, "w");
    if (!l->f) return fail(l, e);
    /* on an error l->f stays open for sp_steplog_close */
    long keep = end_of_lines(l->f, done);
    if (fseek(l->f, keep, SEEK_SET) < 0 || ftruncate(fileno(l->f), keep) < 0) return fail(l, e);
    return 0;
}

void sp_steplog_close(sp_steplog *l)
{
    if (l->f) fclose(l->f);
}

int sp_steplog_put(const sp_steplog *l, const sp_step_record *r, sp_err *e)
{
    if (!l->f) return 0;
    fprintf(l->f,
            "{\"step\":%" PRId64
            ",\"loss\":%.9g,\"lr\":%.9g,\"grad_norm\":%.9g,\"tokens_per_s\":%.6g}\n",
            r->step, r->loss, r->lr, r->grad_norm, r->tokens_per_s);
    /* flush each line: a kill must not take lines of steps that a saved state counts as done */
    return fflush(l->f) ? fail(l, e) : 0;
}
