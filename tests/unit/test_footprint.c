/* test_footprint.c - predicted memory against what runs really take. */
#include "models.h"
#include "train/footprint.h"

#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Large enough that a run's memory stands out: 6 layers of 0.8 M weights, 24 MiB in all. */
static sp_model *model(bool tied)
{
    char config[600];
    snprintf(config, sizeof config,
             "{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":256,"
             "\"num_hidden_layers\":6,\"num_attention_heads\":4,\"num_key_value_heads\":4,"
             "\"intermediate_size\":704,\"vocab_size\":4000,\"hidden_act\":\"silu\","
             "\"tie_word_embeddings\":%s}",
             tied ? "true" : "false");
    return model_of(config, 0.02);
}

static int drop(void *self, sp_param *p, int64_t row, int64_t rows, float *g, sp_err *e)
{
    (void)self, (void)p, (void)row, (void)rows, (void)g, (void)e;
    return 0;
}

static void batch_of(sp_batch *b, int64_t n_seq, int64_t len)
{
    sp_example ex[16];
    for (int64_t s = 0; s < n_seq; s++) {
        ex[s] = (sp_example){len, sp_xarray((size_t)len, 4), NULL, false};
        for (int64_t t = 0; t < len; t++) ex[s].ids[t] = (int32_t)((s * 31 + t * 7) % 4000);
        ex[s].labels = ex[s].ids;
    }
    sp_batch_make(b, &(sp_examples){.n = (size_t)n_seq, .ex = ex}, NULL, (size_t)n_seq,
                  SP_MEAN_TOKEN);
    for (int64_t s = 0; s < n_seq; s++) free(ex[s].ids);
}

static long peak_kib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

/* What a run is said to take and what it takes, in MiB. */
typedef struct {
    double predicted, taken;
} figures;

static figures figures_of(bool tied, bool all, sp_each each, int64_t n_seq, int64_t len)
{
    sp_model *m = model(tied);
    sp_batch b;
    sp_err e = {0};
    double loss;
    batch_of(&b, n_seq, len);
    uint64_t predicted = sp_footprint(m, all, each, b.n, len);
    sp_grad_job job = {.all = all, .per_example = each, .emit = drop};
    long before = peak_kib();
    if (sp_grad_run(m, &b, &job, &loss, &e) != SP_GRAD_DONE) return (figures){0, 0};
    return (figures){(double)predicted / (1 << 20), (double)(peak_kib() - before) / 1024};
}

/* The same in a child, whose peak is its own. (Nothing in the parent has started threads.) */
static figures measure(bool tied, bool all, sp_each each, int64_t n_seq, int64_t len)
{
    int fd[2];
    figures f;
    assert_int_equal(pipe(fd), 0);
    fflush(NULL);
    if (fork() == 0) {
        f = figures_of(tied, all, each, n_seq, len);
        _exit(write(fd[1], &f, sizeof f) != sizeof f);
    }
    assert_int_equal(read(fd[0], &f, sizeof f), sizeof f);
    wait(NULL);
    close(fd[0]);
    close(fd[1]);
    return f;
}

static void compare(bool tied, bool all, sp_each each, int64_t n_seq, int64_t len)
{
    figures f = measure(tied, all, each, n_seq, len);
    printf("# tied %d all %d each %d, %d x %d: predicted %.1f MiB, taken %.1f\n", tied, all, each,
           (int)n_seq, (int)len, f.predicted, f.taken);
    assert_true(f.taken > 4); /* it stands out */
    assert_true(f.taken <= f.predicted && f.predicted <= 1.35 * f.taken);
}

static void as_predicted(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* the sanitizer's own memory counts too */
#endif
    compare(false, true, SP_EACH_NONE, 2, 16);
    compare(false, false, SP_EACH_NONE, 2, 16);
    compare(true, true, SP_EACH_NONE, 2, 16);
    compare(false, true, SP_EACH_ABS, 2, 16);
    compare(false, false, SP_EACH_ABS, 2, 16);
    compare(false, false, SP_EACH_NONE, 8, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_predicted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
