/* tune.c - see tune.h: order of examples, one step, log, state, loop. */
#include "train/tune.h"

#include "base/capacity.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/philox.h"
#include "base/progress.h"
#include "tensor/vec.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    sp_param *p;
    sp_moments mo;
} slot;

/* A data set dealt out in steps. */
typedef struct {
    const sp_examples *data;
    size_t per_step;
    size_t *order; /* of the examples in the current epoch */
    int64_t epoch;
} feed;

typedef struct {
    sp_model *model;
    const sp_tune_opt *o;
    slot *slots; /* parameters in scope, in order of emission */
    size_t n;
    feed *feeds;         /* the main data, then the terms' */
    int64_t total, step; /* step: next to do, from 0 */
    double norm2;        /* squared gradient norm of the current step */
    char *state_path, *fingerprint;
    FILE *log;
    sp_grad_room *room;
} trainer;

/* ---- order of examples ---------------------------------------------------------------- */

typedef struct {
    uint64_t key;
    size_t index;
} shuffled;

static int by_key(const void *a, const void *b)
{
    const shuffled *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1)
                            : (x->index > y->index) - (x->index < y->index);
}

static feed feed_open(const trainer *t, const sp_examples *data)
{
    size_t b = t->o->batch ? (size_t)(t->o->batch * t->o->accumulate) : data->n;
    return (feed){data, SP_MIN(b, data->n), sp_xarray(data->n, sizeof(size_t)), -1};
}

static int64_t steps_an_epoch(const feed *f)
{
    return (int64_t)((f->data->n + f->per_step - 1) / f->per_step);
}

static void set_epoch(feed *f, int64_t epoch, const sp_tune_opt *o)
{
    size_t n = f->data->n;
    if (f->epoch == epoch) return;
    f->epoch = epoch;
    shuffled *s = sp_xarray(n, sizeof *s);
    for (size_t i = 0; i < n; i++)
        s[i] = (shuffled){o->shuffle ? sp_rand_u64(o->seed, (uint64_t)epoch, i) : 0, i};
    qsort(s, n, sizeof *s, by_key);
    for (size_t i = 0; i < n; i++) f->order[i] = s[i].index;
    free(s);
}

/* The examples of step s; an epoch's last step takes what is left. */
static const size_t *step_examples(feed *f, int64_t s, const sp_tune_opt *o, size_t *n)
{
    int64_t steps = steps_an_epoch(f);
    set_epoch(f, s / steps, o);
    size_t at = (size_t)(s % steps) * f->per_step;
    *n = SP_MIN(f->per_step, f->data->n - at);
    return f->order + at;
}

/* ---- state ---------------------------------------------------------------------------- */

static uint64_t hash_examples(const sp_examples *d)
{
    uint64_t h = SP_HASH0;
    for (size_t i = 0; i < d->n; i++) {
        size_t bytes = (size_t)d->ex[i].n * sizeof(int32_t);
        h = sp_hash(sp_hash(h, d->ex[i].ids, bytes), d->ex[i].labels, bytes);
    }
    return h;
}

/* The first bytes of every weight tell checkpoints of one shape apart. */
static uint64_t hash_model(const sp_model *m)
{
    uint64_t h = SP_HASH0;
    for (size_t i = 0; i < m->n; i++) {
        const sp_param *p = &m->params[i];
        size_t bytes = sp_numel(p) * (p->own ? sizeof(float) : sp_dtype_size(p->dtype));
        h = sp_hash(sp_hash(h, p->name, strlen(p->name)), p->own ? (const void *)p->own : p->data,
                    SP_MIN(bytes, 4096));
    }
    return h;
}

