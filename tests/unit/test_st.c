/* test_st.c - safetensors headers sound and unsound, sources of every kind, outputs, checkpoint
 * directories, provenance. */
#include "base/command.h"
#include "cli/main.h"
#include "cli/opt.h"
#include "tensor/st.h"
#include "tensor/st_header.h"

#include "child.h"
#include "files.h"

#include <fcntl.h>
#include <signal.h>
#include <zstd.h>

/* ---- headers -------------------------------------------------------------------------- */

typedef struct {
    sp_tinfo *t;
    size_t n;
    sp_meta meta;
    uint64_t bytes;
    sp_err e;
} header;

static int parse(header *h, const char *json, size_t n)
{
    *h = (header){0};
    return sp_header_parse("f", json, n, &h->t, &h->n, &h->meta, &h->bytes, &h->e);
}

static void drop(header *h)
{
    sp_tinfos_free(h->t, h->n);
    sp_meta_free(&h->meta);
}

#define TENSOR(name, dtype, shape, off) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" off "}"

static void sound_headers(void **state)
{
    (void)state;
    static const char json[] =
        "{" TENSOR("b", "F32", "[2,3]", "[8,32]") ",\"__metadata__\":{\"k\":\"v\"}," TENSOR(
            "a", "BF16", "[4]", "[0,8]") "," TENSOR("none", "I64", "[0,7]",
                                                    "[8,8]") "," TENSOR("one", "BOOL", "[]",
                                                                        "[32,33]") "}   ";
    header h;
    assert_int_equal(parse(&h, json, sizeof json - 1), 0);
    static const char *const order[] = {"a", "none", "b", "one"};
    assert_int_equal(h.n, 4);
    for (size_t i = 0; i < 4; i++) assert_string_equal(h.t[i].name, order[i]);
    assert_int_equal(h.bytes, 33);
    assert_int_equal(h.t[2].rank, 2);
    assert_int_equal(h.t[2].numel, 6);
    assert_int_equal(h.t[2].nbytes, 24);
    assert_int_equal(h.t[2].offset, 8);
    assert_int_equal(h.t[3].rank, 0);
    assert_int_equal(h.t[3].numel, 1);
    assert_string_equal(sp_meta_get(&h.meta, "k"), "v");
    drop(&h);
    assert_int_equal(parse(&h, "{}", 2), 0);
    assert_int_equal(h.n, 0);
    drop(&h);
}

static void unsound_headers(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } rows[] = {
        {"", "f: not a safetensors file"},
        {"[]", "not a safetensors file"},
        {" {}", "not a safetensors file"},
        {"{", "bad header"},
        {"{}x", "bad header"},
        {"{\"a\":1}", "tensor \"a\" needs dtype"},
        {"{\"a\":{}}", "needs dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "needs dtype"},
        {"{" TENSOR("a", "F32", "[1]", "[0,4,8]") "}", "needs dtype"},
        {"{" TENSOR("a", "F33", "[1]", "[0,4]") "}", "tensor \"a\": dtype F33 is not supported"},
        {"{" TENSOR("a", "F8_E4M3", "[4]", "[0,4]") "}", "F8_E4M3"},
        {"{" TENSOR("a", "F32", "[-1]", "[0,4]") "}", "bad dimension"},
        {"{" TENSOR("a", "F32", "[1.5]", "[0,4]") "}", "bad dimension"},
        {"{" TENSOR("a", "F32", "[\"1\"]", "[0,4]") "}", "bad dimension"},
        {"{" TENSOR("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", "rank 9"},
        {"{" TENSOR("a", "F32", "[4294967296,4294967296]", "[0,4]") "}", "overflows"},
        {"{" TENSOR("a", "F64", "[4611686018427387904]", "[0,0]") "}", "overflows"},
        {"{" TENSOR("a", "F32", "[9223372036854775808]", "[0,4]") "}", "bad header"},
        {"{" TENSOR("a", "F32", "[1]", "[0,3]") "}",
         "data_offsets span 3 bytes, its shape needs 4"},
        {"{" TENSOR("a", "F32", "[1]", "[-4,0]") "}", "bad data_offsets"},
        {"{" TENSOR("a", "F32", "[1]", "[4,0]") "}", "bad data_offsets"},
        {"{" TENSOR("a", "F32", "[1]", "[0,4.0]") "}", "bad data_offsets"},
        {"{" TENSOR("a", "F32", "[1]", "[4,8]") "}",
         "tensor \"a\": data begin at 4, expected 0 (gap)"},
        {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[2,6]") "}",
         "tensor \"b\": data begin at 2, expected 4 (overlap)"},
        {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[0,4]") "}",
         "(overlap)"},
        {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("a", "F32", "[1]", "[4,8]") "}",
         "duplicate"},
        {"{\"__metadata__\":[]}", "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"a\":1}}", "__metadata__ \"a\" is not a string"},
        {"{\"\xff\":{}}", "bad header"},
        {"{\"a\\u0000b\":{}}", "bad header"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        header h;
        assert_int_equal(parse(&h, rows[i].json, strlen(rows[i].json)), -1);
        assert_int_equal(h.e.code, SP_EINPUT);
        assert_message(h.e, rows[i].message);
        assert_null(h.t);
    }
}

