/* perf/engine.c - speed of the engine beside the machine's own, for a LLaMA of 110 million random
 * weights.
 *
 *     engine [FIGURE...]      without a name all of them
 *
 * Every figure is set against a bound that is measured in turn with it (perf.h):
 *
 *     train      An AdamW step on 8 x 128 tokens, all parameters, against the time in which sgemm
 *                does 6 x parameters of the layers x tokens FLOP; and the products of that step
 *                alone against the same.
 *     generate   64 prompts of 32 tokens, 64 new tokens each, weights in BF16: against the time of
 *                its FLOP at the rate of sgemm; and against the time that sgemm takes for the same
 *                products with as many rows, its weights in F32.
 *     single     One prompt, 64 new tokens, against the time to read all weights once a token.
 *     threads    Training and generation on two threads against the same on one.
 *
 * sgemm is one product of 2048 x 4096 x 4096 through OpenBLAS on all threads; reading is what all
 * threads together can add up. Built with DNNL=1, `train` also sets oneDNN's rate for that product,
 * its operands in BF16, beside sgemm's.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/philox.h"
#include "cli/main.h"
#include "cli/restart.h"
#include "engine/checkpoint.h"
#include "engine/gemm.h"
#include "engine/gemm_dnnl.h"
#include "eval/generate.h"
#include "tensor/vec.h"
#include "train/tune.h"
#include "perf.h"

#include <cblas.h>
#include <omp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VOCAB  32000
#define HIDDEN 768

/* The figure at hand. Functions that measure take it as void * and return seconds (perf.h). */
typedef struct {
    sp_model *m;
    char log[64]; /* where the trainer writes its steps */
    sp_examples data;
    int64_t prompts, prompt, fresh; /* a generation: prompts, tokens of each, new tokens of each */
    double work;                    /* FLOP, or bytes where the bound is reading */
    double (*what)(void *);         /* what bench_threads runs on one and on two threads */
} bench;

/* ---- bounds: seconds that b->work would take ----------------------------------------- */

enum { M = 2048, N = 4096, K = 4096 };

static double sgemm(void *ctx)
{
    static float *a, *b, *c;
    if (!a)
        a = sp_xfloats0((size_t)M * K), b = sp_xfloats0((size_t)K * N),
        c = sp_xfloats0((size_t)M * N);
    double t0 = sp_now();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, M, N, K, 1, a, K, b, N, 0, c, N);
    return (sp_now() - t0) * ((bench *)ctx)->work / (2.0 * M * N * K);
}

#ifdef SP_DNNL
static double oneDNN(void *ctx)
{
    static uint16_t *a, *b;
    static float *c;
    if (!a)
        a = sp_xcalloc((size_t)M * K, sizeof *a), b = sp_xcalloc((size_t)K * N, sizeof *b),
        c = sp_xfloats0((size_t)M * N);
    double t0 = sp_now();
    sp_dnnl_product(false, true, M, N, K, a, (sp_mat){b, SP_BF16}, 0, c);
    return (sp_now() - t0) * ((bench *)ctx)->work / (2.0 * M * N * K);
}

static void bench_bf16(bench *b)
{
    char value[64], bound[64];
    if (!sp_dnnl_works()) return;
    bench_result r = bench_compare(oneDNN, sgemm, b);
    snprintf(value, sizeof value, "%.0f GFLOP/s", 1e-9 * b->work / r.seconds);
    snprintf(bound, sizeof bound, "sgemm %.0f GFLOP/s", 1e-9 * b->work / r.bound);
    bench_print("oneDNN, operands in BF16", value, bound, r.ratio, "");
}
#endif

static double reading(void *ctx)
{
    static const size_t n = 64u << 20;
    static float *x;
    float sum = 0;
    if (!x) x = sp_xfloats0(n);
    double t0 = sp_now();
#pragma omp parallel for simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++) sum += x[j];
    if (sum != 0) puts("?");
    return (sp_now() - t0) * ((bench *)ctx)->work / (double)(n * sizeof *x);
}

