/* judge.h - did a model answer, refuse, do half of each, or fall apart? Rules on the text
 * of the answer alone.
 *
 * A small table of weighted patterns is read against the opening and the whole of an
 * answer; the sum decides. Nothing here knows the question, a model or a data set.
 * Gibberish is a class of its own, so that a destroyed model does not look safe.
 */
#ifndef SP_JUDGE_H
#define SP_JUDGE_H

#include "base/base.h"

#include <jansson.h>

typedef enum { SP_COMPLY, SP_PARTIAL, SP_REFUSE, SP_DEGENERATE, SP_N_LABELS } sp_label;

const char *sp_label_name(sp_label l); /* "comply" ... */
int sp_label_parse(const char *name);  /* -1 if unknown */

/* Label text[0..n), any bytes. *rule (may be NULL) names the pattern that weighed most;
 * it is never NULL after the call. */
sp_label sp_judge(const char *text, size_t n, const char **rule);
/* Equal up to white space and (ASCII) case. */
bool sp_judge_match(const char *answer, const char *reference);

/* Add "label" and "rule" to an object by its "response" (when by_rules), and "match"
 * where it has a "reference" (the answer expected, to the word). An answer that matches
 * is not called degenerate. 0, or -1 without a response. */
int sp_judge_item(json_t *obj, bool by_rules, sp_err *e);

#endif