/* What a small file could make the parser allocate is bounded before it parses. */
static void too_many_values(void **state)
{
    (void)state;
    size_t n = 20 << 20;
    char *json = sp_xmalloc(n);
    memset(json, ',', n);
    memcpy(json, "{\"a\":[1", 7);
    for (size_t i = 7; i + 1 < n; i += 2) json[i + 1] = '1';
    header h;
    assert_int_equal(parse(&h, json, n), -1);
    assert_message(h.e, "more than");
    free(json);
}

/* Mutated headers: no crash, and what is accepted is sound. */
static void mutated_headers(void **state)
{
    (void)state;
    static const char seed[] = "{\"__metadata__\":{\"format\":\"pt\"}," TENSOR(
        "a.weight", "BF16", "[4,2]",
        "[0,16]") "," TENSOR("b", "F32", "[3]", "[16,28]") "," TENSOR("c", "BOOL", "[1,2,2]",
                                                                      "[28,32]") "}";
    static const char alphabet[] = "0123456789-.,:[]{}\"\\eEFBU \xc3\xff";
    char json[sizeof seed];
    uint64_t x = 1;
    int accepted = 0;
    for (int round = 0; round < 20000; round++) {
        memcpy(json, seed, sizeof seed);
        size_t n = sizeof seed - 1;
        for (int k = 0; k <= round % 3; k++) {
            x = x * 6364136223846793005ull + 1442695040888963407ull;
            size_t at = (x >> 33) % n;
            if (x >> 60 == 0) n = at + 1;
            else json[at] = alphabet[(x >> 20) % (sizeof alphabet - 1)];
        }
        header h;
        if (parse(&h, json, n) < 0) {
            assert_int_equal(h.e.code, SP_EINPUT);
            continue;
        }
        uint64_t end = 0;
        for (size_t i = 0; i < h.n; end += h.t[i++].nbytes) {
            assert_int_equal(h.t[i].offset, end);
            assert_int_equal(h.t[i].nbytes, h.t[i].numel * sp_dtype_size(h.t[i].dtype));
        }
        assert_int_equal(end, h.bytes);
        accepted++;
        drop(&h);
    }
    assert_in_range(accepted, 100, 10000);
}

static void dtypes_and_shapes(void **state)
{
    (void)state;
    for (int d = 0; d < SP_NDTYPES; d++)
        assert_int_equal(sp_dtype_parse(sp_dtype_name((sp_dtype)d)), d);
    assert_int_equal(sp_dtype_parse("bf16"), SP_BF16);
    assert_int_equal(sp_dtype_parse("F"), -1);
    assert_int_equal(sp_dtype_parse(""), -1);
    char s[16];
    sp_tinfo t = {.rank = 2, .shape = {4096, 11008}}, u = {.rank = 0},
             v = {.rank = 2, .shape = {4096, 11009}};
    sp_shape_str(&t, s, sizeof s);
    assert_string_equal(s, "4096x11008");
    sp_shape_str(&t, s, 6);
    assert_string_equal(s, "4096x");
    sp_shape_str(&u, s, sizeof s);
    assert_string_equal(s, "scalar");
    assert_true(sp_same_shape(&t, &t));
    assert_false(sp_same_shape(&t, &u));
    assert_false(sp_same_shape(&t, &v));
}

