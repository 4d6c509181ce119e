/* tune.c - see tune.h: order of examples, one step, log, state, loop. */
#include "tune.h"

#include "vec.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    sp_param *p;
    float *m, *v; /* moments, NULL for SGD */
} slot;

typedef struct {
    sp_model *model;
    const sp_data *data;
    const sp_tune_opt *o;
    slot *slots; /* parameters in scope, in order of emission */
    size_t n;
    size_t *order;              /* examples of the current epoch */
    int64_t epoch, total, step; /* step: next to do, from 0 */
    double norm2;               /* squared gradient norm of the current step */
    char *state_path, *fingerprint;
    FILE *log;
} trainer;

/* ---- order of examples -------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t key;
    size_t index;
} shuffled;

static int by_key(const void *a, const void *b)
{
    const shuffled *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->index > y->index) - (x->index < y->index);
}

static void set_epoch(trainer *t, int64_t epoch)
{
    size_t n = t->data->n;
    if (t->epoch == epoch) return;
    t->epoch = epoch;
    shuffled *s = sp_xarray(n, sizeof *s);
    for (size_t i = 0; i < n; i++) s[i] = (shuffled){t->o->shuffle ? sp_rand_u64(t->o->seed, (uint64_t)epoch, i) : 0, i};
    qsort(s, n, sizeof *s, by_key);
    for (size_t i = 0; i < n; i++) t->order[i] = s[i].index;
    free(s);
}

static size_t examples_a_step(const trainer *t)
{
    size_t n = t->data->n, b = t->o->batch ? (size_t)(t->o->batch * t->o->accumulate) : n;
    return SP_MIN(b, n);
}

/* The examples of step s; an epoch's last step takes what is left. */
static const size_t *step_examples(trainer *t, int64_t s, size_t *n)
{
    size_t b = examples_a_step(t);
    int64_t steps = (int64_t)((t->data->n + b - 1) / b);
    set_epoch(t, s / steps);
    size_t at = (size_t)(s % steps) * b;
    *n = SP_MIN(b, t->data->n - at);
    return t->order + at;
}

/* ---- state -------------------------------------------------------------------------------------------------------- */

static uint64_t hash_examples(const sp_data *d)
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
        h = sp_hash(sp_hash(h, p->name, strlen(p->name)), p->own ? (const void *)p->own : p->data, SP_MIN(bytes, 4096));
    }
    return h;
}

static char *make_fingerprint(const sp_model *m, const sp_data *d, const sp_tune_opt *o, int64_t total)
{
    return sp_xasprintf("model %016" PRIx64 " data %016" PRIx64 " ascend %d optimizer %d betas %.17g %.17g eps %.17g wd %.17g lr %.17g "
                        "max-loss %.17g schedule %d warmup %" PRId64 " steps %" PRId64 " batch %" PRId64 " accumulate %" PRId64
                        " shuffle %d all %d mean %d seed %" PRIu64,
                        hash_model(m), hash_examples(d), o->ascend, o->optim.kind, o->optim.beta1, o->optim.beta2, o->optim.eps,
                        o->optim.weight_decay, o->lr, o->max_loss, o->schedule, o->warmup, total, o->batch, o->accumulate, o->shuffle,
                        o->all, o->mean, o->seed);
}

/* The tensors of the state file: w, m, v of every slot in turn. */
typedef struct {
    size_t n;
    sp_tinfo *info;
    float **data;
} state_tensors;

