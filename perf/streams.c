/* perf/streams.c - speed of sp-diff, sp-mask and sp-merge on cached files.
 *
 *   streams DIRECTORY-OF-THE-TOOLS    prints one line a figure
 *   streams read FILE...              reads the files; the peer of "reading alone"
 *
 * The files hold 384 million elements of F32 and masks of 384 and 576 million, 7.2 GB in a
 * directory of their own below $TMPDIR. Each tool then runs for long against the hundredth of a
 * second that it takes to start. The start is part of the figures, and printed beside them.
 *
 *   raw            against the time one thread's memcpy takes to move as many bytes as the
 *                  tool reads and writes
 *   reading alone  a program that starts and reads the same files with all threads, 256 KiB at
 *                  a time into the same memory, and does nothing with them
 *   zstd           sp-diff -z 1 against zstd -T2 -1 on the bytes of the patch, both into
 *                  /dev/null, as a disk would set the pace of both
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

#define ROWS  24                 /* tensors in a file */
#define MASKS 36                 /* tensors in the masks of which nothing but masks is made */
#define N     ((size_t)16 << 20) /* elements a tensor */

/* What bench_compare runs: a tool, and what it is compared with. */
typedef struct {
    const char *command, *peer;
    double moved; /* bytes that the tool reads and writes */
} job;

/* Seconds that a shell command takes. */
static double run(const char *command)
{
    double t0 = sp_now();
    if (system(command)) sp_die(SP_ESYSTEM, "failed: %s", command);
    return sp_now() - t0;
}

static double tool(void *ctx) { return run(((job *)ctx)->command); }
static double peer(void *ctx) { return run(((job *)ctx)->peer); }

/* Seconds that memcpy takes to move as many bytes as the job, from a copy of a quarter of a GiB. */
static double copying(void *ctx)
{
    static const size_t n = 128u << 20;
    static char *a, *b;
    if (!a) memset(a = sp_xmalloc(n), 1, n), memset(b = sp_xmalloc(n), 1, n);
    double t0 = sp_now();
    for (int i = 0; i < 2; i++) memcpy(b, a, n);
    return (sp_now() - t0) * ((job *)ctx)->moved / (4 * (double)n);
}

/* A file of `rows` tensors (2048, N / 2048), of random numbers in (-.5, .5) or of bits, one in ten
 * of which is set. */
static void make_file(const char *name, sp_dtype dtype, int rows, uint64_t seed)
{
    sp_err e = {0};
    sp_tinfo t[MASKS];
    char names[MASKS][8];
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
    sp_dst *d = sp_dst_open(name, t, (size_t)rows, NULL, 0, &e);
    for (int i = 0; d && i < rows; i++) {
#pragma omp parallel for
        for (size_t j = 0; j < N; j++) {
            float u = (float)sp_rand_unit(seed, (uint64_t)i, j);
            x[j] = dtype == SP_BOOL ? u < .1f : u - .5f;
        }
        if (sp_dst_write_f32(d, x, &e) < 0) sp_die_err(&e);
    }
    if (!d || sp_dst_finish(d, &e) < 0) sp_die_err(&e);
    free(x);
}

/* ---- figures -------------------------------------------------------------------------- */

/* A tool on files as they are. `bytes` are read or written for each element of `rows` tensors;
 * `first` makes a file that the command needs, NULL if none. */
typedef struct {
    const char *figure, *command, *target;
    double bytes, rows;
    const char *first;
} raw_figure;

/* clang-format off */
#define MERGE(base) "sp-merge -z 0 " base " --add b --mask m >/dev/null"
static const raw_figure raw_figures[] = {
    {"diff, raw",           "sp-diff -z 0 a b >/dev/null",              ">= 60 %", 4 + 4 + 4,     ROWS,  NULL},
    {"top, raw",            "sp-mask top --rate .03 -z 0 a >/dev/null", ">= 60 %", 4 + 1,         ROWS,  NULL},
    {"  reading alone",     "$SELF read a",                             "",        4 + 1,         ROWS,  NULL},
    {"minus, raw",          "sp-mask minus -z 0 p q >/dev/null",        ">= 60 %", 1 + 1 + 1,     MASKS, NULL},
    {"merge, raw",          MERGE("a"),                                 ">= 60 %", 4 + 4 + 1 + 4, ROWS,  NULL},
    {"  reading alone",     "$SELF read a b m",                         "",        4 + 4 + 1 + 4, ROWS,  NULL},
    {"merge into F16, raw", MERGE("h"),                                 "",        2 + 4 + 1 + 2, ROWS,
     "sp-merge -z 0 --dtype f16 -o h a"},
};
/* clang-format on */

