/* bench/engine.c - speed of the engine beside the machine's own: a training step and generation of a 110M LLaMA with random weights.
 *
 *   engine                 all figures, each the median of 5, with the bound measured in the same run:
 *     sgemm                one product of 2048 x 4096 x 4096 through OpenBLAS on all threads
 *     read                 bytes a second that all threads together can add up
 *     train                model FLOP/s (6 x parameters of the layers x tokens) of an AdamW step on 8 x 128 tokens, against sgemm
 *     generate 64          64 prompts of 32 tokens, 64 new ones each, against the time of its products at the sgemm rate
 *     generate 1           one prompt, against the time to read all weights once a token
 */
#include "gemm.h"
#include "gen.h"
#include "tune.h"
#include "vec.h"

#include <cblas.h>
#include <omp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUNS 5
#define VOCAB 32000

static int ascending(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, ascending);
    return x[n / 2];
}

/* ---- bounds ------------------------------------------------------------------------------------------------------- */

static double sgemm_rate(void)
{
    const int m = 2048, n = 4096, k = 4096;
    float *a = sp_xfloats0((size_t)m * k), *b = sp_xfloats0((size_t)k * n), *c = sp_xfloats0((size_t)m * n);
    double t[RUNS];
    for (int i = -1; i < RUNS; i++) {
        double t0 = sp_now();
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 0, c, n);
        if (i >= 0) t[i] = sp_now() - t0;
    }
    free(a), free(b), free(c);
    return 2.0 * m * n * k / median(t, RUNS);
}

static double read_rate(void)
{
    const size_t n = 128u << 20;
    float *x = sp_xfloats0(n), sum = 0;
    double t[RUNS];
    for (int i = 0; i < RUNS; i++) {
        double t0 = sp_now();
#pragma omp parallel for simd reduction(+ : sum)
        for (size_t j = 0; j < n; j++) sum += x[j];
        t[i] = sp_now() - t0;
    }
    if (sum != 0) puts("?");
    free(x);
    return (double)(n * sizeof *x) / median(t, RUNS);
}

/* ---- the model ---------------------------------------------------------------------------------------------------- */

static sp_model *random_model(void)
{
    sp_err e = {0};
    char dir[] = "/tmp/sp-bench-XXXXXX", path[64];
    if (!mkdtemp(dir)) sp_die(SP_ESYSTEM, "%s", dir);
    snprintf(path, sizeof path, "%s/config.json", dir);
    FILE *f = fopen(path, "w");
    if (!f) sp_die(SP_ESYSTEM, "%s", path);
    fprintf(f, "{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":768,\"num_hidden_layers\":12,\"num_attention_heads\":12,"
               "\"intermediate_size\":2048,\"vocab_size\":%d,\"hidden_act\":\"silu\",\"tie_word_embeddings\":true}", VOCAB);
    fclose(f);
    sp_model *m = sp_model_open(dir, NULL, 0.02, 1, &e);
    unlink(path), rmdir(dir);
    if (!m) sp_die_err(&e);
    return m;
}

