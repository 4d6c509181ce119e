/* test_header.c - headers of safetensors files, sound and unsound. */
#include "tensor/header.h"

#include "tensor_files.h"

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
        {"{" TENSOR("a", "F32", "[1]", "[0,5]") "}",
         "data_offsets span 5 bytes, its shape needs 4"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_headers),
        cmocka_unit_test(unsound_headers),
        cmocka_unit_test(too_many_values),
        cmocka_unit_test(mutated_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
