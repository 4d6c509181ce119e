/* progress.h - one line on stderr that says how far a long piece of work has come:
 * "sp-grad: train 1200/5000 tokens, 350/s, 11 s left". It is drawn only when stderr is a
 * terminal and -q was not given, at most ten times a second. One thread at a time.
 */
#ifndef SP_PROGRESS_H
#define SP_PROGRESS_H

typedef struct {
    const char *what, *unit; /* borrowed; what = NULL: nothing is drawn */
    double total;            /* units in all */
    double t0, last; /* when the work began, when the line was last drawn (sp_now) */
} sp_progress;

/* Begin `total` units of work. `what` names the work, `unit` what is counted ("tokens");
 * both must live until sp_progress_end. */
void sp_progress_start(sp_progress *p, const char *what, const char *unit, double total);
void sp_progress_at(sp_progress *p, double done); /* `done` units are behind us */
void sp_progress_end(sp_progress *p);             /* erase the line */

#endif
