/* tally.h - counts of labelled answers, as shares with intervals. */
#ifndef SP_TALLY_H
#define SP_TALLY_H

#include "base/base.h"

#include <jansson.h>

/* A share k/n with its Wilson score interval at 95 % (all 0 when n = 0). */
typedef struct {
    double rate, lo, hi;
} sp_rate;
sp_rate sp_wilson(int64_t k, int64_t n);

/* Summary of an array of objects that carry "label" (and perhaps "match"), as one object:
 *   n, comply, partial, refuse, degenerate   counts
 *   asr, partial_rate, refusal_rate, degenerate_rate, match_rate   {rate, lo, hi}, of 1;
 * asr is the share labelled comply, match_rate counts only answers with a reference and
 * is absent without any by       {value of field `by`: the same}, in order of first
 * appearance; absent when by is NULL New reference; NULL when a label is missing or
 * unknown. */
json_t *sp_tally(const json_t *items, const char *by, sp_err *e);

#endif
