/* examples.h - what is trained on and scored: token ids, and a label for each. */
#ifndef SP_EXAMPLES_H
#define SP_EXAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The label of a token that is not scored. */
enum { SP_UNSCORED = -100 };

/* labels[t] is ids[t] or, in data of the user's, any other id, where the prediction of
 * token t is scored; otherwise SP_UNSCORED. Labels are not shifted: the logits at t
 * predict labels[t + 1], so labels[0] never counts. */
typedef struct {
    int64_t n;       /* tokens */
    int32_t *ids;    /* (n) */
    int32_t *labels; /* (n) */
    bool cut;        /* it was longer, and has lost its end */
} sp_example;

/* Zero-initialise; sp_examples_free releases it with all ids and labels. */
typedef struct {
    size_t n;
    sp_example *ex;  /* (n) */
    uint64_t digest; /* of the bytes of the file they come from */
    size_t cap;
} sp_examples;

/* Append x, whose ids and labels become the list's. */
void sp_examples_add(sp_examples *d, sp_example x);
void sp_examples_free(sp_examples *d);

#endif
