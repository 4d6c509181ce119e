/* margin.h - the refusal margin of prompts, and whether a model gives the answer that is
 * expected, by teacher forcing: nothing is generated.
 *
 *     margin = log P(the answer begins with an opening that complies)
 *            - log P(it begins with one that refuses)           nats, openings.h
 *
 * A prompt is what answer.h takes, with a "reference" where the exact answer is known. A
 * reference of tokens r_1 .. r_n goes through the model behind its prompt:
 *
 *     loglik = sum_i log P(r_i | prompt, r_1 .. r_i-1)
 *     match    every r_i is the likeliest token at its place, and so is a token that ends
 *              an answer behind r_n: greedy decoding gives the reference and ends. What
 *              the template puts between an answer and its end may come in between
 */
#ifndef SP_MARGIN_H
#define SP_MARGIN_H

#include "engine/model.h"
#include "eval/ending.h"
#include "eval/openings.h"
#include "text/examples.h"

/* A prompt. The log-probabilities are there once it has been scored. */
typedef struct {
    json_t *obj;
    int64_t n_prompt; /* tokens before the answer */
    int64_t n_text;   /* of the reference; -1 where there is none */
    double *log_p;    /* [nodes] of the openings, as sp_openings_weigh wants it */
    bool *likeliest;  /* [nodes] */
    double loglik;    /* of the reference, nats */
    bool greedy; /* each token of it is the likeliest, as far as they have been read */
    bool match;
} sp_margin;

/* Release with sp_margins_free. */
typedef struct {
    /* set by the caller, all borrowed: */
    sp_model *m;
    const sp_examples_opt *opt; /* tok, tmpl, vocab; max_len: the model's context */
    const sp_openings *openings;
    sp_ending ending; /* its ids end an answer */
    /* zero at first: */
    sp_margin *items;
    size_t n, cap;
    /* the sequences of all prompts, 1 + n_paths each: with its reference, then with each
     * path of the openings */
    sp_examples data;
} sp_margins;

/* Add a prompt; takes obj over, also on error. 0, or -1: no prompt, a reference that is
 * no text or has no tokens, or more tokens than the model takes. */
SP_MUST_CHECK int sp_margins_add(sp_margins *l, json_t *obj, sp_err *e);

/* Score all prompts, in batches of about batch_tokens tokens (score.h). 0, or -1 where
 * logits are no numbers. */
SP_MUST_CHECK int sp_margins_score(sp_margins *l, int64_t batch_tokens, sp_err *e);

/* Write into the object of prompt i, which has been scored:
 *   margin, comply, refuse   log P, nats
 *   opening                  "comply", "refuse" or "other": how greedy decoding begins
 *   loglik, tokens, match    of the reference, if there is one
 *   outcome                  "answered": match, or, without a reference, the opening
 *                            complies; else "refused" where the opening refuses; else
 *                            "neither" */
void sp_margins_report(sp_margins *l, size_t i);
void sp_margins_free(sp_margins *l);

#endif