static void raw(const raw_figure *f)
{
    char value[64], bound[64];
    if (f->first) run(f->first);
    job j = {f->command, NULL, f->bytes * f->rows * (double)N};
    bench_result r = bench_compare(tool, copying, &j);
    snprintf(value, sizeof value, "%.2f s, %.1f GB/s", r.seconds, 1e-9 * j.moved / r.seconds);
    snprintf(bound, sizeof bound, "memcpy %.1f GB/s: %.2f s", 1e-9 * j.moved / r.bound, r.bound);
    bench_print(f->figure, value, bound, r.ratio, f->target);
}

/* How long a tool takes to start and end. */
static void start(void)
{
    double s[RUNS];
    for (int i = 0; i < RUNS; i++) s[i] = run("sp-diff --version >/dev/null");
    printf("starting a tool: %.3f s\n", bench_median(s));
}

static void compressed(void)
{
    char value[64], bound[64];
    run("sp-diff -z 0 -o d a b");
    job j = {"sp-diff -z 1 a b >/dev/null", "zstd -q -T2 -1 -c d >/dev/null", 0};
    bench_result r = bench_compare(tool, peer, &j);
    snprintf(value, sizeof value, "%.2f s", r.seconds);
    snprintf(bound, sizeof bound, "zstd -T2 -1: %.2f s", r.bound);
    bench_print("diff, zstd", value, bound, r.ratio, ">= 100 %");
}

/* ---- the program that reads ----------------------------------------------------------- */

static void read_all(const char *path)
{
    int fd = open(path, O_RDONLY);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (size < 0) sp_die(SP_EINPUT, "%s: cannot be read", path);
#pragma omp parallel
    {
        static const off_t piece = 256 << 10;
        char *buffer = sp_xmalloc((size_t)piece);
#pragma omp for schedule(dynamic)
        for (off_t at = 0; at < size; at += piece)
            if (pread(fd, buffer, (size_t)piece, at) <= 0)
                sp_die(SP_EINPUT, "%s: cannot be read", path);
        free(buffer);
    }
    close(fd);
}

/* ---- a directory for the files -------------------------------------------------------- */

/* Makes it the working directory, removed at the end, with the tools of `bin` first in PATH and
 * this program as $SELF. Returns its path. */
static char *enter_directory(const char *bin)
{
    const char *tmp = getenv("TMPDIR"), *path = getenv("PATH");
    char *tools = realpath(bin, NULL), *base = realpath(tmp && *tmp ? tmp : "/tmp", NULL);
    if (!tools) sp_die(SP_EINPUT, "%s: no such directory", bin);
    char *dir = sp_xasprintf("%s/sp-bench-XXXXXX", base ? base : "");
    if (!base || !mkdtemp(dir)) sp_die(SP_ESYSTEM, "%s: cannot be made", dir);
    sp_cleanup_add(dir);
    char *paths = sp_xasprintf("%s:%s", tools, path ? path : "");
    char *self = sp_xasprintf("/proc/%d/exe", (int)getpid());
    if (chdir(dir) || setenv("PATH", paths, 1) || setenv("SELF", self, 1))
        sp_die(SP_ESYSTEM, "%s: cannot be entered", dir);
    free(tools), free(base), free(paths), free(self);
    return dir;
}

int main(int argc, char **argv)
{
    sp_start(argc, argv);
    if (argc > 2 && !strcmp(argv[1], "read")) {
        for (int i = 2; i < argc; i++) read_all(argv[i]);
        return sp_finish();
    }
    if (argc != 2) sp_die(SP_EUSAGE, "usage: streams DIRECTORY-OF-THE-TOOLS");
    char *dir = enter_directory(argv[1]);
    make_file("a", SP_F32, ROWS, 1);
    make_file("b", SP_F32, ROWS, 2);
    make_file("m", SP_BOOL, ROWS, 3);
    make_file("p", SP_BOOL, MASKS, 4);
    make_file("q", SP_BOOL, MASKS, 5);
    start();
    for (size_t i = 0; i < sizeof raw_figures / sizeof *raw_figures; i++) raw(&raw_figures[i]);
    compressed();
    sp_cleanup_remove(dir);
    free(dir);
    return sp_finish();
}
