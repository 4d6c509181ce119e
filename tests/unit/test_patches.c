/* test_patches.c - streams merged with streams: which inputs fit, what goes through, thresholds of
 * whole patches, whose fault it is. The arithmetic is tested in test_merge.c. */
#include "patch/patches.h"

#include "tensor_files.h"

#include <math.h>
#include <sys/wait.h>

/* base: i (integers), u, v; p has v and u, q has v; masks m for p, f and g are Fisher information.
 */
static void make_inputs(void)
{
    sp_tinfo base[] = {vector_of("i", SP_I32, 3), vector_of("u", SP_F32, 4),
                       vector_of("v", SP_BF16, 3)};
    sp_tinfo p[] = {vector_of("v", SP_F32, 3), vector_of("u", SP_F16, 4)};
    sp_tinfo m[] = {vector_of("u", SP_BOOL, 4), vector_of("v", SP_BOOL, 3)};
    sp_tinfo f[] = {vector_of("u", SP_F32, 4), vector_of("v", SP_F32, 3)};
    const float i[] = {7, -8, 9}, u[] = {10, 20, 30, 40}, v[] = {100, 200, 400};
    const float pu[] = {1, -2, 3, 4}, pv[] = {5, 6, -8}, qv[] = {-2, 10, 2};
    const float mu[] = {1, 0, 1, 0}, mv[] = {0, 1, 1}, fu[] = {1, 1, 1, 1}, fv[] = {1, 1, 3};
    put_tensors("base", 0, base, 3, (const float *[]){i, u, v});
    put_tensors("p", 1, p, 2, (const float *[]){pv, pu});
    put_tensors("q", 0, p, 1, (const float *[]){qv});
    put_tensors("m", 0, m, 2, (const float *[]){mu, mv});
    put_tensors("f", 0, f, 2, (const float *[]){fu, fv});
    put_tensors("g", 0, f, 2, (const float *[]){fu, fu});
}

/* Merge into x; 0 or -1. `dtype`: of u, -1 = its own. */
static int merge(sp_patches p, int dtype, sp_err *e)
{
    static sp_patches now;
    now = p;
    for (; now.n < SP_MERGE_MAX && now.patch[now.n].path; now.n++) continue;
    now.opt.lambda = 1;
    sp_src *base = must_open("base");
    int rc = sp_patches_open(&now, base, e);
    if (rc < 0) {
        for (size_t k = 0; k < now.n_in; k++) sp_src_close(now.in[k]);
        return -1;
    }
    sp_tinfo t[3];
    for (size_t k = 0; k < 3; k++) t[k] = *sp_src_info(base, k);
    if (dtype >= 0) t[1].dtype = (sp_dtype)dtype;
    sp_dst *d = sp_dst_open("x", t, 3, NULL, 0, e);
    assert_non_null(d);
    return sp_patches_merge(&now, d, e);
}

static void gives(sp_patches p, const float *u, const float *v)
{
    sp_err e = {0};
    float got[4];
    int32_t i[3];
    if (merge(p, -1, &e) < 0) fail_msg("%s", e.msg);
    sp_src *s = must_open("x");
    assert_int_equal(sp_src_read(s, 0, i, &e), 0);
    assert_true(i[0] == 7 && i[1] == -8 && i[2] == 9);
    assert_int_equal(sp_src_read_f32(s, 1, got, &e), 0);
    assert_memory_equal(got, u, 4 * sizeof *u);
    assert_int_equal(sp_src_read_f32(s, 2, got, &e), 0);
    assert_memory_equal(got, v, 3 * sizeof *v);
    sp_src_close(s);
}
#define GIVES(P, ...) gives(P, (float[]){__VA_ARGS__}, (float[]){__VA_ARGS__} + 4)

