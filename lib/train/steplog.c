/* steplog.c - see steplog.h. */
#include "train/steplog.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static int fail(const sp_steplog *l, sp_err *e)
{
    return sp_fail(e, SP_ESYSTEM, "%s: %s", l->path, strerror(errno));
}

/* Where the first `lines` whole lines end, or fewer if there are fewer. */
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
    l->f = fopen(path, done ? "r+" : "w");
    if (!l->f && done && errno == ENOENT) l->f = fopen(path, "w");
    if (!l->f) return fail(l, e);
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
    return fflush(l->f) ? fail(l, e) : 0;
}