static char *make_fingerprint(const trainer *t)
{
    const sp_tune_opt *o = t->o;
    uint64_t data = SP_HASH0;
    for (size_t i = 0; i <= o->n_terms; i++) {
        uint64_t h = hash_examples(t->feeds[i].data);
        data = sp_hash(data, &h, sizeof h);
        if (i)
            data = sp_hash(sp_hash(data, &o->terms[i - 1].kind, sizeof(sp_term_kind)),
                           &o->terms[i - 1].weight, sizeof(double));
    }
    return sp_xasprintf(
        "model %016" PRIx64 " data %016" PRIx64
        " ascend %d loss %d npo-beta %.17g weight %.17g fraction %.17g "
        "optimizer %d betas %.17g %.17g eps %.17g wd %.17g lr %.17g max-loss %.17g schedule %d "
        "warmup %" PRId64 " steps %" PRId64 " batch %" PRId64 " accumulate %" PRId64
        " shuffle %d all %d mean %d moments %s seed %" PRIu64,
        hash_model(t->model), data, o->ascend, o->loss, o->npo_beta, o->weight, o->fraction,
        o->optim.kind, o->optim.beta1, o->optim.beta2, o->optim.eps, o->optim.weight_decay, o->lr,
        o->max_loss, o->schedule, o->warmup, t->total, o->batch, o->accumulate, o->shuffle, o->all,
        o->mean, sp_dtype_name(o->moments), o->seed);
}

/* The tensors of the state file: w, m, v of every slot in turn. */
typedef struct {
    size_t n;
    sp_tinfo *info;
    void **data;
} state_tensors;

static state_tensors list_state(trainer *t)
{
    state_tensors s = {0, sp_xcalloc(3 * t->n, sizeof *s.info),
                       sp_xcalloc(3 * t->n, sizeof *s.data)};
    for (size_t i = 0; i < t->n; i++) {
        void *data[3] = {t->slots[i].p->own, t->slots[i].mo.m, t->slots[i].mo.v};
        const sp_param *p = t->slots[i].p;
        for (int k = 0; k < 3 && data[k]; k++) {
            sp_dtype d = k ? t->o->moments : SP_F32;
            s.info[s.n] = (sp_tinfo){.name = sp_xasprintf("%c.%s", "wmv"[k], p -> name),
                                     .dtype = d,
                                     .rank = 1,
                                     .shape = {(int64_t)sp_numel(p)},
                                     .numel = sp_numel(p),
                                     .nbytes = sp_numel(p) * sp_dtype_size(d)};
            s.data[s.n++] = data[k];
        }
    }
    return s;
}

static void free_state_list(state_tensors *s)
{
    for (size_t i = 0; i < s->n; i++) free(s->info[i].name);
    free(s->info);
    free(s->data);
}

static int save_state(trainer *t, sp_err *e)
{
    char step[32];
    sp_meta meta = {0};
    snprintf(step, sizeof step, "%" PRId64, t->step);
    sp_meta_set(&meta, "step", step);
    sp_meta_set(&meta, "fingerprint", t->fingerprint);
    state_tensors s = list_state(t);
    sp_dst *d = sp_dst_open(t->state_path, s.info, s.n, &meta, 0, e);
    int rc = d ? 0 : -1;
    for (size_t i = 0; i < s.n && rc == 0; i++)
        rc = sp_dst_write(d, s.data[i], s.info[i].nbytes, e);
    if (d && rc == 0) rc = sp_dst_finish(d, e);
    else if (d) sp_dst_abort(d);
    free_state_list(&s);
    sp_meta_free(&meta);
    return rc;
}

static int read_state(trainer *t, sp_src *src, sp_err *e)
{
    const char *name = sp_src_name(src), *step = sp_meta_get(sp_src_meta(src), "step"),
               *made = sp_meta_get(sp_src_meta(src), "fingerprint");
    if (!step || !made) return sp_fail(e, SP_EINPUT, "%s: not a training state", name);
    if (strcmp(made, t->fingerprint))
        return sp_fail(e, SP_EINPUT, "%s: state of another run: found \"%s\", expected \"%s\"",
                       name, made, t->fingerprint);
    for (size_t i = 0; i < t->n; i++) sp_own(t->model, t->slots[i].p);
    state_tensors s = list_state(t);
    int rc = 0;
    for (size_t i = 0; i < s.n && rc == 0; i++) {
        int64_t at = sp_src_find(src, s.info[i].name);
        if (at < 0 || sp_src_info(src, (size_t)at)->nbytes != s.info[i].nbytes)
            rc = sp_fail(e, SP_EINPUT, "%s: tensor \"%s\" is missing or has the wrong size", name,
                         s.info[i].name);
        else rc = sp_src_read(src, (size_t)at, s.data[i], e);
    }
    free_state_list(&s);
    t->step = strtoll(step, NULL, 10);
    return rc;
}

