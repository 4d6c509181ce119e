/* progress.c - see progress.h.
 *
 * The line is written over itself: each begins with a carriage return and ends by erasing what an
 * earlier, longer one left behind. Whether it is drawn at all is decided at the start.
 */
#include "base/progress.h"

#include "base/arith.h"
#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <unistd.h>

#define ERASE "\033[K" /* to the end of the line */

void sp_progress_start(sp_progress *p, const char *what, const char *unit, double total)
{
    *p = (sp_progress){.what = what, .unit = unit, .total = total, .t0 = sp_now()};
    if (sp_verbosity < 1 || !isatty(STDERR_FILENO)) p->what = NULL;
}

/* The rate is that since the start, and the time left assumes that it stays. Called far more often
 * than the line is drawn. */
void sp_progress_at(sp_progress *p, double done)
{
    double now = sp_now(), rate = done / SP_MAX(now - p->t0, 1e-9);
    if (!p->what || now - p->last < 0.1) return;
    p->last = now;
    fprintf(stderr, "\r%s: %s %.0f/%.0f %s, %.4g/s, %.0f s left " ERASE, sp_tool, p->what, done,
            p->total, p->unit, rate, rate > 0 ? (p->total - done) / rate : 0.0);
}

void sp_progress_end(sp_progress *p)
{
    if (p->what && p->last > 0) fputs("\r" ERASE, stderr);
}