static void metadata(void **state)
{
    (void)state;
    sp_meta m = {0};
    for (int i = 0; i < 100; i++) {
        char k[16];
        snprintf(k, sizeof k, "k%d", i);
        sp_meta_set(&m, k, "old");
        sp_meta_set(&m, k, k);
    }
    assert_int_equal(m.n, 100);
    assert_string_equal(sp_meta_get(&m, "k77"), "k77");
    assert_null(sp_meta_get(&m, "k100"));
    sp_meta_free(&m);
    assert_int_equal(m.n, 0);
}

/* ---- streams -------------------------------------------------------------------------- */

/* Three tensors of 6 F32, 5 BF16, 3 BOOL, an empty and a scalar one, their bytes 0, 1, 2 ... */
static sp_tinfo five[] = {
    {.name = "w", .dtype = SP_F32, .rank = 2, .shape = {2, 3}},
    {.name = "h", .dtype = SP_BF16, .rank = 1, .shape = {5}},
    {.name = "m", .dtype = SP_BOOL, .rank = 1, .shape = {3}},
    {.name = "e", .dtype = SP_F32, .rank = 2, .shape = {0, 4}},
    {.name = "s", .dtype = SP_F64, .rank = 0},
};
static const size_t five_bytes[] = {24, 10, 3, 0, 8};

static void write_five(const char *path, int level, const sp_meta *meta)
{
    sp_err e = {0};
    sp_dst *d = sp_dst_open(path, five, 5, meta, level, &e);
    assert_non_null(d);
    for (size_t i = 0, k = 0; i < 5; i++)
        for (size_t j = 0; j < five_bytes[i]; j++, k++) {
            uint8_t b = (uint8_t)k;
            assert_int_equal(sp_dst_write(d, &b, 1, &e), 0);
        }
    assert_int_equal(sp_dst_finish(d, &e), 0);
}

static void check_five(sp_src *s, size_t first)
{
    uint8_t buf[24], k = 0;
    sp_err e = {0};
    assert_int_equal(sp_src_count(s), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(sp_src_info(s, i)->name, five[i].name);
        assert_int_equal(sp_src_find(s, five[i].name), i);
        assert_int_equal(sp_src_info(s, i)->nbytes, five_bytes[i]);
        if (i >= first) assert_int_equal(sp_src_read(s, i, buf, &e), 0);
        for (size_t j = 0; j < five_bytes[i]; j++, k++)
            if (i >= first) assert_int_equal(buf[j], k);
    }
    assert_int_equal(sp_src_find(s, "x"), -1);
    assert_int_equal(sp_src_end(s, &e), 0);
}

static sp_src *must_open(const char *path)
{
    sp_err e = {0};
    sp_src *s = sp_src_open(path, &e);
    if (!s) fail_msg("%s", e.msg);
    return s;
}

static void streams_round_trip(void **state)
{
    (void)state;
    sp_meta meta = {0};
    sp_meta_set(&meta, "format", "pt");
    for (int level = 0; level < 2; level++) {
        write_five("x", level, &meta);
        sp_src *s = must_open("x");
        check_five(s, 0);
        check_five(s, 3); /* again, from the middle */
        assert_true(sp_src_seekable(s));
        assert_int_equal(sp_src_nshards(s), 1);
        assert_string_equal(sp_src_shard_name(s, 0), "x");
        assert_string_equal(sp_meta_get(sp_src_meta(s), "format"), "pt");
        assert_int_equal(sp_src_map(s, 0) != NULL, level == 0);
        uint8_t part[2];
        sp_err e = {0};
        assert_int_equal(sp_src_read_part(s, 2, 1, 2, part, &e), 0);
        assert_int_equal(part[0], 35);
        sp_src_close(s);
    }
    sp_meta_free(&meta);
}

/* 8 bytes of length and a header that is a multiple of 8, so that data are aligned for others too;
 * same bytes every time. */
static void header_is_aligned(void **state)
{
    (void)state;
    size_t n, m;
    write_five("x", 0, NULL);
    write_five("y", 0, NULL);
    char *x = get_file("x", &n), *y = get_file("y", &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    assert_int_equal((uint8_t)x[0] % 8, 0);
    static const char head[] =
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},\"h\":";
    assert_memory_equal(x + 8, head, sizeof head - 1);
    free(x);
    free(y);
}