/* ---- the model ------------------------------------------------------------------------ */

static sp_model *random_model(void)
{
    sp_err e = {0};
    char dir[] = "/tmp/sp-bench-XXXXXX", path[64];
    if (!mkdtemp(dir)) sp_die(SP_ESYSTEM, "%s", dir);
    snprintf(path, sizeof path, "%s/config.json", dir);
    FILE *f = fopen(path, "w");
    if (!f) sp_die(SP_ESYSTEM, "%s", path);
    fprintf(f,
            "{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":768,\"num_hidden_layers\":"
            "12,\"num_attention_heads\":12,"
            "\"intermediate_size\":2048,\"vocab_size\":%d,\"hidden_act\":\"silu\",\"tie_word_"
            "embeddings\":true}",
            VOCAB);
    fclose(f);
    sp_model *m = sp_model_random(dir, 0.02, 1, &e);
    unlink(path), rmdir(dir);
    if (!m) sp_die_err(&e);
    return m;
}

/* Weights to BF16, as checkpoints have them. */
static void weights_to_bf16(sp_model *m)
{
    for (size_t i = 0; i < m->n; i++) {
        sp_param *p = &m->params[i];
        p->data = p->copy = sp_xmalloc(2 * sp_numel(p));
        p->dtype = SP_BF16;
        sp_from_f32(p->copy, p->own, SP_BF16, sp_numel(p));
        free(p->own);
        p->own = NULL;
    }
}

static double layer_params(const sp_model *m)
{
    double n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (m->params[i].layer >= 0) n += (double)sp_numel(&m->params[i]);
    return n;
}

static int32_t some_id(int64_t i, int64_t t)
{
    return (int32_t)(sp_rand_u64(1, (uint64_t)i, (uint64_t)t) % VOCAB);
}

/* ---- figures -------------------------------------------------------------------------- */

static void make_data(bench *b)
{
    enum { B = 8, T = 128 };
    b->data = (sp_examples){.n = B, .ex = sp_xarray(B, sizeof(sp_example))};
    for (int i = 0; i < B; i++) {
        sp_example *x = &b->data.ex[i];
        *x = (sp_example){T, sp_xarray(T, 4), sp_xarray(T, 4), false};
        for (int j = 0; j < T; j++) x->ids[j] = x->labels[j] = some_id(i, j);
    }
}

static double tokens(const bench *b) { return (double)b->data.n * (double)b->data.ex[0].n; }

/* Seconds of a step once memory is warm: the second of two, as the trainer's own log has it. */
static double train(void *ctx)
{
    bench *b = ctx;
    sp_err e = {0};
    sp_tune_opt o = {.weight = 1,
                     .fraction = 1,
                     .moments = SP_F32,
                     .optim = {SP_ADAMW, 0.9, 0.999, 1e-8, 0},
                     .lr = 1e-5,
                     .steps = 2,
                     .accumulate = 1,
                     .all = true,
                     .log = b->log};
    if (sp_tune(b->m, &b->data, &o, &e) < 0) sp_die_err(&e);
    FILE *f = fopen(b->log, "r");
    char line[512], *at = NULL;
    while (f && fgets(line, sizeof line, f)) at = strstr(line, "tokens_per_s\":");
    if (!at) sp_die(SP_ESYSTEM, "%s: no steps in it", b->log);
    fclose(f);
    return tokens(b) / strtod(at + strlen("tokens_per_s\":"), NULL);
}

/* The products of such a step by themselves, those of the head included: what it would take if
 * nothing else took any time. */