static void by_hand(void **state)
{
    (void)state;
    make_inputs();
    GIVES(((sp_patches){0}), 10, 20, 30, 40, 100, 200, 400);
    GIVES(((sp_patches){.patch = {{.path = "p", .scale = 1}}}), 11, 18, 33, 44, 105, 206, 392);
    GIVES(((sp_patches){.patch = {{.path = "p", .mask_path = "m", .scale = 2}}}), 12, 20, 36, 40,
          100, 212, 384);
    GIVES(((sp_patches){.patch = {{.path = "p", .scale = 1}, {.path = "q", .scale = 1}}}), 11, 18,
          33, 44, 103, 216, 394);
    sp_patches average = {.opt = {.method = SP_AVERAGE},
                          .patch = {{.path = "p", .scale = 2}, {.path = "q", .scale = 2}}};
    GIVES(average, 11, 18, 33, 44, 103, 216, 394);
    /* v: 5 and -2 weigh alike, 6 and 10 alike, -8 three times as much as 2 */
    sp_patches fisher = {.opt = {.method = SP_FISHER},
                         .patch = {{.path = "p", .fisher_path = "f", .scale = 1},
                                   {.path = "q", .fisher_path = "g", .scale = 1}}};
    GIVES(fisher, 10.5f, 19, 31.5f, 42, 101.5f, 208, 394);
    /* u and v whole, i in a step; t = 0 is the first model */
    sp_patches slerp = average;
    slerp.opt.method = SP_SLERP;
    slerp.patch[0].scale = slerp.patch[1].scale = 1;
    GIVES(slerp, 11, 18, 33, 44, 105, 206, 392);
}

/* The three largest of all seven numbers of p are in v; with the mask, one is in u. */
static void trimmed(void **state)
{
    (void)state;
    make_inputs();
    sp_patches ties = {.opt = {.method = SP_TIES, .density = .5},
                       .patch = {{.path = "p", .scale = 1}}};
    GIVES(ties, 10, 20, 33, 44, 100, 200, 392);
    ties.opt.global = 1;
    GIVES(ties, 10, 20, 30, 40, 105, 206, 392);
    ties.patch[0].mask_path = "m";
    GIVES(ties, 10, 20, 33, 40, 100, 206, 392);
    ties.opt.drop = .5; /* what is left is doubled */
    for (uint64_t seed = 0; seed < 4; seed++) {
        sp_err e = {0};
        float v[3];
        ties.opt.seed = seed;
        assert_int_equal(merge(ties, -1, &e), 0);
        sp_src *s = must_open("x");
        assert_int_equal(sp_src_read_f32(s, 2, v, &e), 0);
        assert_true(v[0] == 100 && (v[1] == 200 || v[1] == 212) && (v[2] == 400 || v[2] == 384));
        sp_src_close(s);
    }
}

/* Masks of their own making, in pieces and in whole tensors: each element is dropped or doubled. */
static void dropped(void **state)
{
    (void)state;
    make_inputs();
    int kept = 0;
    for (uint64_t seed = 0; seed < 8; seed++)
        for (int whole = 0; whole < 2; whole++) {
            sp_err e = {0};
            float u[4];
            sp_patches p = {.opt = {.method = whole ? SP_SLERP : SP_SUM, .drop = .5, .seed = seed},
                            .patch = {{.path = "p", .scale = 1}}};
            if (whole) p.patch[1] = (sp_patch){.path = "q", .scale = 1};
            assert_int_equal(merge(p, -1, &e), 0);
            sp_src *s = must_open("x");
            assert_int_equal(sp_src_read_f32(s, 1, u, &e), 0);
            static const float base[] = {10, 20, 30, 40}, all[] = {12, 16, 36, 48};
            for (int i = 0; i < 4; i++) {
                assert_true(u[i] == base[i] || u[i] == all[i]);
                kept += u[i] == all[i];
            }
            sp_src_close(s);
        }
    assert_in_range(kept, 16, 48); /* 32 of 64 are expected */
}

/* A mask from a pipe, whose order is not the base's: only what the patch has is read. */
static void mask_from_a_pipe(void **state)
{
    (void)state;
    make_inputs();
    sp_tinfo m[] = {vector_of("v", SP_BOOL, 3), vector_of("u", SP_BOOL, 4)};
    put_tensors("m", 0, m, 2, (const float *[]){(float[]){0, 1, 1}, (float[]){1, 1, 1, 1}});
    assert_int_equal(mkfifo("fifo", 0600), 0);
    for (int method = SP_SUM; method <= SP_TIES; method += SP_TIES - SP_SUM) {
        fflush(NULL);
        pid_t pid = fork();
        if (!pid) _exit(execlp("sh", "sh", "-c", "cat m > fifo", NULL));
        GIVES(((sp_patches){.opt = {.method = method, .density = 1},
                            .patch = {{.path = "q", .mask_path = "fifo", .scale = 1}}}),
              10, 20, 30, 40, 100, 210, 402);
        waitpid(pid, NULL, 0);
    }
}