static void map_is_aligned_or_null(void **state)
{
    (void)state;
    static const char json[] =
        "{" TENSOR("a", "U8", "[1]", "[0,1]") "," TENSOR("b", "F32", "[1]", "[1,5]") "}";
    uint8_t file[8 + sizeof json + 4] = {sizeof json - 1};
    memcpy(file + 8, json, sizeof json - 1);
    float x = 1.5f, got = 0;
    memcpy(file + 8 + sizeof json - 1 + 1, &x, 4);
    put_file("x", file, 8 + sizeof json - 1 + 5);
    sp_src *s = must_open("x");
    sp_err e = {0};
    const float *p = sp_src_map(s, 1);
    assert_true(!p || (uintptr_t)p % 4 == 0);
    assert_non_null(sp_src_map(s, 0));
    assert_int_equal(sp_src_read_f32(s, 1, &got, &e), 0);
    assert_true(got == x);
    sp_src_close(s);
}

static void widening(void **state)
{
    (void)state;
    sp_tinfo t[] = {{.name = "h", .dtype = SP_F16, .rank = 1, .shape = {3}},
                    {.name = "b", .dtype = SP_BF16, .rank = 1, .shape = {3}},
                    {.name = "m", .dtype = SP_BOOL, .rank = 1, .shape = {3}},
                    {.name = "i", .dtype = SP_I64, .rank = 1, .shape = {3}}};
    static const float x[] = {1, -2.5f, 0};
    sp_err e = {0};
    for (int level = 0; level < 2; level++) {
        sp_dst *d = sp_dst_open("x", t, 4, NULL, level, &e);
        for (int i = 0; i < 4; i++) assert_int_equal(sp_dst_write_f32(d, x, &e), 0);
        assert_int_equal(sp_dst_finish(d, &e), 0);
        sp_src *s = must_open("x");
        float y[3];
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(sp_src_read_f32(s, i, y, &e), 0);
            assert_true(y[0] == 1 && y[1] == (i == 2 ? 1 : -2.5f) && y[2] == 0);
        }
        assert_int_equal(sp_src_read_f32_part(s, 0, 1, 1, y, &e), 0);
        assert_true(y[0] == -2.5f);
        sp_err bad = {0};
        assert_int_equal(sp_src_read_f32(s, 3, y, &bad), -1);
        assert_message(bad, "x: tensor \"i\": dtype I64, expected floating point");
        sp_src_close(s);
    }
}

static void writer_counts(void **state)
{
    (void)state;
    sp_err e = {0};
    uint8_t z[32] = {0};
    sp_dst *d = sp_dst_open("x", five, 5, NULL, 0, &e);
    assert_int_equal(sp_dst_write(d, z, 25, &e), -1); /* over the end of "w" */
    assert_message(e, "more data written than tensor \"w\" holds");
    e.code = 0;
    assert_int_equal(sp_dst_write(d, z, 24, &e), 0);
    assert_int_equal(sp_dst_finish(d, &e), -1);
    assert_message(e, "tensor \"h\" was not written");
    assert_int_equal(entries(), 0);
    sp_tinfo twice[] = {five[0], five[0]};
    e.code = 0;
    assert_null(sp_dst_open("x", twice, 2, NULL, 0, &e));
    assert_message(e, "tensor \"w\" appears twice");
    assert_int_equal(entries(), 0);
}

/* ---- damaged streams ------------------------------------------------------------------ */

/* Open, read all, prove the end. 0 or -1. */
static int read_all(const char *path, sp_err *e)
{
    sp_src *s = sp_src_open(path, e);
    int rc = s ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < sp_src_count(s); i++) {
        float *x = NULL;
        size_t cap = 0;
        rc = sp_src_load_f32(s, i, &x, &cap, e);
        free(x);
    }
    if (rc == 0) rc = sp_src_end(s, e);
    sp_src_close(s);
    return rc;
}

/* The same bytes through a pipe. */
static int read_all_piped(const char *path, sp_err *e)
{
    char *cmd = sp_xasprintf("cat %s > fifo", path);
    if (access("fifo", F_OK)) assert_int_equal(mkfifo("fifo", 0600), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) _exit(execlp("sh", "sh", "-c", cmd, NULL));
    int rc = read_all("fifo", e);
    waitpid(pid, NULL, 0);
    free(cmd);
    return rc;
}