static double products(void *ctx)
{
    bench *b = ctx;
    int64_t n = (int64_t)tokens(b);
    static float *x, *y, *dw;
    if (!x)
        x = sp_xfloats0((size_t)(n * VOCAB)), y = sp_xfloats0((size_t)(n * VOCAB)),
        dw = sp_xfloats0((size_t)VOCAB * HIDDEN);
    double t0 = sp_now();
    for (size_t i = 0; i < b->m->n; i++) {
        const sp_param *p = &b->m->params[i];
        if (p->cols == 1) continue;
        sp_gemm_xwt(y, x, sp_param_matrix(p), n, p->cols, p->rows, 0);
        sp_gemm_dyws(x, n, p->cols, &(sp_linear){y, sp_param_matrix(p), p->rows}, 1);
        sp_gemm_dytx(dw, y, x, n, p->cols, p->rows, 0);
    }
    return sp_now() - t0;
}

static void done(void *self, size_t i) { (void)self, (void)i; }

static double generate(void *ctx)
{
    bench *b = ctx;
    sp_err e = {0};
    sp_generation *items = sp_xcalloc((size_t)b->prompts, sizeof *items);
    int32_t *ids = sp_xarray((size_t)(b->prompts * b->prompt), sizeof *ids);
    sp_generate_opt o = {
        .max_new = b->fresh, .batch = b->prompts, .prefill = 2048, .sampler = {0, 1, 0}};
    for (int64_t i = 0; i < b->prompts; i++) {
        items[i] = (sp_generation){.prompt = ids + i * b->prompt, .n_prompt = b->prompt};
        for (int64_t t = 0; t < b->prompt; t++) ids[i * b->prompt + t] = some_id(i, t);
    }
    double t0 = sp_now();
    if (sp_generate(b->m, items, (size_t)b->prompts, &o, done, NULL, &e) < 0) sp_die_err(&e);
    double s = sp_now() - t0;
    for (int64_t i = 0; i < b->prompts; i++) sp_ids_free(&items[i].out);
    free(items), free(ids);
    return s;
}

/* The products of such a generation by OpenBLAS: each matrix times as many rows as there are
 * prompts, token after token, after the prompts' own. Weights are F32, once and for all. */
static double sgemm_batch(void *ctx)
{
    static float *x, *y, *w;
    bench *b = ctx;
    int64_t most = b->prompts * b->prompt;
    if (!w) {
        size_t all = 0, wide = (size_t)SP_MAX(most * b->m->cfg.mlp, b->prompts * VOCAB);
        for (size_t i = 0; i < b->m->n; i++) all += sp_numel(&b->m->params[i]);
        w = sp_xfloats0(all), x = sp_xfloats0(wide), y = sp_xfloats0(wide);
    }
    double t0 = sp_now();
    for (int64_t t = 0; t < b->fresh; t++) {
        float *at = w;
        for (size_t i = 0; i < b->m->n; at += sp_numel(&b->m->params[i++])) {
            const sp_param *p = &b->m->params[i];
            int64_t rows = t || p->layer < 0 ? b->prompts : most;
            if (p->cols == 1) continue;
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)p->rows,
                        (int)p->cols, 1, x, (int)p->cols, at, (int)p->cols, 0, y, (int)p->rows);
        }
    }
    return sp_now() - t0;
}

static double on_one_thread(void *ctx)
{
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    double s = ((bench *)ctx)->what(ctx);
    omp_set_num_threads(threads);
    return s;
}

static double head_params(void) { return (double)VOCAB * HIDDEN; }

static void bench_train(bench *b)
{
    char value[64], bound[64];
    b->work = 6 * layer_params(b->m) * tokens(b);
    bench_result r = bench_compare(train, sgemm, b);
    snprintf(value, sizeof value, "%.0f ms, %.0f tokens/s", 1e3 * r.seconds, tokens(b) / r.seconds);
    snprintf(bound, sizeof bound, "sgemm %.0f GFLOP/s: %.0f ms", 1e-9 * b->work / r.bound,
             1e3 * r.bound);
    bench_print("train, layers' FLOP", value, bound, r.ratio,
                sp_dnnl_works() ? ">= 112.5 %" : ">= 75 %");
    bench_print("train, FLOP of the head as well", "", "",
                r.ratio * (1 + head_params() / layer_params(b->m)), "");
    r = bench_compare(products, sgemm, b);
    snprintf(value, sizeof value, "%.0f ms", 1e3 * r.seconds);
    bench_print("its products alone", value, "", r.ratio, "");
#ifdef SP_DNNL
    bench_bf16(b);
#endif
}

