/* tune.c - see tune.h.
 *
 * The loop does a step, logs it, and saves a state when one is due:
 *
 *     sp_tune
 *       open_feeds         the data, and how many steps there are
 *       train              masters, memory, state, log, in this order
 *         loop
 *           do_step        objective.h makes the batch, grad.h runs it
 *             update       called back with each gradient: changes the parameter at once
 *
 * Whatever is random in a step (order, fraction, rounding) is a function of the seed and of the
 * step or epoch. A run that resumes from a state therefore does the same steps as one that was
 * never stopped.
 */
#include "train/tune.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/philox.h"
#include "base/progress.h"
#include "base/capacity.h"
#include "tensor/vec.h"
#include "train/footprint.h"
#include "train/grad.h"
#include "train/masters.h"
#include "train/objective.h"
#include "train/state.h"
#include "train/steplog.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A run. Model, options and data are borrowed; close_trainer releases everything else. */
typedef struct {
    sp_model *model;
    const sp_tune_opt *o;
    sp_feed *feeds;      /* [1 + n_terms] the main data, then the terms' */
    int64_t total, next; /* steps of the run; the next one, from 0 */
    char *fingerprint;
    sp_masters masters;
    sp_state state;
    sp_steplog log;
    sp_grad_buffers *buffers;
} trainer;

/* ---- one step ------------------------------------------------------------------------- */

/* A step under way; the `self` of the two callbacks. */
typedef struct {
    trainer *t;
    sp_objective objective;
    double lr;
    size_t arrived; /* parameters updated so far: they arrive in the order of the masters */
    double norm2;   /* squared norm of the gradients of all of them */
} step;

/* Does this parameter change in this epoch? Half fine-tuning trains a random share of the
 * parameters, drawn anew for each epoch of the main data. sp_objective_open has set that feed to
 * the epoch. */
static bool is_trained(const trainer *t, const sp_param *p)
{
    if (t->o->fraction >= 1) return true;
    return sp_rand_unit(t->o->seed, sp_hash(SP_HASH0, p->name, strlen(p->name)),
                        (uint64_t)t->feeds[0].epoch) < t->o->fraction;
}

/* sp_grad_job.emit: update parameter p, of which this is the whole gradient g (rows, cols). It
 * never comes in blocks, because nothing is made per example. The norm counts all gradients, those
 * of parameters that are not trained in this epoch too. Weight decay is for matrices, which have
 * more than one column. */
static int update(void *self, sp_param *p, int64_t row, int64_t rows, float *g, sp_err *e)
{
    (void)row, (void)rows, (void)e;
    step *s = self;
    trainer *t = s->t;
    size_t i = s->arrived++, n = sp_numel(p);
    sp_model_own(t->model, p); /* the master comes into being with the first step */
    float *w = p->own;
    s->norm2 += sp_dot(g, g, n);
    if (is_trained(t, p))
        sp_optim_step(&t->o->optim, w, g, &t->masters.v[i].mo, n, s->lr, t->next + 1, p->cols > 1);
    sp_master_release(&t->masters, i);
    return 0;
}

/* sp_grad_job.weigh: pass the cross-entropies, ce (N), on to the objective. */
static bool weigh(void *self, const double *ce)
{
    return sp_objective_weigh(&((step *)self)->objective, ce);
}

/* Run forward and backward on the step's batch, with the updates in between. The objective's loss
 * is set by `weigh`, or from L after the run. Weighing costs a pass over the head, so it is done
 * only where needed. */
static sp_grad_end run_step(step *s, sp_err *e)
{
    const trainer *t = s->t;
    double total = 0;
    bool weighing = sp_objective_needs_weighing(&s->objective);
    sp_grad_job job = {.buffers = t->buffers,
                       .all = t->o->all,
                       .emit = update,
                       .weigh = weighing ? weigh : NULL,
                       .self = s,
                       .ref = t->o->ref,
                       .ref_x = s->objective.ref_x};
    sp_grad_end end = sp_grad_run(t->model, &s->objective.batch, &job, &total, e);
    if (!weighing) sp_objective_from_total(&s->objective, total);
    return end;
}