static uint64_t state_bytes(trainer *t)
{
    uint64_t bytes = 0, each = sizeof(float) +
                               (t->o->optim.kind == SP_SGD ? 0 : 2 * sp_dtype_size(t->o->moments));
    for (size_t i = 0; i < t->n; i++) bytes += sp_numel(t->slots[i].p) * each;
    return bytes;
}

static int open_state(trainer *t, sp_err *e)
{
    if (!t->o->state) return 0;
    if (mkdir(t->o->state, 0777) < 0 && errno != EEXIST)
        return sp_fail(e, SP_ESYSTEM, "%s: %s", t->o->state, strerror(errno));
    t->state_path = sp_xasprintf("%s/state.safetensors", t->o->state);
    struct stat st;
    bool there = stat(t->state_path, &st) == 0;
    /* a state stays until the next is whole */
    uint64_t have = there ? (uint64_t)st.st_size : 0, twice = 2 * state_bytes(t);
    if (sp_capacity_check_disk(t->o->state, "states", twice > have ? twice - have : 0, e) < 0)
        return -1;
    if (!there) return 0;
    sp_src *src = sp_src_open(t->state_path, e);
    int rc = src ? read_state(t, src, e) : -1;
    if (src) sp_src_close(src);
    if (rc == 0)
        sp_note("%s: resuming at step %" PRId64 " of %" PRId64, t->state_path, t->step, t->total);
    return rc;
}

/* ---- log ------------------------------------------------------------------------------ */

/* Open the log; when resuming, keep its lines of steps already done (a kill may have left later or
 * half ones). */
static int open_log(trainer *t, sp_err *e)
{
    if (!t->o->log) return 0;
    t->log = fopen(t->o->log, t->step ? "r+" : "w");
    if (!t->log && t->step && errno == ENOENT) t->log = fopen(t->o->log, "w");
    if (!t->log) return sp_fail(e, SP_ESYSTEM, "%s: %s", t->o->log, strerror(errno));
    char line[512];
    long keep = 0;
    for (int64_t i = 0; i < t->step && fgets(line, sizeof line, t->log) && strchr(line, '\n'); i++)
        keep = ftell(t->log);
    if (fseek(t->log, keep, SEEK_SET) < 0 || ftruncate(fileno(t->log), keep) < 0)
        return sp_fail(e, SP_ESYSTEM, "%s: %s", t->o->log, strerror(errno));
    return 0;
}

static int write_log(trainer *t, double loss, double lr, int64_t tokens, double seconds, sp_err *e)
{
    if (!t->log) return 0;
    fprintf(t->log,
            "{\"step\":%" PRId64
            ",\"loss\":%.9g,\"lr\":%.9g,\"grad_norm\":%.9g,\"tokens_per_s\":%.6g}\n",
            t->step + 1, loss, lr, sqrt(t->norm2), (double)tokens / seconds);
    if (fflush(t->log)) return sp_fail(e, SP_ESYSTEM, "%s: %s", t->o->log, strerror(errno));
    return 0;
}

/* ---- one step ------------------------------------------------------------------------- */

static double rate_at(const trainer *t, int64_t s)
{
    return t->o->lr * sp_schedule_at(t->o->schedule, s, t->o->warmup, t->total);
}

/* One step under way. Parameters arrive in the order of the slots. */
typedef struct {
    trainer *t;
    sp_batch batch;
    size_t next, n_main; /* next slot; sequences of the main data come first in the batch */
    double lr, loss;     /* loss: cross-entropy of the main data, by `mean` */
    double *ref_ce;      /* (N) of the reference, for NPO */
} step;

