/* perf/checkpoint.c - a checkpoint of random weights for a configuration, of any size, in the
 * memory of one chunk.
 *
 *   checkpoint DIR [SEED]
 *
 * DIR holds config.json; shards of at most 5 GB in BF16 and their index are added.
 *
 * Matrices are drawn from about N(0, 0.02^2), each number a pure function of (seed, name, index);
 * norms are the identity. Arithmetic on such weights is as sane and as slow as on a trained model,
 * and their bytes compress as badly.
 */
#include "base/hash.h"
#include "cli/main.h"
#include "cli/opt.h"
#include "engine/checkpoint.h"
#include "tensor/dst.h"
#include "io/text.h"
#include "tensor/dst.h"
#include "tensor/vec.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SHARD_BYTES 5000000000u
#define CHUNK       (4u << 20)

typedef struct {
    size_t *first; /* [n + 1] parameter each shard begins with */
    size_t n;
} shards;

static uint64_t bytes_of(const sp_param *p) { return sp_numel(p) * sp_dtype_size(SP_BF16); }

static shards cut(const sp_model *m)
{
    shards s = {sp_xarray(m->n + 1, sizeof *s.first), 0};
    uint64_t size = SHARD_BYTES;
    for (size_t i = 0; i < m->n; size += bytes_of(&m->params[i++]))
        if (size + bytes_of(&m->params[i]) > SHARD_BYTES) s.first[s.n++] = i, size = 0;
    s.first[s.n] = m->n;
    return s;
}

static char *shard_name(const shards *s, size_t k)
{
    return sp_xasprintf("model-%05zu-of-%05zu.safetensors", k + 1, s->n);
}

/* ---- values --------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x) /* splitmix64 */
{
    x = (x + 1) * 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/* The sum of four uniform numbers of 16 bits: close to normal, variance 4/12 * 2^32. */
static float draw(uint64_t key, uint64_t i)
{
    uint64_t u = mix(key ^ i);
    int32_t sum = (int32_t)(u & 0xffff) + (int32_t)(u >> 16 & 0xffff) +
                  (int32_t)(u >> 32 & 0xffff) + (int32_t)(u >> 48);
    return 0.02f * 1.7320508f / 65536 * (float)(sum - 2 * 65535);
}

static void draw_chunk(float *x, const sp_param *p, uint64_t at, size_t n, uint64_t seed,
                       float norm)
{
    uint64_t key = mix(sp_hash(seed, p->name, strlen(p->name)));
#pragma omp parallel for simd schedule(static)
    for (size_t j = 0; j < n; j++) x[j] = p->cols == 1 ? norm : draw(key, at + j);
}

/* ---- files ---------------------------------------------------------------------------- */

static void check(int rc, const sp_err *e)
{
    if (rc < 0) sp_die_err(e);
}

static sp_dst *open_shard(const sp_model *m, const char *path, size_t from, size_t to)
{
    sp_err e = {0};
    sp_meta meta = {0};
    sp_tinfo *t = sp_xcalloc(to - from, sizeof *t);
    for (size_t i = from; i < to; i++) {
        const sp_param *p = &m->params[i];
        t[i - from] = (sp_tinfo){.name = p->name,
                                 .dtype = SP_BF16,
                                 .rank = p->cols == 1 ? 1 : 2,
                                 .shape = {p->rows, p->cols},
                                 .numel = sp_numel(p),
                                 .nbytes = bytes_of(p)};
    }
    sp_meta_set(&meta, "format", "pt");
    sp_dst *d = sp_dst_open(path, t, to - from, &meta, 0, &e);
    if (!d) sp_die_err(&e);
    sp_meta_free(&meta);
    free(t);
    return d;
}

static void write_shard(const sp_model *m, const char *path, size_t from, size_t to, uint64_t seed)
{
    sp_err e = {0};
    float *x = sp_xfloats(CHUNK);
    uint16_t *out = sp_xarray(CHUNK, sizeof *out);
    sp_dst *d = open_shard(m, path, from, to);
    for (const sp_param *p = m->params + from; p < m->params + to; p++)
        for (uint64_t at = 0; at < sp_numel(p); at += CHUNK) {
            size_t n = SP_MIN(sp_numel(p) - at, (uint64_t)CHUNK);
            draw_chunk(x, p, at, n, seed, m->cfg.norm_plus_one ? 0 : 1);
            sp_from_f32(out, x, SP_BF16, n);
            check(sp_dst_write(d, out, n * sizeof *out, &e), &e);
        }
    check(sp_dst_finish(d, &e), &e);
    free(x);
    free(out);
}

static void write_index(const sp_model *m, const char *dir, const shards *s)
{
    json_t *map = json_object();
    uint64_t total = 0;
    for (size_t k = 0; k < s->n; k++)
        for (size_t i = s->first[k]; i < s->first[k + 1]; i++) {
            char *file = shard_name(s, k);
            json_object_set_new(map, m->params[i].name, json_string(file));
            total += bytes_of(&m->params[i]);
            free(file);
        }
    json_t *root =
        json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)total, "weight_map", map);
    char *path = sp_xasprintf("%s/model.safetensors.index.json", dir);
    sp_text out;
    sp_text_open(&out, path);
    json_dumpf(root, out.f, JSON_INDENT(1));
    sp_text_finish(&out);
    json_decref(root);
    free(path);
    sp_note("%s: %zu parameters in %zu files, %.2f GB", dir, (size_t)(total / 2), s->n,
            1e-9 * (double)total);
}

int main(int argc, char **argv)
{
    sp_err e = {0};
    sp_start(argc, argv);
    sp_verbosity = 2;
    if (argc < 2) sp_die(SP_EUSAGE, "usage: checkpoint DIR [SEED]");
    sp_model *m = sp_model_blank(argv[1], &e);
    if (!m) sp_die_err(&e);
    shards s = cut(m);
    for (size_t k = 0; k < s.n; k++) {
        char *name = shard_name(&s, k), *path = sp_xasprintf("%s/%s", argv[1], name);
        write_shard(m, path, s.first[k], s.first[k + 1],
                    argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
        free(name);
        free(path);
    }
    write_index(m, argv[1], &s);
    free(s.first);
    sp_model_close(m);
    return sp_finish();
}
