/* test_tok_hostile.c - texts that are huge or no text at all. */
#include "tok_help.h"

static uint64_t rng = 1;
static unsigned draw(unsigned n)
{
    return (unsigned)((rng = rng * 6364136223846793005u + 1442695040888963407u) >> 33) % n;
}

static void survives(const sp_tok *t, const char *text, size_t n)
{
    sp_ids ids = {0};
    sp_err e = {0};
    assert_int_equal(sp_tok_encode(t, text, n, 0, &ids, &e), 0);
    free(sp_tok_decode(t, ids.ids, ids.n, false, NULL));
    sp_ids_free(&ids);
}

static void hostile(void **state)
{
    (void)state;
    const char *split = "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":"
                        "\"Split\",\"pattern\":{"
                        "\"Regex\":\"\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+|\\\\S+\"},"
                        "\"behavior\":\"Isolated\"},{\"type\":\"ByteLevel\",\"add_prefix_space\":"
                        "false,\"use_regex\":"
                        "false}]},\"decoder\":{\"type\":\"ByteLevel\"},";
    sp_tok *t[] = {world(), make("", "", "a aa ▁ ▁▁", "[\"a a\",\"▁ ▁\"]"),
                   make(split, "", "a aa Ġ ĠĠ", "[\"a a\",\"Ġ Ġ\"]")};
    enum { N = 1 << 20 };
    char *text = sp_xmalloc(N);
    for (int k = 0; k < 3; k++) {
        memset(text, ' ', N);
        survives(t[k], text, k ? N : N / 20);
        memset(text, 'a', N);
        survives(t[k], text, N / 20);
        memset(text, 0xE2, N);
        survives(t[k], text, N / 20);
        for (size_t i = 0; i < N / 20; i++) text[i] = (char)draw(256);
        survives(t[k], text, N / 20);
        memset(text, 0, N);
        survives(t[k], text, N / 20);
        sp_tok_close(t[k]);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hostile)};
    return cmocka_run_group_tests_name("tok_hostile", tests, make_temp, drop_temp);
}
