/* test_attn.c - attention, forward and backward, against its definition in double; from a cache
 * against the pack's own keys.
 */
#include "engine/attn.h"
#include "operands.h"

#include <omp.h>

enum { HEADS = 4, GROUP = 2, KV = HEADS / GROUP, MAX = 140 };

/* Sequences of 1, 70 (more than a block of queries) and 9 tokens. */
static const int64_t start[] = {0, 1, 71, 80};
static const sp_pack pack = {3, start, NULL, 80};
enum { N = 80 };

/* Head widths below and above the 64 columns that are mixed at a time. */
static sp_config config_of(int64_t head_dim, int64_t window)
{
    return (sp_config){.heads = HEADS, .kv_heads = KV, .head_dim = head_dim, .window = window};
}

static bool sees(const sp_config *c, int64_t t, int64_t j)
{
    return j <= t && (!c->window || t - j < c->window);
}

/* prob[j] = what token t of sequence s gives to token j, for query head h. */
static void slow_softmax(const sp_config *c, const float *q, const float *k, int64_t s, int64_t t,
                         int64_t h, double *prob)
{
    int64_t d = c->head_dim, len = sp_pack_len(&pack, s), first = start[s];
    double max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < len; j++) {
        double score = 0;
        for (int64_t i = 0; i < d; i++)
            score += (double)q[((first + t) * HEADS + h) * d + i] *
                     (double)k[((first + j) * KV + h / GROUP) * d + i];
        prob[j] = sees(c, t, j) ? score / sqrt((double)d) : -INFINITY;
        max = SP_MAX(max, prob[j]);
    }
    for (int64_t j = 0; j < len; j++) sum += prob[j] = exp(prob[j] - max);
    for (int64_t j = 0; j < len; j++) prob[j] /= sum;
}

typedef struct {
    sp_config c;
    int64_t nq, nk;
    float *q, *k, *v, *ctx;
} inputs;

static inputs inputs_of(int64_t head_dim, int64_t window)
{
    int64_t nq = N * HEADS * head_dim, nk = N * KV * head_dim;
    return (inputs){config_of(head_dim, window),
                    nq,
                    nk,
                    random_floats(nq, 1),
                    random_floats(nk, 2),
                    random_floats(nk, 3),
                    sp_xfloats((size_t)nq)};
}

static void inputs_free(inputs *x) { free(x->q), free(x->k), free(x->v), free(x->ctx); }

/* ---- forward -------------------------------------------------------------------------- */

static void check_forward(int64_t d, int64_t window)
{
    inputs x = inputs_of(d, window);
    sp_attn_forward(&x.c, &pack, x.q, &(sp_attn_keys){.k = x.k, .v = x.v}, x.ctx);
    double prob[MAX];
    for (int64_t s = 0; s < pack.n_seq; s++)
        for (int64_t t = 0; t < sp_pack_len(&pack, s); t++)
            for (int64_t h = 0; h < HEADS; h++) {
                slow_softmax(&x.c, x.q, x.k, s, t, h, prob);
                for (int64_t i = 0; i < d; i++) {
                    double want = 0;
                    for (int64_t j = 0; j < sp_pack_len(&pack, s); j++)
                        want += prob[j] * (double)x.v[((start[s] + j) * KV + h / GROUP) * d + i];
                    expect_near("ctx", (double)x.ctx[((start[s] + t) * HEADS + h) * d + i], want,
                                3e-6);
                }
            }
    inputs_free(&x);
}

static void forward(void **state)
{
    (void)state;
    check_forward(8, 0);
    check_forward(80, 0);
    check_forward(8, 5);
    check_forward(80, 66);
}

/* The same tokens, appended to a cache in chunks: single tokens, which go without OpenBLAS, and
 * longer ones. With a window the ring is barely large enough. */
static void check_cached(int64_t d, int64_t window, int64_t chunk)
{
    enum { LEN = 70, FIRST = 1, SLOT = 2 };
    inputs x = inputs_of(d, window);
    sp_attn_forward(&x.c, &pack, x.q, &(sp_attn_keys){.k = x.k, .v = x.v}, x.ctx);
    float *got = sp_xfloats((size_t)(LEN * HEADS * d));
    sp_config c = x.c;
    c.layers = 2;
    sp_kv kv;
    sp_kv_alloc(&kv, &c, 3, window ? window + chunk : LEN);
    for (int64_t at = 0; at < LEN; at += chunk) {
        int64_t n = SP_MIN(chunk, LEN - at), slot = SLOT, pos0 = at, row = FIRST + at;
        const sp_pack piece = {1, (int64_t[]){0, n}, &pos0, n};
        sp_kv_append(&kv, 1, &piece, &slot, x.k + row * KV * d, x.v + row * KV * d);
        sp_attn_forward(&c, &piece, x.q + row * HEADS * d,
                        &(sp_attn_keys){.kv = &kv, .layer = 1, .slot = &slot},
                        got + at * HEADS * d);
    }
    for (int64_t i = 0; i < LEN * HEADS * d; i++)
        expect_near("cached", (double)got[i], (double)x.ctx[FIRST * HEADS * d + i], 3e-6);
    sp_kv_free(&kv);
    inputs_free(&x);
    free(got);
}