static state_tensors list_state(trainer *t)
{
    state_tensors s = {0, sp_xcalloc(3 * t->n, sizeof *s.info), sp_xcalloc(3 * t->n, sizeof *s.data)};
    for (size_t i = 0; i < t->n; i++) {
        float *data[3] = {t->slots[i].p->own, t->slots[i].m, t->slots[i].v};
        const sp_param *p = t->slots[i].p;
        for (int k = 0; k < 3 && data[k]; k++) {
            s.info[s.n] = (sp_tinfo){.name = sp_xasprintf("%c.%s", "wmv"[k], p->name), .dtype = SP_F32, .rank = 1,
                                     .shape = {(int64_t)sp_numel(p)}, .numel = sp_numel(p), .nbytes = sp_numel(p) * sizeof(float)};
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
    for (size_t i = 0; i < s.n && rc == 0; i++) rc = sp_dst_write_f32(d, s.data[i], e);
    if (d && rc == 0) rc = sp_dst_finish(d, e);
    else if (d) sp_dst_abort(d);
    free_state_list(&s);
    sp_meta_free(&meta);
    return rc;
}

static int read_state(trainer *t, sp_src *src, sp_err *e)
{
    const char *name = sp_src_name(src), *step = sp_meta_get(sp_src_meta(src), "step"), *made = sp_meta_get(sp_src_meta(src), "fingerprint");
    if (!step || !made) return sp_fail(e, SP_EINPUT, "%s: not a training state", name);
    if (strcmp(made, t->fingerprint))
        return sp_fail(e, SP_EINPUT, "%s: state of another run: found \"%s\", expected \"%s\"", name, made, t->fingerprint);
    state_tensors s = list_state(t);
    int rc = 0;
    for (size_t i = 0; i < s.n && rc == 0; i++) {
        int64_t at = sp_src_find(src, s.info[i].name);
        if (at < 0 || sp_src_info(src, (size_t)at)->numel != s.info[i].numel)
            rc = sp_fail(e, SP_EINPUT, "%s: tensor \"%s\" is missing or has the wrong size", name, s.info[i].name);
        else rc = sp_src_read_f32(src, (size_t)at, s.data[i], e);
    }
    free_state_list(&s);
    t->step = strtoll(step, NULL, 10);
    return rc;
}

static int open_state(trainer *t, sp_err *e)
{
    if (!t->o->state) return 0;
    if (mkdir(t->o->state, 0777) < 0 && errno != EEXIST) return sp_fail(e, SP_ESYSTEM, "%s: %s", t->o->state, strerror(errno));
    t->state_path = sp_xasprintf("%s/state.safetensors", t->o->state);
    if (access(t->state_path, F_OK) < 0) return 0;
    sp_src *src = sp_src_open(t->state_path, e);
    int rc = src ? read_state(t, src, e) : -1;
    if (src) sp_src_close(src);
    if (rc == 0) sp_note("%s: resuming at step %" PRId64 " of %" PRId64, t->state_path, t->step, t->total);
    return rc;
}

/* ---- log ---------------------------------------------------------------------------------------------------------- */

/* Open the log; when resuming, keep its lines of steps already done (a kill may have left later or half ones). */
static int open_log(trainer *t, sp_err *e)
{
    if (!t->o->log) return 0;
    t->log = fopen(t->o->log, t->step ? "r+" : "w");
    if (!t->log && t->step && errno == ENOENT) t->log = fopen(t->o->log, "w");
    if (!t->log) return sp_fail(e, SP_ESYSTEM, "%s: %s", t->o->log, strerror(errno));
    char line[512];
    long keep = 0;
    for (int64_t i = 0; i < t->step && fgets(line, sizeof line, t->log) && strchr(line, '\n'); i++) keep = ftell(t->log);
    if (fseek(t->log, keep, SEEK_SET) < 0 || ftruncate(fileno(t->log), keep) < 0)
        return sp_fail(e, SP_ESYSTEM, "%s: %s", t->o->log, strerror(errno));
    return 0;
}

static int write_log(trainer *t, double loss, double lr, int64_t tokens, double seconds, sp_err *e)
{
    if (!t->log) return 0;
    fprintf(t->log, "{\"step\":%" PRId64 ",\"loss\":%.9g,\"lr\":%.9g,\"grad_norm\":%.9g,\"tokens_per_s\":%.6g}\n", t->step + 1, loss, lr,
            sqrt(t->norm2), (double)tokens / seconds);
    if (fflush(t->log)) return sp_fail(e, SP_ESYSTEM, "%s: %s", t->o->log, strerror(errno));
    return 0;
}

/* ---- one step ----------------------------------------------------------------------------------------------------- */

#define SUM_BLOCK 4096

/* Sum of squares in double, block by block in order: the same for any number of threads. */
static double sum_squares(const float *x, size_t n)
{
    size_t blocks = (n + SUM_BLOCK - 1) / SUM_BLOCK;
    double *part = sp_xarray(blocks, sizeof *part), sum = 0;
#pragma omp parallel for
    for (size_t b = 0; b < blocks; b++) {
        double s = 0;
        for (size_t i = b * SUM_BLOCK; i < SP_MIN(n, (b + 1) * SUM_BLOCK); i++) s += (double)x[i] * (double)x[i];
        part[b] = s;
    }
    for (size_t b = 0; b < blocks; b++) sum += part[b];
    free(part);
    return sum;
}

static double rate_at(const trainer *t, int64_t s) { return t->o->lr * sp_schedule_at(t->o->schedule, s, t->o->warmup, t->total); }

/* Parameters arrive in the order of the slots. */
typedef struct {
    trainer *t;
    size_t next;
    double lr;
} updater;

static void update(void *self, sp_param *p, const float *g)
{
    updater *u = self;
    trainer *t = u->t;
    slot *s = &t->slots[u->next++];
    size_t n = sp_numel(p);
    t->norm2 += sum_squares(g, n);
    sp_optim_step(&t->o->optim, p->own, g, t->o->ascend ? -1 : 1, s->m, s->v, n, u->lr, t->step + 1, p->cols > 1);
}

/* Loss of the batch before any weight changes: only needed when a cap may forbid the step. */
static double forward_loss(trainer *t, const sp_batch *b)
{
    float *x = sp_forward_all(t->model, b);
    double loss = sp_head_loss(t->model, x, b->n, b->target, b->coef, &(sp_head_out){0});
    free(x);
    return loss;
}

/* 1 = done, 0 = the loss cap stops training, -1 = error. */
static int one_step(trainer *t, sp_err *e)
{
    size_t n;
    const size_t *order = step_examples(t, t->step, &n);
    double t0 = sp_now();
    sp_batch b;
    sp_batch_make(&b, t->data, order, n, t->o->mean);
    if (t->o->max_loss > 0) {
        double now = forward_loss(t, &b);
        if (!(now <= t->o->max_loss)) {
            sp_note("step %" PRId64 ": loss %.4g is above --max-loss %.4g, stopping", t->step + 1, now, t->o->max_loss);
            sp_batch_free(&b);
            return 0;
        }
    }
    updater u = {t, 0, rate_at(t, t->step)};
    t->norm2 = 0;
    double loss = sp_grad_run(t->model, &b, &(sp_grad_job){t->o->all, false, update, &u});
    int rc = write_log(t, loss, u.lr, b.n, sp_now() - t0, e);
    sp_batch_free(&b);
    if (!isfinite(loss) || !isfinite(t->norm2))
        return sp_fail(e, SP_EINPUT, "step %" PRId64 ": loss %g, gradient norm %g: training has diverged", t->step + 1, loss, sqrt(t->norm2));
    t->step++;
    return rc < 0 ? -1 : 1;
}

/* ---- the loop ----------------------------------------------------------------------------------------------------- */

static void open_slots(trainer *t)
{
    sp_param **list = sp_xarray(t->model->n, sizeof *list);
    t->n = sp_grad_order(t->model, t->o->all, list);
    t->slots = sp_xcalloc(t->n, sizeof *t->slots);
    for (size_t i = 0; i < t->n; i++) {
        slot *s = &t->slots[i];
        s->p = list[i];
        sp_own(s->p);
        if (t->o->optim.kind == SP_SGD) continue;
        s->m = sp_xfloats0(sp_numel(s->p));
        s->v = sp_xfloats0(sp_numel(s->p));
    }
    free(list);
}

static void close_trainer(trainer *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->slots[i].m);
        free(t->slots[i].v);
    }
    free(t->slots);
    free(t->order);
    free(t->state_path);
    free(t->fingerprint);
    if (t->log) fclose(t->log);
}

