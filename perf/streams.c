/* perf/streams.c - speed of sp-diff, sp-mask and sp-merge on cached files: 384 million elements of
 * F32, and masks of 384 and 576 million, so that each tool runs for long against the hundredth of a
 * second it takes to start (that is in the figures, and printed beside them).
 *
 *   raw     against the time one thread's memcpy takes to move as many bytes (read and written) as
 * the tool reads and writes; "reading alone" is a program that starts and reads the same files with
 * all threads, 256 KiB at a time into the same room, and does nothing with them zstd    sp-diff -z
 * 1 against zstd -T2 -1 on the bytes of the patch, both into /dev/null: a disk would set the pace
 * of both Files, 7.2 GB, lie in a directory of their own below $TMPDIR. Argument: the directory of
 * the tools; or `read FILE...`, to be that program.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/philox.h"
#include "cli/main.h"
#include "perf.h"
#include "tensor/dst.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define ROWS  24
#define N     ((size_t)16 << 20) /* elements a tensor */
#define MASKS 36                 /* tensors in the masks of which nothing but masks is made */

static char *dir;

typedef struct {
    char *command, *peer;
    double moved; /* bytes */
} job;

static double run(const char *command)
{
    double t0 = sp_now();
    if (system(command)) sp_die(SP_ESYSTEM, "failed: %s", command);
    return sp_now() - t0;
}

static double tool(void *ctx) { return run(((job *)ctx)->command); }
static double peer(void *ctx) { return run(((job *)ctx)->peer); }

static double copying(void *ctx)
{
    static const size_t n = 128u << 20;
    static char *a, *b;
    if (!a) memset(a = sp_xmalloc(n), 1, n), memset(b = sp_xmalloc(n), 1, n);
    double t0 = sp_now();
    for (int i = 0; i < 2; i++) memcpy(b, a, n);
    return (sp_now() - t0) * ((job *)ctx)->moved / (4 * (double)n);
}

/* A file of `rows` tensors, of random numbers or bits. */
static void make_file(const char *name, sp_dtype dtype, int rows, uint64_t seed)
{
    sp_err e = {0};
    sp_tinfo t[MASKS];
    char names[MASKS][8], *path = sp_xasprintf("%s/%s", dir, name);
    float *x = sp_xfloats(N);
    for (int i = 0; i < rows; i++) {
        snprintf(names[i], sizeof names[i], "t%d", i);
        t[i] = (sp_tinfo){.name = names[i],
                          .dtype = dtype,
                          .rank = 2,
                          .shape = {2048, N / 2048},
                          .numel = N,
                          .nbytes = N * sp_dtype_size(dtype)};
    }
    sp_dst *d = sp_dst_open(path, t, (size_t)rows, NULL, 0, &e);
    for (int i = 0; d && i < rows; i++) {
#pragma omp parallel for
        for (size_t j = 0; j < N; j++) {
            float u = (float)sp_rand_unit(seed, (uint64_t)i, j);
            x[j] = dtype == SP_BOOL ? u < .1f : u - .5f;
        }
        if (sp_dst_write_f32(d, x, &e) < 0) sp_die_err(&e);
    }
    if (!d || sp_dst_finish(d, &e) < 0) sp_die_err(&e);
    free(x), free(path);
}

/* `bytes` for each element of `rows` tensors are read or written. */
static void raw(const char *figure, char *command, double bytes, double rows, const char *target)
{
    char value[64], bound[64];
    job j = {command, NULL, bytes * rows * (double)N};
    bench_result r = bench_compare(tool, copying, &j);
    snprintf(value, sizeof value, "%.2f s, %.1f GB/s", r.seconds, 1e-9 * j.moved / r.seconds);
    snprintf(bound, sizeof bound, "memcpy %.1f GB/s: %.2f s", 1e-9 * j.moved / r.bound, r.bound);
    bench_print(figure, value, bound, r.ratio, target);
    free(command);
}

/* How long a tool takes to start and end. */
static void start(char *command)
{
    double s[RUNS];
    for (int i = 0; i < RUNS; i++) s[i] = run(command);
    printf("starting a tool: %.3f s\n", bench_median(s));
    free(command);
}

