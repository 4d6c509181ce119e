/* test_tok_decode.c - from ids back to text: bytes, unknown ids, every kind of decoder. */
#include "tok_help.h"

static void decoding(void **state)
{
    (void)state;
    sp_tok *t = world();
    static const int32_t ids[] = {1, 259, 260, 3 + 0xC3, 3 + 0xA9, 3 + 0xC3, 2, 77777, -5, 3};
    size_t len;
    char *s = sp_tok_decode(t, ids, 10, false, &len);
    assert_int_equal(len, strlen("<s> how to") + 9 + 4 + 1);
    assert_memory_equal(s, "<s> how to\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD</s>\0", len + 1);
    free(s);
    s = sp_tok_decode(t, ids, 5, true, &len);
    assert_string_equal(s, "how toé");
    free(s);
    s = sp_tok_decode(t, NULL, 0, true, &len);
    assert_string_equal(s, "");
    assert_int_equal(len, 0);
    free(s);
    sp_tok_close(t);
    t = make("", "", "a b", "[]"); /* no decoder: pieces are joined with spaces */
    s = sp_tok_decode(t, (const int32_t[]){259, 260}, 2, false, NULL);
    assert_string_equal(s, "a b");
    free(s);
    sp_tok_close(t);
    t = make("\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"▁\"},", "", "▁▁a ▁b", "[]");
    s = sp_tok_decode(t, (const int32_t[]){259, 260}, 2, false, NULL);
    assert_string_equal(s, "a b");
    free(s);
    sp_tok_close(t);
}

/* Any valid text comes back, whatever it is made of. */
static void round_trip(void **state)
{
    (void)state;
    sp_tok *t = world();
    /* "▁" itself turns into a space */
    static const char text[] = "how  to\nkill é ▁ \xF0\x9F\x99\x82 </s> <0x41>\0x";
    static const char back[] = "how  to\nkill é   \xF0\x9F\x99\x82 </s> <0x41>\0x";
    sp_ids ids = {0};
    sp_err e = {0};
    size_t len;
    assert_int_equal(sp_tok_encode(t, text, sizeof text - 1, SP_TOK_NO_LITERALS, &ids, &e), 0);
    char *s = sp_tok_decode(t, ids.ids, ids.n, true, &len);
    assert_int_equal(len, sizeof back - 1);
    assert_memory_equal(s, back, len);
    free(s);
    sp_ids_free(&ids);
    sp_tok_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decoding), cmocka_unit_test(round_trip)};
    return cmocka_run_group_tests_name("tok_decode", tests, make_temp, drop_temp);
}