/* Weights to BF16, as checkpoints have them. */
static void narrow(sp_model *m)
{
    m->held = sp_xcalloc(m->n, sizeof *m->held);
    for (size_t i = 0; i < m->n; i++) {
        sp_param *p = &m->params[i];
        p->data = m->held[i] = sp_xmalloc(2 * sp_numel(p));
        p->dtype = SP_BF16;
        sp_from_f32(m->held[i], p->own, SP_BF16, sp_numel(p));
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

static int32_t some_id(int64_t i, int64_t t) { return (int32_t)(sp_rand_u64(1, (uint64_t)i, (uint64_t)t) % VOCAB); }

/* ---- figures ------------------------------------------------------------------------------------------------------ */

static void train(sp_model *m, double sgemm)
{
    enum { B = 8, T = 128 };
    sp_example ex[B];
    sp_err e = {0};
    double t[RUNS];
    for (int i = 0; i < B; i++) {
        ex[i] = (sp_example){T, sp_xarray(T, 4), sp_xarray(T, 4)};
        for (int j = 0; j < T; j++) ex[i].ids[j] = ex[i].labels[j] = some_id(i, j);
    }
    sp_data d = {B, ex, 0};
    sp_tune_opt o = {.weight = 1, .fraction = 1, .moments = SP_F32, .optim = {SP_ADAMW, 0.9, 0.999, 1e-8, 0}, .lr = 1e-4, .steps = 1,
                     .accumulate = 1, .all = true};
    for (int i = -1; i < RUNS; i++) {
        double t0 = sp_now();
        if (sp_tune(m, &d, &o, &e) < 0) sp_die_err(&e);
        if (i >= 0) t[i] = sp_now() - t0;
    }
    double s = median(t, RUNS), rate = 6 * layer_params(m) * B * T / s;
    printf("train: %.0f ms a step, %.0f tokens/s, %.0f model GFLOP/s = %.0f %% of sgemm\n", 1e3 * s, B * T / s, 1e-9 * rate, 100 * rate / sgemm);
    for (int i = 0; i < B; i++) free(ex[i].ids), free(ex[i].labels);
}

static void done(void *self, size_t i) { (void)self, (void)i; }

static double generate(sp_model *m, int64_t prompts, int64_t prompt, int64_t fresh)
{
    sp_err e = {0};
    sp_gen_item *items = sp_xcalloc((size_t)prompts, sizeof *items);
    int32_t *ids = sp_xarray((size_t)(prompts * prompt), sizeof *ids);
    sp_gen_opt o = {.max_new = fresh, .batch = prompts, .prefill = 2048, .sampler = {0, 1, 0}};
    for (int64_t i = 0; i < prompts; i++) {
        items[i] = (sp_gen_item){.prompt = ids + i * prompt, .n_prompt = prompt};
        for (int64_t t = 0; t < prompt; t++) ids[i * prompt + t] = some_id(i, t);
    }
    double t0 = sp_now();
    if (sp_generate(m, items, (size_t)prompts, &o, done, NULL, &e) < 0) sp_die_err(&e);
    double s = sp_now() - t0;
    for (int64_t i = 0; i < prompts; i++) sp_ids_free(&items[i].out);
    free(items), free(ids);
    return s;
}

static double median_generate(sp_model *m, int64_t prompts, int64_t prompt, int64_t fresh)
{
    double t[RUNS];
    for (int i = 0; i < RUNS; i++) t[i] = generate(m, prompts, prompt, fresh);
    return median(t, RUNS);
}

int main(int argc, char **argv)
{
    sp_start(argc, argv);
    sp_gemm_start(argv);
    double sgemm = sgemm_rate(), read = read_rate();
    printf("OpenBLAS %s, %d threads: sgemm %.0f GFLOP/s, read %.1f GB/s\n", sp_gemm_kernel(), omp_get_max_threads(), 1e-9 * sgemm, 1e-9 * read);
    sp_model *m = random_model();
    train(m, sgemm);
    narrow(m);
    double head = (double)VOCAB * 768, flop = 2 * (layer_params(m) * 64 * (32 + 64) + head * 64 * 64), bytes = 2 * (layer_params(m) + head);
    double s = median_generate(m, 64, 32, 64), bound = flop / sgemm;
    printf("generate 64: %.2f s, %.0f tokens/s, bound by sgemm %.2f s = %.0f %%\n", s, 64 * 64 / s, bound, 100 * bound / s);
    s = median_generate(m, 1, 4, 64);
    bound = 64 * bytes / read;
    printf("generate 1: %.2f s, %.0f tokens/s, bound by reading %.2f s = %.0f %%\n", s, 64 / s, bound, 100 * bound / s);
    sp_model_close(m);
    return sp_finish();
}