static void every_cut_is_seen(void **state)
{
    (void)state;
    for (int level = 0; level < 2; level++) {
        write_five("x", level, NULL);
        size_t n;
        char *file = get_file("x", &n);
        for (size_t cut = 0; cut < n; cut++) {
            put_file("y", file, cut);
            sp_err e = {0}, p = {0};
            assert_int_equal(read_all("y", &e), -1);
            assert_int_equal(e.code, SP_EINPUT);
            assert_message(e, "y: ");
            if (cut % 37 == 0 || cut + 3 > n) {
                assert_int_equal(read_all_piped("y", &p), -1);
                assert_int_equal(p.code, SP_EINPUT);
                assert_message(p, "fifo: ");
            }
        }
        memcpy(file + n, "", 1); /* the terminating NUL that get_file left */
        put_file("y", file, n + 1);
        sp_err e = {0}, p = {0};
        assert_int_equal(read_all("y", &e), -1);
        assert_int_equal(read_all_piped("y", &p), -1);
        if (level == 0) assert_message(e, "y: longer than its header says");
        put_file("y", file, n);
        e.code = p.code = 0;
        assert_int_equal(read_all("y", &e), 0);
        assert_int_equal(read_all_piped("y", &p), 0);
        free(file);
    }
}

/* A header that promises more than any machine has: refused when the data do not come, not when
 * memory runs out. */
static void huge_claims(void **state)
{
    (void)state;
    static const char json[] =
        "{" TENSOR("a", "F32", "[250000000000000]", "[0,1000000000000000]") "}";
    uint8_t file[8 + sizeof json + 100] = {sizeof json - 1};
    memcpy(file + 8, json, sizeof json - 1);
    put_file("x", file, 8 + sizeof json - 1 + 100);
    sp_err e = {0}, p = {0};
    assert_int_equal(read_all("x", &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, "x: truncated");
    assert_int_equal(read_all_piped("x", &p), -1);
    assert_int_equal(p.code, SP_EINPUT);
    assert_message(p, "truncated");
    memset(file, 0xff, 8);
    put_file("x", file, sizeof file);
    e.code = 0;
    assert_int_equal(read_all("x", &e), -1);
    assert_message(e, "x: not a safetensors file (a header of 18446744073709551615 bytes)");
}

/* ---- pipes and single frames ---------------------------------------------------------- */

static void pipes_go_forward(void **state)
{
    (void)state;
    write_five("x", 1, NULL);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) _exit(execlp("sh", "sh", "-c", "cat x > fifo", NULL));
    sp_src *s = must_open("fifo");
    uint8_t buf[24];
    sp_err e = {0};
    assert_false(sp_src_seekable(s));
    assert_null(sp_src_map(s, 0));
    assert_int_equal(sp_src_read(s, 1, buf, &e), 0); /* skips the first */
    assert_int_equal(buf[0], 24);
    assert_int_equal(sp_src_read(s, 0, buf, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, "fifo: tensor \"w\" expected, but the pipe has gone on to \"m\"");
    e.code = 0;
    assert_int_equal(sp_src_read(s, 4, buf, &e), 0);
    assert_int_equal(sp_src_end(s, &e), 0);
    sp_src_close(s);
    waitpid(pid, NULL, 0);
}

/* A file compressed in one piece without its size is opened again for what lies behind. */
static void one_large_frame(void **state)
{
    (void)state;
    write_five("x", 0, NULL);
    size_t n;
    char *raw = get_file("x", &n), z[4096];
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
    size_t len = ZSTD_compress2(c, z, sizeof z, raw, n);
    ZSTD_freeCCtx(c);
    free(raw);
    put_file("z", z, len);
    sp_src *s = must_open("z");
    check_five(s, 0);
    check_five(s, 0);
    uint8_t buf[24];
    sp_err e = {0};
    for (int i = 4; i >= 0; i--) assert_int_equal(sp_src_read(s, (size_t)i, buf, &e), 0);
    assert_int_equal(buf[5], 5);
    assert_true(sp_src_seekable(s));
    sp_src_close(s);
}

/* ---- checkpoint directories ----------------------------------------------------------- */

static void put_text(const char *path, const char *text) { put_file(path, text, strlen(text)); }

/* Shard `file` of dir with tensors t[0..n), their elements 1, 2, 3 ... */
static void put_shard(const char *file, const sp_tinfo *t, size_t n)
{
    sp_err e = {0};
    float x[16];
    sp_dst *d = sp_dst_open(file, t, n, NULL, 0, &e);
    assert_non_null(d);
    for (size_t i = 0; i < n; i++) {
        for (int j = 0; j < 16; j++) x[j] = (float)(i * 10 + (size_t)j);
        assert_int_equal(sp_dst_write_f32(d, x, &e), 0);
    }
    assert_int_equal(sp_dst_finish(d, &e), 0);
}

static const char index_text[] = "{\"metadata\":{\"total_size\":40},\"weight_map\":{\"w\":\"m-2."
                                 "safetensors\",\"h\":\"m-1.safetensors\","
                                 "\"m\":\"m-1.safetensors\"}}";

/* A checkpoint of two shards with configuration and tokenizer. */
static void make_checkpoint(void)
{
    assert_int_equal(mkdir("ck", 0777), 0);
    put_shard("ck/m-2.safetensors", &five[0], 1);
    put_shard("ck/m-1.safetensors", &five[1], 2);
    put_text("ck/model.safetensors.index.json", index_text);
    put_text("ck/config.json", "{\"hidden_size\":4,\"torch_dtype\":\"bfloat16\"}");
    put_text("ck/tokenizer.json", "{}");
    put_text("ck/pytorch_model.bin", "other weights");
}

static void shards(void **state)
{
    (void)state;
    make_checkpoint();
    sp_src *s = must_open("ck/");
    assert_string_equal(sp_src_name(s), "ck");
    assert_int_equal(sp_src_nshards(s), 2);
    assert_string_equal(sp_src_shard_name(s, 0), "m-1.safetensors");
    static const char *const order[] = {"h", "m", "w"};
    static const int shard[] = {0, 0, 1};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(sp_src_info(s, i)->name, order[i]);
        assert_int_equal(sp_src_info(s, i)->shard, shard[i]);
    }
    float x[6];
    sp_err e = {0};
    assert_int_equal(sp_src_read_f32(s, 2, x, &e), 0);
    assert_true(x[5] == 5);
    assert_int_equal(sp_src_end(s, &e), 0);
    sp_src_close(s);
}

