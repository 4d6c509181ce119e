/* perf.h - what the benchmarks share: a figure and its bound, measured in turn so that
 * both see the same machine. */
#ifndef SP_BENCH_H
#define SP_BENCH_H

#include "base/base.h"

#include <stdlib.h>

#define RUNS 5

static inline int bench_ascending(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) -
           (*(const double *)a < *(const double *)b);
}

static inline double bench_median(double *x)
{
    qsort(x, RUNS, sizeof *x, bench_ascending);
    return x[RUNS / 2];
}

/* The median seconds of `what` and of `bound`, and of bound / what in percent. Both run
 * once before anything counts; the bound runs before and after each time. */
typedef struct {
    double seconds, bound, ratio;
} bench_result;

static inline bench_result bench_compare(double (*what)(void *), double (*bound)(void *),
                                         void *ctx)
{
    double s[RUNS], b[RUNS], r[RUNS];
    what(ctx);
    double before = bound(ctx), after;
    for (int i = 0; i < RUNS; i++, before = after) {
        s[i] = what(ctx);
        after = bound(ctx);
        b[i] = (before + after) / 2;
        r[i] = 100 * b[i] / s[i];
    }
    return (bench_result){bench_median(s), bench_median(b), bench_median(r)};
}

/* One line of the table: figure, value, bound, ratio, target. */
static inline void bench_print(const char *figure, const char *value, const char *bound,
                               double percent, const char *target)
{
    printf("%-34s %-28s %-34s %5.0f %%   %s\n", figure, value, bound, percent, target);
    fflush(stdout);
}

#endif
