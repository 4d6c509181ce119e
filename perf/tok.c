/* perf/tok.c - how fast a tokenizer loads, encodes and decodes.
 *
 *   tok MODEL [FILE]    on FILE, or without one on texts of its own
 *
 * One line a text: bytes, ids, MB/s (the best of the runs that fit into a second).
 */
#include "base/clock.h"
#include "cli/main.h"
#include "base/base.h"
#include "text/tok/tok.h"

#include <stdlib.h>
#include <string.h>

#define SIZE (10u << 20)

static void measure(const sp_tok *t, const char *what, const char *text, size_t n)
{
    sp_ids ids = {0};
    sp_err e = {0};
    double best = 1e30, start = sp_now();
    do {
        double t0 = sp_now();
        ids.n = 0;
        if (sp_tok_encode(t, text, n, 0, &ids, &e)) sp_die_err(&e);
        best = SP_MIN(best, sp_now() - t0);
    } while (sp_now() - start < 1);
    double t0 = sp_now();
    size_t len;
    free(sp_tok_decode(t, ids.ids, ids.n, false, &len));
    double rate = 1e-6 * (double)n / best;
    printf("%-28s %10zu bytes %10zu ids  encode %7.1f MB/s (%5.0f %% of 5)  decode %7.1f MB/s\n",
           what, n, ids.n, rate, 100 * rate / 5, 1e-6 * (double)len / (sp_now() - t0));
    sp_ids_free(&ids);
}

static char *read_all(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *p = NULL;
    size_t cap = 0;
    if (!f) sp_die(SP_EINPUT, "%s: cannot be read", path);
    for (size_t got = 1; got; *n += got) {
        p = sp_xrealloc(p, cap = 2 * *n + 4096);
        got = fread(p + *n, 1, cap - *n, f);
    }
    fclose(f);
    return p;
}

/* SIZE bytes of one unit again and again. */
static void repeat(const sp_tok *t, const char *what, const char *unit)
{
    char *p = sp_xmalloc(SIZE);
    for (size_t i = 0, n = strlen(unit); i < SIZE; i++) p[i] = unit[i % n];
    measure(t, what, p, SIZE);
    free(p);
}

static void random_bytes(const sp_tok *t)
{
    char *p = sp_xmalloc(SIZE);
    uint64_t x = 1;
    for (size_t i = 0; i < SIZE; i++)
        p[i] = (char)((x = x * 6364136223846793005u + 1442695040888963407u) >> 56);
    measure(t, "random bytes", p, SIZE);
    free(p);
}

int main(int argc, char **argv)
{
    sp_err e = {0};
    size_t n = 0;
    sp_start(argc, argv);
    if (argc < 2) sp_die(SP_EUSAGE, "usage: tok MODEL [FILE]");
    double t0 = sp_now();
    sp_tok *t = sp_tok_open(argv[1], &e);
    if (!t) sp_die_err(&e);
    printf("%s: %zu ids, loaded in %.3f s (target: below 0.5)\n", argv[1], sp_tok_vocab(t),
           sp_now() - t0);
    if (argc > 2) {
        char *text = read_all(argv[2], &n);
        measure(t, argv[2], text, n);
        free(text);
    } else {
        repeat(t, "one letter", "a");
        repeat(t, "spaces", " ");
        repeat(t, "newlines", "\n");
        repeat(t, "spaces and newlines", " \n");
        repeat(t, "no spaces", "abcdefghijklmnopqrstuvwxyz0123456789");
        random_bytes(t);
    }
    sp_tok_close(t);
    return sp_finish();
}