static void open_fails(const char *path, const char *message)
{
    sp_err e = {0};
    assert_null(sp_src_open(path, &e));
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, message);
}

static void bad_checkpoints(void **state)
{
    (void)state;
    make_checkpoint();
    static const struct {
        const char *index, *message;
    } rows[] = {
        {"{", "ck/model.safetensors.index.json: line 1"},
        {"[]", "no weight_map"},
        {"{\"weight_map\":{\"w\":\"../x\"}}", "tensor \"w\": bad file name"},
        {"{\"weight_map\":{\"w\":\"..\"}}", "bad file name"},
        {"{\"weight_map\":{\"w\":7}}", "bad file name"},
        {"{\"weight_map\":{\"w\":\"a\",\"w\":\"b\"}}", "duplicate"},
        {"{\"weight_map\":{\"w\":\"gone.safetensors\"}}", "ck/gone.safetensors: No such file"},
        {"{\"weight_map\":{\"w\":\"m-2.safetensors\",\"h\":\"m-1.safetensors\",\"m\":\"m-2."
         "safetensors\"}}",
         "ck: tensor \"m\": in the index, but not in m-2.safetensors"},
        {"{\"weight_map\":{\"w\":\"m-2.safetensors\",\"h\":\"m-1.safetensors\",\"m\":\"m-1."
         "safetensors\",\"q\":\"m-1.safetensors\"}}",
         "ck: tensor \"q\": in the index, but not in m-1.safetensors"},
        {"{\"weight_map\":{\"w\":\"m-2.safetensors\",\"h\":\"m-1.safetensors\"}}",
         "ck: tensor \"m\": in m-1.safetensors, but not in the index"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_text("ck/model.safetensors.index.json", rows[i].index);
        open_fails("ck", rows[i].message);
    }
    put_text("ck/model.safetensors.index.json", index_text);
    put_shard("ck/m-2.safetensors", five, 2);
    open_fails("ck", "ck: tensor \"h\": both in m-1.safetensors and in m-2.safetensors");
    put_text("ck/m-2.safetensors", "");
    open_fails("ck", "ck/m-2.safetensors: is empty");
    unlink("ck/model.safetensors.index.json");
    open_fails("ck", "ck: no model.safetensors or model.safetensors.index.json in it");
}

/* Copy a checkpoint through sp_dst_open_dir with another dtype (-1: the same); 0 or -1. */
static int copy_checkpoint(const char *from, const char *to, int dtype, sp_err *e)
{
    sp_src *s = must_open(from);
    sp_tinfo t[3];
    float x[16];
    for (size_t i = 0; i < 3; i++) {
        t[i] = *sp_src_info(s, i);
        if (dtype >= 0) t[i].dtype = (sp_dtype)dtype;
    }
    sp_dst *d = sp_dst_open_dir(to, from, t, 3, NULL, e);
    int rc = d ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < 3; i++) {
        assert_int_equal(access(to, F_OK), -1); /* nothing to be seen before the end */
        rc = sp_src_read_f32(s, i, x, e) < 0 ? -1 : sp_dst_write_f32(d, x, e);
    }
    sp_src_close(s);
    return rc < 0 ? -1 : sp_dst_finish(d, e);
}