static void cached(void **state)
{
    (void)state;
    for (int64_t d = 8; d <= 80; d += 72)
        for (int64_t window = 0; window <= 7; window += 7) {
            check_cached(d, window, 1);
            check_cached(d, window, 11);
        }
}

/* ---- backward ------------------------------------------------------------------------- */

/* Gradients of sum(dctx * ctx) by the chain rule, in double: dp_tj = dctx_t . v_j, ds = p (dp - sum
 * p dp), and from there to q and k. */
static void slow_backward(const inputs *x, const float *dctx, double *dq, double *dk, double *dv)
{
    int64_t d = x->c.head_dim;
    double prob[MAX], dprob[MAX], scale = 1 / sqrt((double)d);
    for (int64_t s = 0; s < pack.n_seq; s++)
        for (int64_t t = 0; t < sp_pack_len(&pack, s); t++)
            for (int64_t h = 0; h < HEADS; h++) {
                int64_t row = ((start[s] + t) * HEADS + h) * d, len = sp_pack_len(&pack, s);
                double mean = 0;
                slow_softmax(&x->c, x->q, x->k, s, t, h, prob);
                for (int64_t j = 0; j < len; j++) {
                    dprob[j] = 0;
                    for (int64_t i = 0; i < d; i++)
                        dprob[j] += (double)dctx[row + i] *
                                    (double)x->v[((start[s] + j) * KV + h / GROUP) * d + i];
                    mean += prob[j] * dprob[j];
                }
                for (int64_t j = 0; j < len; j++) {
                    int64_t key = ((start[s] + j) * KV + h / GROUP) * d;
                    double ds = scale * prob[j] * (dprob[j] - mean);
                    for (int64_t i = 0; i < d; i++) {
                        dq[row + i] += ds * (double)x->k[key + i];
                        dk[key + i] += ds * (double)x->q[row + i];
                        dv[key + i] += prob[j] * (double)dctx[row + i];
                    }
                }
            }
}

static void check_backward(int64_t d, int64_t window)
{
    inputs x = inputs_of(d, window);
    size_t nq = (size_t)x.nq, nk = (size_t)x.nk;
    float *dctx = random_floats(x.nq, 4), *dq = sp_xfloats(nq), *dk = sp_xfloats(nk),
          *dv = sp_xfloats(nk);
    double *wq = sp_xcalloc(nq, sizeof *wq), *wk = sp_xcalloc(nk, sizeof *wk),
           *wv = sp_xcalloc(nk, sizeof *wv);
    slow_backward(&x, dctx, wq, wk, wv);
    sp_attn_backward(&x.c, &pack, x.q, x.k, x.v, dctx, dq, dk, dv);
    for (size_t i = 0; i < nq; i++) expect_near("dq", (double)dq[i], wq[i], 2e-5);
    for (size_t i = 0; i < nk; i++) expect_near("dk", (double)dk[i], wk[i], 2e-5);
    for (size_t i = 0; i < nk; i++) expect_near("dv", (double)dv[i], wv[i], 2e-5);
    inputs_free(&x);
    free(dctx), free(dq), free(dk), free(dv), free(wq), free(wk), free(wv);
}

static void backward(void **state)
{
    (void)state;
    check_backward(8, 0);
    check_backward(20, 5);
}

static void threads_do_not_change_bytes(void **state)
{
    (void)state;
    int before = omp_get_max_threads();
    inputs x = inputs_of(20, 0);
    size_t nq = (size_t)x.nq, nk = (size_t)x.nk;
    float *one = sp_xfloats(2 * nq + 2 * nk), *three = sp_xfloats(2 * nq + 2 * nk);
    for (int threads = 1; threads <= 3; threads += 2) {
        float *to = threads == 1 ? one : three;
        omp_set_num_threads(threads);
        sp_attn_forward(&x.c, &pack, x.q, &(sp_attn_keys){.k = x.k, .v = x.v}, to);
        sp_attn_backward(&x.c, &pack, x.q, x.k, x.v, to, to + nq, to + 2 * nq, to + 2 * nq + nk);
    }
    assert_memory_equal(one, three, (2 * nq + 2 * nk) * sizeof *one);
    omp_set_num_threads(before);
    inputs_free(&x);
    free(one), free(three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward),
        cmocka_unit_test(cached),
        cmocka_unit_test(backward),
        cmocka_unit_test(threads_do_not_change_bytes),
    };
    return cmocka_run_group_tests_name("attn", tests, NULL, NULL);
}