/* Half fine-tuning: each epoch trains its own random share of the parameters. */
static bool is_trained(const trainer *t, const sp_param *p)
{
    if (t->o->fraction >= 1) return true;
    return sp_rand_unit(t->o->seed, sp_hash(SP_HASH0, p->name, strlen(p->name)),
                        (uint64_t)t->feeds[0].epoch) < t->o->fraction;
}

static void update(void *self, sp_param *p, int64_t row, int64_t rows, float *g)
{
    (void)row, (void)rows; /* whole: nothing is made per example */
    step *s = self;
    trainer *t = s->t;
    slot *own = &t->slots[s->next++];
    size_t n = sp_numel(p);
    float *w = sp_own(t->model, p); /* the master comes into being with the first step */
    t->norm2 += sp_dot(g, g, n);
    if (is_trained(t, p))
        sp_optim_step(&t->o->optim, w, g, &own->mo, n, s->lr, t->step + 1, p->cols > 1);
    sp_param_release(t->model, p);
    if (!t->model->scratch || !own->mo.m) return;
    sp_scratch_evict(own->mo.m, n * sp_dtype_size(own->mo.dtype));
    sp_scratch_evict(own->mo.v, n * sp_dtype_size(own->mo.dtype));
}

static double sum_ce(const sp_batch *b, int64_t seq, const double *ce)
{
    double sum = 0;
    for (int64_t i = b->start[seq]; i < b->start[seq + 1]; i++) sum += ce[i];
    return sum;
}

/* Between forward and backward: the main cross-entropy, the cap on it, and NPO's weights
 *   dL/dl_i = -(2/n) sigmoid(-beta (l_i - l_i,ref)). */
static bool weigh(void *self, const double *ce)
{
    step *s = self;
    const sp_tune_opt *o = s->t->o;
    sp_batch *b = &s->batch;
    s->loss = 0;
    for (size_t i = 0; i < s->n_main; i++)
        for (int64_t j = b->start[i]; j < b->start[i + 1]; j++)
            s->loss += fabs((double)b->coef[j]) * ce[j] / o->weight;
    if (o->max_loss > 0 && !(s->loss <= o->max_loss)) return false;
    for (size_t i = 0; o->loss == SP_LOSS_NPO && i < s->n_main; i++) {
        double gap = sum_ce(b, (int64_t)i, ce) - sum_ce(b, (int64_t)i, s->ref_ce);
        double c = -2 * o->weight / (double)s->n_main / (1 + exp(o->npo_beta * gap));
        for (int64_t j = b->start[i]; j < b->start[i + 1]; j++)
            b->coef[j] = b->target[j] == -1 ? 0 : (float)c;
    }
    return true;
}

/* The main examples and those of every term, side by side, each with its share of the objective. */
static void make_batch(trainer *t, step *s)
{
    const sp_tune_opt *o = t->o;
    size_t n = 0, counts[2] = {0, 0};
    sp_seq *seqs = NULL;
    for (size_t k = 0; k <= o->n_terms; k++) {
        const size_t *order = step_examples(&t->feeds[k], t->step, o, &counts[k > 0]);
        double weight = k ? o->terms[k - 1].weight : o->ascend ? -o->weight : o->weight;
        seqs = sp_xrealloc(seqs, (n + counts[k > 0]) * sizeof *seqs);
        sp_seqs_of(seqs + n, t->feeds[k].data, order, counts[k > 0], o->mean, weight,
                   k && o->terms[k - 1].kind == SP_TERM_KL);
        n += counts[k > 0];
    }
    s->n_main = counts[0];
    sp_batch_pack(&s->batch, seqs, n);
    free(seqs);
}