static void same_file(const char *a, const char *b)
{
    size_t n, m;
    char *x = get_file(a, &n), *y = get_file(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

static void checkpoint_copies(void **state)
{
    (void)state;
    make_checkpoint();
    sp_err e = {0};
    assert_int_equal(copy_checkpoint("ck", "out/", -1, &e), 0);
    assert_int_equal(entries(), 2);
    same_file("ck/config.json", "out/config.json");
    same_file("ck/tokenizer.json", "out/tokenizer.json");
    assert_int_equal(access("out/pytorch_model.bin", F_OK), -1);
    sp_src *s = must_open("out");
    assert_int_equal(sp_src_nshards(s), 2);
    assert_string_equal(sp_src_info(s, 2)->name, "w");
    assert_int_equal(sp_src_info(s, 2)->shard, 1);
    assert_string_equal(sp_meta_get(sp_src_meta(s), "format"), "pt");
    sp_src_close(s);

    assert_int_equal(copy_checkpoint("ck", "half", SP_F16, &e), 0);
    size_t n;
    char *config = get_file("half/config.json", &n),
         *index = get_file("half/model.safetensors.index.json", &n);
    assert_non_null(strstr(config, "\"torch_dtype\": \"float16\""));
    assert_non_null(strstr(index, "\"total_size\": 28")); /* 14 elements of 2 bytes */
    free(config);
    free(index);
}

static int interrupted(void *arg)
{
    (void)arg;
    char *argv[] = {"sp-x", NULL};
    sp_err e = {0};
    sp_start(1, argv);
    if (!sp_dst_open_dir("out", "ck", &five[1], 1, NULL, &e) || entries() != 3) return 1;
    raise(SIGINT);
    return 2;
}

static void checkpoint_output_is_careful(void **state)
{
    (void)state;
    make_checkpoint();
    sp_err e = {0};
    assert_int_equal(copy_checkpoint("ck", "ck", -1, &e), -1);
    assert_message(e, "ck: exists and is not empty");
    e.code = 0;
    put_text("file", "");
    assert_int_equal(copy_checkpoint("ck", "file", -1, &e), -1);
    assert_message(e, "file: exists and is not a directory");
    e.code = 0;
    assert_int_equal(copy_checkpoint("ck", "no/where", -1, &e), -1);
    assert_int_equal(e.code, SP_ESYSTEM);
    assert_int_equal(entries(), 2);
    e.code = 0;
    sp_tinfo backward[] = {five[0], five[1]}, stranger = {.name = "zz", .dtype = SP_F32, .rank = 0};
    assert_null(sp_dst_open_dir("out", "ck", backward, 2, NULL, &e));
    assert_message(e, "tensor \"h\": comes in another order");
    e.code = 0;
    assert_null(sp_dst_open_dir("out", "ck", &stranger, 1, NULL, &e));
    assert_message(e, "tensor \"zz\": not in the base");
    e.code = 0;
    sp_dst *d = sp_dst_open_dir("out", "ck", &five[1], 1, NULL, &e);
    assert_non_null(d);
    assert_int_equal(entries(), 3);
    sp_dst_abort(d);
    assert_int_equal(entries(), 2);
    assert_int_equal(sp_child_run(interrupted, NULL).sig, SIGINT);
    assert_int_equal(entries(), 2);
}

/* A directory with only a configuration: all weights in one file. */
static void checkpoint_from_scratch(void **state)
{
    (void)state;
    assert_int_equal(mkdir("ck", 0777), 0);
    put_text("ck/config.json", "{\"dtype\":\"float16\"}");
    sp_err e = {0};
    sp_tinfo t = five[0];
    float x[6] = {1, 2, 3, 4, 5, 6};
    sp_dst *d = sp_dst_open_dir("out", "ck", &t, 1, NULL, &e);
    assert_non_null(d);
    assert_int_equal(sp_dst_write_f32(d, x, &e), 0);
    assert_int_equal(sp_dst_finish(d, &e), 0);
    assert_int_equal(access("out/model.safetensors.index.json", F_OK), -1);
    size_t n;
    char *config = get_file("out/config.json", &n);
    assert_non_null(strstr(config, "\"dtype\": \"float32\""));
    free(config);
    sp_src_close(must_open("out"));
}

/* ---- provenance ----------------------------------------------------------------------- */

static void provenance(void **state)
{
    (void)state;
    char *argv[] = {"/usr/bin/sp-x", "a b", NULL};
    sp_start(2, argv);
    sp_meta a = {0}, b = {0}, c = {0};
    sp_meta_set(&a, "sp.pg.1", "first");
    sp_meta_set(&a, "sp.pg.2", "common");
    sp_meta_set(&b, "sp.pg.1", "common");
    write_five("a", 0, &a);
    write_five("b", 1, &b);
    sp_src *in[] = {must_open("a"), NULL, must_open("b")};
    sp_pg_append(&c, in, 3);
    assert_int_equal(c.n, 3);
    assert_string_equal(sp_meta_get(&c, "sp.pg.1"), "first");
    assert_string_equal(sp_meta_get(&c, "sp.pg.2"), "common");
    const char *own = sp_meta_get(&c, "sp.pg.3");
    char *want = sp_xasprintf(
        "{\"tool\":\"sp-x\",\"version\":\"" SP_VERSION
        "\",\"command\":\"sp-x 'a b'\",\"inputs\":[{\"name\":\"a\",\"digest\":\"%016llx\"},"
        "{\"name\":\"b\",\"digest\":\"%016llx\"}]}",
        (unsigned long long)sp_src_digest(in[0]), (unsigned long long)sp_src_digest(in[2]));
    assert_string_equal(own, want);
    assert_true(sp_src_digest(in[0]) != sp_src_digest(in[2])); /* their metadata differ */
    sp_args.no_pg = true;
    sp_meta none = {0};
    sp_pg_append(&none, in, 3);
    assert_int_equal(none.n, 0);
    sp_args.no_pg = false;
    free(want);
    sp_src_close(in[0]);
    sp_src_close(in[2]);
    sp_meta_free(&a);
    sp_meta_free(&b);
    sp_meta_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_headers),
        cmocka_unit_test(unsound_headers),
        cmocka_unit_test(too_many_values),
        cmocka_unit_test(mutated_headers),
        cmocka_unit_test(dtypes_and_shapes),
        cmocka_unit_test(metadata),
        IN_DIR(streams_round_trip),
        IN_DIR(header_is_aligned),
        IN_DIR(map_is_aligned_or_null),
        IN_DIR(widening),
        IN_DIR(writer_counts),
        IN_DIR(every_cut_is_seen),
        IN_DIR(huge_claims),
        IN_DIR(pipes_go_forward),
        IN_DIR(one_large_frame),
        IN_DIR(shards),
        IN_DIR(bad_checkpoints),
        IN_DIR(checkpoint_copies),
        IN_DIR(checkpoint_output_is_careful),
        IN_DIR(checkpoint_from_scratch),
        IN_DIR(provenance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
