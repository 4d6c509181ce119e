/* rules.h - signs of a refusal and of an answer: a table of weighted patterns that are
 * tried on the text of an answer.
 *
 * Refusals weigh more than zero: "I cannot help with that" is enough by itself, moral
 * remarks must come in numbers. Signs of an answer (steps, a list, code) weigh less than
 * zero. To add a rule is to add a line to the table in rules.c.
 */
#ifndef SP_RULES_H
#define SP_RULES_H

#include "base/base.h"

/* An answer in plain form (plain.h), in the parts that rules are tried on. Borrowed. */
typedef struct {
    const char *all, *start;
    size_t n_all;   /* bytes of the whole answer */
    size_t n_start; /* bytes from `start` on: what follows the courtesies at its front */
    size_t n_head;  /* bytes of the first sentences from `start` on */
} sp_answer_parts;

/* What the rules that fire add up to. */
typedef struct {
    double sum;
    double max;               /* the largest weight among them, at least 0 */
    const char *most, *least; /* the rules of largest and of smallest weight; "no refusal"
                                 when none is above, or below, zero */
} sp_rules_sum;
sp_rules_sum sp_rules_weigh(const sp_answer_parts *a);

/* Weight of the rule that leaves no doubt: a refusal was spoken, whatever comes after it.
 */
#define SP_NO_DOUBT 2.5

/* Patterns that have no weight. */
typedef enum {
    SP_COURTESY,  /* an opening that says nothing either way, a mark, a speaker's name */
    SP_AFTER_ALL, /* after a refusal: what was asked for comes all the same */
    SP_NO_SUCH_THING, /* after a refusal: there was nothing to refuse */
    SP_NO_ACCESS,     /* at the start: a lack of knowledge, not of will */
    SP_PRIVACY,       /* talk of privacy */
    SP_N_PATTERNS
} sp_pattern;

/* Where the first match in s[0..n) ends, 0 when there is none. */
size_t sp_pattern_end(sp_pattern which, const char *s, size_t n);

/* Patterns are compiled with the first call, which therefore must not be made from two
 * threads at a time. */

#endif