static void bench_generate(bench *b, int64_t prompts, int64_t prompt, int64_t fresh)
{
    char figure[64], value[64], bound[64];
    bool one = prompts == 1;
    b->prompts = prompts, b->prompt = prompt, b->fresh = fresh;
    b->work = one ? (double)fresh * 2 * (layer_params(b->m) + head_params())
                  : 2 * (double)prompts *
                        (layer_params(b->m) * (double)(prompt + fresh - 1) +
                         head_params() * (double)fresh);
    bench_result r = bench_compare(generate, one ? reading : sgemm, b);
    snprintf(figure, sizeof figure, "generate, %lld prompt%s", (long long)prompts, one ? "" : "s");
    snprintf(value, sizeof value, "%.2f s, %.0f tokens/s", r.seconds,
             (double)(prompts * fresh) / r.seconds);
    if (one)
        snprintf(bound, sizeof bound, "reading %.1f GB/s: %.2f s", 1e-9 * b->work / r.bound,
                 r.bound);
    else
        snprintf(bound, sizeof bound, "sgemm %.0f GFLOP/s: %.2f s", 1e-9 * b->work / r.bound,
                 r.bound);
    bench_print(figure, value, bound, r.ratio, ">= 70 %");
    if (one) return;
    r = bench_compare(generate, sgemm_batch, b);
    snprintf(bound, sizeof bound, "sgemm of %lld rows: %.2f s", (long long)prompts, r.bound);
    bench_print("against sgemm at that batch", "", bound, r.ratio, ">= 70 %");
}

static void bench_threads(bench *b, const char *figure, double (*what)(void *))
{
    char value[64], bound[64];
    if (omp_get_max_threads() != 2) return;
    b->what = what;
    bench_result r = bench_compare(what, on_one_thread, b);
    snprintf(value, sizeof value, "2 threads: %.2f s", r.seconds);
    snprintf(bound, sizeof bound, "1 thread: %.2f s", r.bound);
    bench_print(figure, value, bound, r.ratio, ">= 180 %");
}

/* Is the figure asked for? */
static bool wanted(char **names, const char *figure)
{
    bool any = *names, found = false;
    for (; *names; names++) found |= !strcmp(*names, figure);
    return found || !any;
}

int main(int argc, char **argv)
{
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    sp_start(argc, argv);
    printf("OpenBLAS kernels %s, %d threads; medians of %d, each beside its bound\n",
           sp_gemm_kernel(), omp_get_max_threads(), RUNS);
    bench b = {.m = random_model()};
    snprintf(b.log, sizeof b.log, "/tmp/sp-bench-%ld.log", (long)getpid());
    sp_cleanup_add(b.log);
    make_data(&b);
    if (wanted(argv + 1, "train")) bench_train(&b);
    if (wanted(argv + 1, "threads")) bench_threads(&b, "train, 1 -> 2 threads", train);
    sp_cleanup_remove(b.log);
    weights_to_bf16(b.m);
    if (wanted(argv + 1, "generate")) bench_generate(&b, 64, 32, 64);
    if (wanted(argv + 1, "single")) bench_generate(&b, 1, 4, 64);
    b.prompts = 64, b.prompt = 32, b.fresh = 8;
    if (wanted(argv + 1, "threads")) bench_threads(&b, "generate, 1 -> 2 threads", generate);
    return sp_finish();
}