/* Fail when the loss or the norm is no finite number. A run that declined has norm 0 here. 0 or
 * -1. */
static int check_finite(const step *s, sp_err *e)
{
    double loss = s->objective.loss, norm = sqrt(s->norm2);
    if (isfinite(loss) && isfinite(norm)) return 0;
    return sp_fail(e, SP_EINPUT,
                   "step %" PRId64 ": loss %g, gradient norm %g: training has diverged",
                   s->t->next + 1, loss, norm);
}

/* Write the step's line; `seconds` is how long it took. 0 or -1. */
static int log_step(const step *s, double seconds, sp_err *e)
{
    sp_step_record r = {.step = s->t->next + 1,
                        .loss = s->objective.loss,
                        .lr = s->lr,
                        .grad_norm = sqrt(s->norm2),
                        .tokens_per_s = (double)s->objective.batch.n / seconds};
    return sp_steplog_put(&s->t->log, &r, e);
}

typedef enum {
    STEP_FAILED = -1, /* *e says why */
    STEP_DONE,
    STEP_CAPPED /* the loss is above max_loss: nothing was changed, training ends */
} step_end;

/* Do step t->next. It is checked before it is logged: a log holds only steps that were done, and
 * numbers that are none are no JSON either. */
static step_end do_step(trainer *t, sp_err *e)
{
    step s = {.t = t,
              .lr = t->o->lr * sp_schedule_at(t->o->schedule, t->next, t->o->warmup, t->total)};
    double t0 = sp_now();
    sp_objective_open(&s.objective, t->o, t->feeds, t->next);
    sp_grad_end end = run_step(&s, e);
    bool done = end == SP_GRAD_DONE;
    int rc = end == SP_GRAD_ERROR ? -1 : check_finite(&s, e);
    if (rc == 0 && done) rc = log_step(&s, sp_now() - t0, e);
    else if (rc == 0)
        sp_note("step %" PRId64 ": loss %.4g is above --max-loss %.4g, stopping", t->next + 1,
                s.objective.loss, t->o->max_loss);
    sp_objective_close(&s.objective);
    if (rc < 0) return STEP_FAILED;
    t->next += done;
    return done ? STEP_DONE : STEP_CAPPED;
}

/* ---- the loop ------------------------------------------------------------------------- */

/* Do steps until the last one or until one is declined. If states are kept, the last step is always
 * followed by one, so that a finished run can be recognised. Reaching max_loss is a success. 0 or
 * -1. */
static int loop(trainer *t, sp_err *e)
{
    sp_progress progress;
    step_end end = STEP_DONE;
    double saved = sp_now();
    sp_progress_start(&progress, t->o->ascend ? "ascent" : "descent", "steps", (double)t->total);
    while (end == STEP_DONE && t->next < t->total) {
        end = do_step(t, e);
        bool due = sp_now() - saved >= t->o->save_every || t->next == t->total;
        if (end == STEP_DONE && t->state.path && due) {
            if (sp_state_save(&t->state, t->next, e) < 0) end = STEP_FAILED;
            saved = sp_now();
        }
        sp_progress_at(&progress, (double)t->next);
    }
    sp_progress_end(&progress);
    return end == STEP_FAILED ? -1 : 0;
}

/* ---- before the first step ------------------------------------------------------------ */

/* Open a feed for the main data and for each term, and set t->total. An epoch is one of the main
 * data. */
static void open_feeds(trainer *t, const sp_examples *data)
{
    const sp_tune_opt *o = t->o;
    size_t per_step = (size_t)(o->batch * o->accumulate);
    t->feeds = sp_xcalloc(1 + o->n_terms, sizeof *t->feeds);
    for (size_t k = 0; k <= o->n_terms; k++)
        sp_feed_open(&t->feeds[k], k ? &o->terms[k - 1].data : data, per_step, o->shuffle, o->seed);
    t->total = o->steps ? o->steps : o->epochs * sp_feed_steps(&t->feeds[0]);
}