/* 1 = done, 0 = the loss cap stops training, -1 = error. */
static int one_step(trainer *t, sp_err *e)
{
    const sp_tune_opt *o = t->o;
    step s = {.t = t, .lr = rate_at(t, t->step), .loss = NAN};
    double t0 = sp_now();
    make_batch(t, &s);
    sp_batch *b = &s.batch;
    sp_grad_job job = {.room = t->room,
                       .all = o->all,
                       .emit = update,
                       .self = &s,
                       .ref = o->ref,
                       .ref_x = o->ref ? sp_forward_all(o->ref, b) : NULL};
    if (o->max_loss > 0 || o->loss == SP_LOSS_NPO || o->n_terms) job.weigh = weigh;
    if (o->loss == SP_LOSS_NPO) {
        s.ref_ce = sp_xarray((size_t)b->n, sizeof *s.ref_ce);
        sp_head_loss(o->ref, job.ref_x, b->n, b->target, NULL,
                     &(sp_head_io){.ref = o->ref, .ref_x = job.ref_x, .ce = s.ref_ce});
    }
    t->norm2 = 0;
    double total = sp_grad_run(t->model, b, &job);
    if (!job.weigh) s.loss = fabs(total) / o->weight;
    bool stopped = s.next == 0;
    int rc = stopped ? 0 : write_log(t, s.loss, s.lr, b->n, sp_now() - t0, e);
    free((float *)job.ref_x);
    free(s.ref_ce);
    sp_batch_free(b);
    if (!isfinite(s.loss) || !isfinite(t->norm2))
        return sp_fail(e, SP_EINPUT,
                       "step %" PRId64 ": loss %g, gradient norm %g: training has diverged",
                       t->step + 1, s.loss, sqrt(t->norm2));
    if (stopped)
        sp_note("step %" PRId64 ": loss %.4g is above --max-loss %.4g, stopping", t->step + 1,
                s.loss, o->max_loss);
    t->step += !stopped;
    return rc < 0 ? -1 : !stopped;
}

/* ---- the loop ------------------------------------------------------------------------- */

/* Bytes of masters and moments, in whole pages. */
static uint64_t tuning_bytes(const trainer *t)
{
    uint64_t bytes = 0, moment = t->o->optim.kind == SP_SGD ? 0 : sp_dtype_size(t->o->moments);
    for (size_t i = 0; i < t->n; i++) {
        uint64_t n = sp_numel(t->slots[i].p);
        bytes += (t->slots[i].p->own ? 0 : sp_scratch_size(n * sizeof(float))) +
                 2 * sp_scratch_size(n * moment);
    }
    return bytes;
}

/* Masters and moments in memory, or in a file where they would fill more than half of it. */
static int choose_place(trainer *t, sp_err *e)
{
    uint64_t bytes = tuning_bytes(t);
    const char *dir = t->o->scratch;
    if (!dir && bytes > sp_capacity_memory() / 2) dir = sp_scratch_dir();
    sp_note("masters and moments: %.3f GiB in %s", (double)bytes / (1 << 30), dir ? dir : "memory");
    if (!dir) return 0;
    if (t->model->params[0].own)
        return sp_fail(e, SP_EUSAGE, "a scratch file does not go with random initial weights");
    t->model->scratch = sp_scratch_open(dir, "masters and moments", bytes, e);
    return t->model->scratch ? 0 : -1;
}

static void *moment(trainer *t, size_t n)
{
    size_t bytes = n * sp_dtype_size(t->o->moments);
    return t->model->scratch ? sp_scratch_take(t->model->scratch, bytes)
                             : sp_xfloats0((bytes + sizeof(float) - 1) / sizeof(float));
}

static int open_slots(trainer *t, sp_err *e)
{
    sp_param **list = sp_xarray(t->model->n, sizeof *list);
    t->n = sp_grad_order(t->model, t->o->all, list);
    t->slots = sp_xcalloc(t->n, sizeof *t->slots);
    for (size_t i = 0; i < t->n; i++) t->slots[i].p = list[i];
    free(list);
    if (choose_place(t, e) < 0) return -1;
    for (size_t i = 0; i < t->n; i++) {
        slot *s = &t->slots[i];
        size_t n = sp_numel(s->p);
        s->mo = (sp_moments){NULL, NULL, t->o->moments,
                             t->o->seed ^ sp_hash(SP_HASH0, s->p->name, strlen(s->p->name))};
        if (t->o->optim.kind == SP_SGD) continue;
        s->mo.m = moment(t, n);
        s->mo.v = moment(t, n);
    }
    return 0;
}

