/* steplog.h - the log of a training run: a JSON line for each step that was done.
 *
 *     {"step":1,"loss":2.31,"lr":1e-05,"grad_norm":0.72,"tokens_per_s":15300}
 */
#ifndef SP_STEPLOG_H
#define SP_STEPLOG_H

#include "base/base.h"

/* All numbers are finite. */
typedef struct {
    int64_t step; /* from 1 */
    double loss;  /* main cross-entropy before the step, nats */
    double lr, grad_norm, tokens_per_s;
} sp_step_record;

typedef struct {
    const char *path; /* borrowed; NULL = no log */
    FILE *f;
} sp_steplog;

/* Open the log of a run that has done `done` steps: its first `done` whole lines stay,
 * and what a kill left after them is cut off. With done = 0 the log begins anew. 0 or -1;
 * release with sp_steplog_close in either case. */
SP_MUST_CHECK int sp_steplog_open(sp_steplog *l, const char *path, int64_t done,
                                  sp_err *e);
void sp_steplog_close(sp_steplog *l);

/* Add a line, which is in the file when the call returns. 0 or -1. */
SP_MUST_CHECK int sp_steplog_put(const sp_steplog *l, const sp_step_record *r, sp_err *e);

#endif
