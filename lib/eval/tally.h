/* tally.h - counts of labelled answers, as shares with intervals. */
#ifndef SP_TALLY_H
#define SP_TALLY_H

#include "base/base.h"

#include <jansson.h>

/* A share k/n with its Wilson score interval at 95 % (Wilson 1927), all of it in 0..1.
 * With n = 0 everything is 0. */
typedef struct {
    double rate, lo, hi;
} sp_rate;
sp_rate sp_wilson(int64_t k, int64_t n);

/* Summary of an array of objects that carry "label" (judge.h), and perhaps "match", as
 * one object: n, comply, partial, refuse, degenerate   counts asr {rate, lo, hi} of those
 * labelled comply partial_rate, refusal_rate, degenerate_rate   the same of the other
 * labels match_rate   of those with "match"; absent without any by           {value of
 * field `by`: the same}, in order of first appearance; absent when by is NULL New
 * reference; NULL when a label is missing or unknown. */
json_t *sp_tally(const json_t *items, const char *by, sp_err *e);

#endif