static void other_dtype(void **state)
{
    (void)state;
    make_inputs();
    sp_err e = {0};
    double u[4];
    for (int patched = 0; patched < 2; patched++) {
        sp_patches p = {.patch = {{.path = patched ? "p" : "q", .scale = .5}}};
        assert_int_equal(merge(p, SP_F64, &e), 0);
        sp_src *s = must_open("x");
        assert_int_equal(sp_src_info(s, 1)->dtype, SP_F64);
        assert_int_equal(sp_src_read(s, 1, u, &e), 0);
        assert_true(u[0] == (patched ? 10.5 : 10) && u[3] == (patched ? 42 : 40));
        sp_src_close(s);
    }
}

static void refused(sp_patches p, const char *message)
{
    sp_err e = {0};
    assert_int_equal(merge(p, -1, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, message);
    assert_int_equal(access("x", F_OK), -1);
}

static void what_does_not_fit(void **state)
{
    (void)state;
    make_inputs();
    sp_tinfo z = vector_of("z", SP_F32, 3), bits = vector_of("v", SP_BOOL, 3),
             i = vector_of("i", SP_F32, 3), v = vector_of("v", SP_F32, 3);
    put_shard("stranger", &z, 1);
    put_shard("bits", &bits, 1);
    put_shard("ints", &i, 1);
    put_shard("only-v", &v, 1);
    refused((sp_patches){.patch = {{.path = "gone", .scale = 1}}}, "gone: No such file");
    refused((sp_patches){.patch = {{.path = "stranger"}}}, "base: tensor \"z\": missing");
    refused((sp_patches){.patch = {{.path = "bits"}}}, "bits: tensor \"v\": dtype BOOL");
    refused((sp_patches){.patch = {{.path = "ints"}}}, "base: tensor \"i\": dtype I32");
    refused((sp_patches){.patch = {{.path = "p", .mask_path = "bits"}}},
            "bits: tensor \"u\": missing");
    refused((sp_patches){.patch = {{.path = "p", .mask_path = "p"}}},
            "p: tensor \"v\": dtype F32, expected BOOL");
    sp_patches fisher = {.opt = {.method = SP_FISHER},
                         .patch = {{.path = "p", .fisher_path = "only-v", .scale = 1}}};
    refused(fisher, "only-v: tensor \"u\": missing");
    fisher.patch[0].fisher_path = "m";
    refused(fisher, "m: tensor \"u\": dtype BOOL, expected floating point");
}

static void whose_fault(void **state)
{
    (void)state;
    make_inputs();
    sp_tinfo v = vector_of("v", SP_F32, 3);
    put_tensors("bad", 0, &v, 1, (const float *[]){(float[]){0, NAN, 0}});
    put_tensors("huge", 0, &v, 1, (const float *[]){(float[]){0, 0, 3e38f}});
    sp_tinfo f[] = {vector_of("u", SP_F32, 4), v};
    put_tensors("less", 0, f, 2, (const float *[]){(float[]){1, 1, 1, -1}, (float[]){1, 1, 1}});
    for (int method = SP_SUM; method <= SP_STOCK; method++) {
        sp_patches p = {.opt = {.method = method, .density = 1},
                        .patch = {{.path = "p", .scale = 1}, {.path = "bad", .scale = 1}}};
        for (int k = 0; k < 2; k++) p.patch[k].fisher_path = method == SP_FISHER ? "f" : NULL;
        refused(p, "bad: tensor \"v\": holds NaN or Inf");
        p.allow_nonfinite = true;
        sp_err e = {0};
        assert_int_equal(merge(p, -1, &e), 0);
        unlink("x");
    }
    sp_patches twice = {.patch = {{.path = "huge", .scale = 1}, {.path = "huge", .scale = 1}}};
    refused(twice, "base: tensor \"v\": NaN or Inf in it, or in the result as BF16");
    sp_patches fisher = {.opt = {.method = SP_FISHER},
                         .patch = {{.path = "p", .fisher_path = "f", .scale = 1},
                                   {.path = "q", .fisher_path = "less", .scale = 1}}};
    refused(fisher, "less: tensor \"u\": holds NaN, Inf or a negative number");
    /* what no patch touches is looked at too */
    sp_tinfo u = vector_of("u", SP_F32, 1);
    put_tensors("base", 0, (sp_tinfo[]){u, vector_of("i", SP_I32, 3), v}, 3,
                (const float *[]){(float[]){INFINITY}, (float[]){1, 1, 1}, (float[]){1, 1, 1}});
    refused((sp_patches){.patch = {{.path = "q", .scale = 1}}},
            "base: tensor \"u\": NaN or Inf in it");
}

/* ---- tied heads ----------------------------------------------------------------------- */

#define EMBED "model.embed_tokens.weight"
#define HEAD  "lm_head.weight"

/* A stream of vectors of 3 numbers. */
static void put_vectors(const char *path, size_t n, const char *const *name)
{
    sp_tinfo t[4];
    static const float x[] = {1, 2, 3};
    const float *values[] = {x, x, x, x};
    for (size_t i = 0; i < n; i++) t[i] = vector_of(name[i], SP_F32, 3);
    put_tensors(path, 0, t, n, values);
}

/* Open "p" for "base"; the names that base has then, in order, or the message. */
static void opens(sp_patches p, bool dropped, const char *want)
{
    static sp_patches now;
    sp_err e = {0};
    char got[1000] = "";
    now = p;
    now.n = 1;
    now.patch[0].path = "p";
    sp_src *base = must_open("base");
    int rc = sp_patches_open(&now, base, &e);
    for (size_t i = 0; rc == 0 && i < sp_src_count(base); i++)
        strcat(strcat(got, sp_src_info(base, i)->name), " ");
    assert_string_equal(rc < 0 ? e.msg : got, want);
    assert_int_equal(now.patch[0].head_dropped, dropped);
    for (size_t k = 0; k < now.n_in; k++) sp_src_close(now.in[k]);
}

/* A tied base whose head is stored beside its embedding loses it when that is patched, and never
 * otherwise; the patch's own head goes with it. */
static void tied_heads(void **state)
{
    (void)state;
    const char *const base[] = {EMBED, "w", HEAD}, *const whole[] = {EMBED, HEAD, "w"};
    const sp_patches tied = {.tied = true}, untied = {0};
    put_vectors("base", 3, base);
    put_vectors("p", 1, base); /* the embedding */
    opens(tied, false, EMBED " w ");
    opens(untied, false, EMBED " w " HEAD " ");
    put_vectors("p", 1, base + 1); /* w */
    opens(tied, false, EMBED " w " HEAD " ");
    put_vectors("p", 3, whole);
    opens(tied, true, EMBED " w ");
    opens(untied, false, EMBED " w " HEAD " ");
    put_vectors("p", 1, base + 2); /* the head */
    opens(tied, false,
          "p: tensor \"" HEAD "\": base has it tied to the embedding, which the patch has not");
    opens(untied, false, EMBED " w " HEAD " ");
    put_vectors("base", 2, base); /* no head stored */
    put_vectors("p", 3, whole);
    opens(tied, true, EMBED " w ");
    opens(untied, false, "base: tensor \"" HEAD "\": missing");
    put_vectors("base", 2, base + 1); /* by the head's name alone */
    put_vectors("p", 1, base + 2);
    opens(tied, false, "w " HEAD " ");
}

/* Two of three changes of v, in BF16, are too small; a change of zero is none. */
static void rounding(void **state)
{
    (void)state;
    static sp_patches p;
    sp_err e = {0};
    sp_tinfo v = vector_of("v", SP_BF16, 4), d = vector_of("v", SP_F32, 4);
    const float x[] = {1, 1, 1, 1}, y[] = {0x1p-9f, -0x1p-10f, 0x1p-7f, 0};
    put_tensors("base", 0, &v, 1, (const float *[]){x});
    put_tensors("p", 0, &d, 1, (const float *[]){y});
    for (int wide = 0; wide < 2; wide++) {
        p = (sp_patches){.opt = {.lambda = 1}, .n = 1, .patch = {{.path = "p", .scale = 1}}};
        assert_int_equal(sp_patches_open(&p, must_open("base"), &e), 0);
        v.dtype = wide ? SP_F32 : SP_BF16;
        sp_dst *dst = sp_dst_open("x", &v, 1, NULL, 0, &e);
        assert_int_equal(sp_patches_merge(&p, dst, &e), 0);
        assert_int_equal(p.changed, wide ? 0 : 3); /* F32 is not counted */
        assert_int_equal(p.lost, wide ? 0 : 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(by_hand),          IN_DIR(trimmed),     IN_DIR(dropped),
        IN_DIR(mask_from_a_pipe), IN_DIR(other_dtype), IN_DIR(what_does_not_fit),
        IN_DIR(whose_fault),      IN_DIR(tied_heads),  IN_DIR(rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
