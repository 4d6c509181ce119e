/* objective.c - see objective.h.
 *
 * Every loss but NPO is a sum over tokens of coef * ce, so that all of them fit into one batch. A
 * step with two main examples and a KL term with one looks like this:
 *
 *     sequence       0      1      2
 *     from           main   main   term 0
 *     target         hard   hard   soft
 *     coef           w/n    w/n    w_0/n_0     negative for main under `ascend`
 *
 * Here w is the weight of a loss and n what its mean divides by.
 *
 * NPO is no such sum, but its gradient equals that of one with the coefficients dL/dl_i. They
 * depend on ce, so set_npo_coefficients sets them between the forward and the backward pass.
 */
#include "train/objective.h"

#include "engine/head.h"
#include "train/forward.h"

#include <math.h>
#include <stdlib.h>

/* Return the weight of a feed's data in the objective: the main data's (k = 0), or term k - 1's.
 * Ascent is descent with a negative weight. */
static double weight_of(const sp_tune_opt *o, size_t k)
{
    if (k) return o->terms[k - 1].weight;
    return o->ascend ? -o->weight : o->weight;
}

/* Fill j->batch with the examples of step s of every feed, the main ones first, and set j->n_main.
 * Each feed goes through its own epochs. `mean` is taken within a feed, so that a term's weight
 * does not depend on how many examples the other feeds deal out. */
static void make_batch(sp_objective *j, sp_feed *feeds, int64_t s)
{
    const sp_tune_opt *o = j->o;
    size_t n = 0, n_here;
    sp_seq *seqs = NULL;
    for (size_t k = 0; k <= o->n_terms; k++) {
        const size_t *order = sp_feed_step(&feeds[k], s, &n_here);
        bool soft = k && o->terms[k - 1].kind == SP_TERM_KL;
        seqs = sp_xrealloc(seqs, (n + n_here) * sizeof *seqs);
        sp_seqs_of(seqs + n, feeds[k].data, order, n_here, o->mean, weight_of(o, k), soft);
        n += n_here;
        if (!k) j->n_main = n;
    }
    sp_batch_pack(&j->batch, seqs, n);
    free(seqs);
}

void sp_objective_open(sp_objective *j, const sp_tune_opt *o, sp_feed *feeds, int64_t s)
{
    *j = (sp_objective){.o = o, .loss = NAN};
    make_batch(j, feeds, s);
    const sp_batch *b = &j->batch;
    if (o->ref) j->ref_x = sp_forward_all(o->ref, b);
    if (o->loss != SP_LOSS_NPO) return;
    j->ref_ce = sp_xarray((size_t)b->n, sizeof *j->ref_ce);
    sp_head_loss(o->ref, j->ref_x, b->n, b->target, NULL,
                 &(sp_head_io){.ref = o->ref, .ref_x = j->ref_x, .ce = j->ref_ce});
}

void sp_objective_close(sp_objective *j)
{
    free(j->ref_x);
    free(j->ref_ce);
    sp_batch_free(&j->batch);
}

bool sp_objective_needs_weighing(const sp_objective *j)
{
    return j->o->max_loss > 0 || j->o->loss == SP_LOSS_NPO || j->o->n_terms;
}

/* Return the main cross-entropy in nats from the coefficients, which NPO must not have changed yet.
 * Their sign and weight are taken out again, so that ascent and descent report the same loss. */
static double main_loss(const sp_objective *j, const double *ce)
{
    const sp_batch *b = &j->batch;
    double loss = 0;
    for (int64_t t = 0; t < b->start[j->n_main]; t++)
        loss += fabs((double)b->coef[t]) * ce[t] / j->o->weight;
    return loss;
}

/* l_i: the summed cross-entropy of sequence i. */
static double sum_ce(const sp_batch *b, size_t i, const double *ce)
{
    double sum = 0;
    for (int64_t t = b->start[i]; t < b->start[i + 1]; t++) sum += ce[t];
    return sum;
}

/* Set the coefficient of every scored token of main example i to
 *
 *     dL/dl_i = -(2 w / n) sigmoid(-beta (l_i - l_i,ref))
 *
 * where n is the number of main examples and w the weight of the main loss. A large gap lets exp
 * overflow to infinity, which gives the right limit, 0.
 */
static void set_npo_coefficients(sp_objective *j, const double *ce)
{
    sp_batch *b = &j->batch;
    for (size_t i = 0; i < j->n_main; i++) {
        double gap = sum_ce(b, i, ce) - sum_ce(b, i, j->ref_ce);
        double c = -2 * j->o->weight / (double)j->n_main / (1 + exp(j->o->npo_beta * gap));
        for (int64_t t = b->start[i]; t < b->start[i + 1]; t++)
            b->coef[t] = b->target[t] == SP_NO_TARGET ? 0 : (float)c;
    }
}

bool sp_objective_weigh(sp_objective *j, const double *ce)
{
    j->loss = main_loss(j, ce);
    /* written so that a NaN counts as above the limit */
    if (j->o->max_loss > 0 && !(j->loss <= j->o->max_loss)) return false;
    if (j->o->loss == SP_LOSS_NPO) set_npo_coefficients(j, ce);
    return true;
}

/* Without terms L is the weighted main loss alone, and negative under `ascend`. */
void sp_objective_from_total(sp_objective *j, double total)
{
    j->loss = fabs(total) / j->o->weight;
}