static void compressed(const char *figure, char *command, char *zstd)
{
    char value[64], bound[64];
    job j = {command, zstd, 0};
    bench_result r = bench_compare(tool, peer, &j);
    snprintf(value, sizeof value, "%.2f s", r.seconds);
    snprintf(bound, sizeof bound, "zstd -T2 -1: %.2f s", r.bound);
    bench_print(figure, value, bound, r.ratio, ">= 100 %");
    free(command), free(zstd);
}

static void read_all(const char *path)
{
    int fd = open(path, O_RDONLY);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (size < 0) sp_die(SP_EINPUT, "%s: cannot be read", path);
#pragma omp parallel
    {
        static const off_t piece = 256 << 10;
        char *room = sp_xmalloc((size_t)piece);
#pragma omp for schedule(dynamic)
        for (off_t at = 0; at < size; at += piece)
            if (pread(fd, room, (size_t)piece, at) <= 0)
                sp_die(SP_EINPUT, "%s: cannot be read", path);
        free(room);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    sp_start(argc, argv);
    if (argc > 2 && !strcmp(argv[1], "read")) {
        for (int i = 2; i < argc; i++) read_all(argv[i]);
        return sp_finish();
    }
    if (argc != 2) sp_die(SP_EUSAGE, "usage: streams DIRECTORY-OF-THE-TOOLS");
    const char *bin = argv[1], *tmp = getenv("TMPDIR");
    dir = sp_xasprintf("%s/sp-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(dir)) sp_die(SP_ESYSTEM, "%s: cannot be made", dir);
    sp_cleanup_add(dir);
    make_file("a", SP_F32, ROWS, 1), make_file("b", SP_F32, ROWS, 2),
        make_file("m", SP_BOOL, ROWS, 3);
    make_file("p", SP_BOOL, MASKS, 4), make_file("q", SP_BOOL, MASKS, 5);
    start(sp_xasprintf("%s/sp-diff --version >/dev/null", bin));
    raw("diff, raw", sp_xasprintf("%s/sp-diff -z 0 %s/a %s/b >/dev/null", bin, dir, dir), 8 + 4,
        ROWS, ">= 60 %");
    raw("top, raw", sp_xasprintf("%s/sp-mask top --rate .03 -z 0 %s/a >/dev/null", bin, dir), 4 + 1,
        ROWS, ">= 60 %");
    raw("  reading alone", sp_xasprintf("/proc/%d/exe read %s/a", (int)getpid(), dir), 4 + 1, ROWS,
        "");
    raw("minus, raw", sp_xasprintf("%s/sp-mask minus -z 0 %s/p %s/q >/dev/null", bin, dir, dir),
        2 + 1, MASKS, ">= 60 %");
    raw("merge, raw",
        sp_xasprintf("%s/sp-merge -z 0 %s/a --add %s/b --mask %s/m >/dev/null", bin, dir, dir, dir),
        9 + 4, ROWS, ">= 60 %");
    raw("  reading alone",
        sp_xasprintf("/proc/%d/exe read %s/a %s/b %s/m", (int)getpid(), dir, dir, dir), 9 + 4, ROWS,
        "");
    run(sp_xasprintf("%s/sp-merge -z 0 --dtype f16 -o %s/h %s/a", bin, dir, dir));
    raw("merge into F16, raw",
        sp_xasprintf("%s/sp-merge -z 0 %s/h --add %s/b --mask %s/m >/dev/null", bin, dir, dir, dir),
        7 + 2, ROWS, "");
    run(sp_xasprintf("%s/sp-diff -z 0 -o %s/d %s/a %s/b", bin, dir, dir, dir));
    compressed("diff, zstd", sp_xasprintf("%s/sp-diff -z 1 %s/a %s/b >/dev/null", bin, dir, dir),
               sp_xasprintf("zstd -q -T2 -1 -c %s/d >/dev/null", dir));
    sp_cleanup_remove(dir);
    return sp_finish();
}