static void close_trainer(trainer *t)
{
    for (size_t i = 0; i < t->n && !t->model->scratch; i++) {
        free(t->slots[i].mo.m);
        free(t->slots[i].mo.v);
    }
    free(t->slots);
    for (size_t i = 0; i <= t->o->n_terms; i++) free(t->feeds[i].order);
    free(t->feeds);
    free(t->state_path);
    free(t->fingerprint);
    if (t->log) fclose(t->log);
    sp_grad_room_free(t->room);
}

/* Tokens of the largest step of the first epoch, and of the longest example. */
static int64_t most_tokens(trainer *t, int64_t *longest)
{
    int64_t most = 0;
    *longest = 1;
    for (int64_t s = 0; s < SP_MIN(steps_an_epoch(&t->feeds[0]), t->total); s++) {
        int64_t tokens = 0;
        for (size_t k = 0; k <= t->o->n_terms; k++) {
            size_t n;
            const size_t *order = step_examples(&t->feeds[k], s, t->o, &n);
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

/* Of masters and moments in a file: those of a layer, and of the weight being updated. */
static uint64_t passing_bytes(const trainer *t)
{
    uint64_t masters = 0, moments = 0,
             size = t->o->optim.kind == SP_SGD ? 0 : sp_dtype_size(t->o->moments);
    for (size_t i = 0; i < t->n; i++) {
        uint64_t n = sp_numel(t->slots[i].p);
        if (t->slots[i].p->layer == 0) masters += n * sizeof(float);
        moments = SP_MAX(moments, 2 * n * size);
    }
    return masters + moments;
}

/* The model that is trained, a reference beside it, masters and moments. */
static int check_memory(trainer *t, sp_err *e)
{
    int64_t longest, tokens = most_tokens(t, &longest);
    uint64_t bytes = sp_grad_bytes(t->model, tokens, longest, &(sp_grad_job){.all = t->o->all});
    if (t->o->ref) bytes += (uint64_t)(tokens * t->model->cfg.hidden) * sizeof(float);
    bytes += t->model->scratch ? passing_bytes(t) : tuning_bytes(t);
    return sp_capacity_check_memory("training", bytes, e);
}

static int loop(trainer *t, sp_err *e)
{
    sp_progress progress;
    double saved = sp_now();
    int rc = 1;
    sp_progress_start(&progress, t->o->ascend ? "ascent" : "descent", "steps", (double)t->total);
    while (rc == 1 && t->step < t->total) {
        rc = one_step(t, e);
        if (rc == 1 && t->state_path &&
            (sp_now() - saved >= t->o->save_every || t->step == t->total)) {
            if (save_state(t, e) < 0) rc = -1;
            saved = sp_now();
        }
        sp_progress_at(&progress, (double)t->step);
    }
    sp_progress_end(&progress);
    return rc < 0 ? -1 : 0;
}

int sp_tune(sp_model *m, const sp_examples *data, const sp_tune_opt *o, sp_err *e)
{
    trainer t = {.model = m,
                 .o = o,
                 .room = sp_grad_room_new(SP_KEEP),
                 .feeds = sp_xcalloc(1 + o->n_terms, sizeof *t.feeds)};
    t.feeds[0] = feed_open(&t, data);
    for (size_t i = 0; i < o->n_terms; i++) t.feeds[1 + i] = feed_open(&t, &o->terms[i].data);
    t.total = o->steps ? o->steps : o->epochs * steps_an_epoch(&t.feeds[0]);
    t.fingerprint = make_fingerprint(&t);
    int rc = open_slots(&t, e) < 0 || check_memory(&t, e) < 0 || open_state(&t, e) < 0 ||
                     open_log(&t, e) < 0 || loop(&t, e) < 0
                 ? -1
                 : 0;
    close_trainer(&t);
    return rc;
}