static int loop(trainer *t, sp_err *e)
{
    sp_progress progress;
    double saved = sp_now();
    int rc = 1;
    sp_progress_start(&progress, t->o->ascend ? "ascent" : "descent", "steps", (double)t->total);
    while (rc == 1 && t->step < t->total) {
        rc = one_step(t, e);
        if (rc == 1 && t->state_path && (sp_now() - saved >= t->o->save_every || t->step == t->total)) {
            if (save_state(t, e) < 0) rc = -1;
            saved = sp_now();
        }
        sp_progress_at(&progress, (double)t->step);
    }
    sp_progress_end(&progress);
    return rc < 0 ? -1 : 0;
}

int sp_tune(sp_model *m, const sp_data *data, const sp_tune_opt *o, sp_err *e)
{
    trainer t = {.model = m, .data = data, .o = o, .epoch = -1, .order = sp_xarray(data->n, sizeof *t.order)};
    size_t b = examples_a_step(&t);
    t.total = o->steps ? o->steps : o->epochs * (int64_t)((data->n + b - 1) / b);
    t.fingerprint = make_fingerprint(m, data, o, t.total);
    open_slots(&t);
    int rc = open_state(&t, e) < 0 || open_log(&t, e) < 0 || loop(&t, e) < 0 ? -1 : 0;
    close_trainer(&t);
    return rc;
}