/* Return the tokens of the largest step of the first epoch; *longest gets those of the longest
 * example in it. With `shuffle` a later epoch may have a somewhat larger step: the result is an
 * estimate. */
static int64_t most_tokens(trainer *t, int64_t *longest)
{
    int64_t most = 0;
    *longest = 1;
    for (int64_t s = 0; s < SP_MIN(sp_feed_steps(&t->feeds[0]), t->total); s++) {
        int64_t tokens = 0;
        for (size_t k = 0; k <= t->o->n_terms; k++) {
            size_t n;
            const size_t *order = sp_feed_step(&t->feeds[k], s, &n);
            for (size_t i = 0; i < n; i++) {
                int64_t len = t->feeds[k].data->ex[order[i]].n;
                tokens += len;
                *longest = SP_MAX(*longest, len);
            }
        }
        most = SP_MAX(most, tokens);
    }
    return most;
}

/* Will the gradients, the reference's hidden states, masters and moments fit into memory? 0 or
 * -1. */
static int check_memory(trainer *t, sp_err *e)
{
    int64_t longest, tokens = most_tokens(t, &longest);
    uint64_t bytes = sp_footprint(t->model, t->o->all, false, tokens, longest);
    if (t->o->ref) bytes += (uint64_t)(tokens * t->model->cfg.hidden) * sizeof(float);
    return sp_capacity_check_memory("training", bytes + sp_masters_memory_bytes(&t->masters), e);
}

/* Resume from the state, if there is one: fills the masters and sets t->next. 0 or -1. */
static int open_state(trainer *t, sp_err *e)
{
    if (sp_state_open(&t->state, t->o->state, t->fingerprint, &t->masters, &t->next, e) < 0)
        return -1;
    if (t->next)
        sp_note("%s: resuming at step %" PRId64 " of %" PRId64, t->state.path, t->next, t->total);
    return 0;
}

/* Make everything ready and run the loop. Masters come first, because the memory check asks where
 * they lie and the state is read into them. The log comes last, because it is cut to the state's
 * step. 0 or -1; what was opened is left to close_trainer in either case. */
static int train(trainer *t, sp_err *e)
{
    const sp_tune_opt *o = t->o;
    sp_masters_opt masters = {.all = o->all,
                              .optim = o->optim.kind,
                              .moments = o->moments,
                              .seed = o->seed,
                              .scratch = o->scratch};
    if (sp_masters_open(&t->masters, t->model, &masters, e) < 0) return -1;
    if (check_memory(t, e) < 0) return -1;
    if (open_state(t, e) < 0) return -1;
    if (sp_steplog_open(&t->log, o->log, t->next, e) < 0) return -1;
    return loop(t, e);
}

/* Release what the trainer owns, also after train failed half-way: what was not opened is zero. The
 * masters' F32 values stay with the model. */
static void close_trainer(trainer *t)
{
    sp_steplog_close(&t->log);
    sp_state_close(&t->state);
    sp_masters_close(&t->masters);
    sp_grad_buffers_free(t->buffers);
    free(t->fingerprint);
    for (size_t k = 0; k <= t->o->n_terms; k++) sp_feed_close(&t->feeds[k]);
    free(t->feeds);
}

int sp_tune(sp_model *m, const sp_examples *data, const sp_tune_opt *o, sp_err *e)
{
    trainer t = {.model = m, .o = o, .buffers = sp_grad_buffers_new(SP_KEEP)};
    open_feeds(&t, data);
    t.fingerprint = sp_tune_fingerprint(m, data, o, t.total);
    int rc = train(&t, e);
    close_trainer(&t);
    return rc;
}
