/* test_tokenize.c - objects with text to ids and back. */
#include "text/tokenize.h"

#include "tok_help.h"

static void to_ids(void **state)
{
    (void)state;
    sp_tok *t = world();
    sp_err e = {0};
    json_t *in = json_pack("{s:s,s:i}", "text", "how </s>", "n", 1);
    json_t *out = sp_tokenize_object(t, in, &e);
    char *text = json_dumps(out, JSON_COMPACT);
    assert_string_equal(text, "{\"ids\":[1,259,268,2],\"ids_no_special\":[259,268,2],"
                              "\"decoded\":\"how </s>\"}");
    free(text);
    json_decref(out);
    json_decref(in);
    in = json_pack("{s:i}", "text", 3);
    assert_null(sp_tokenize_object(t, in, &e));
    assert_string_equal(e.msg, "no \"text\"");
    json_decref(in);
    sp_tok_close(t);
}

static void to_text(void **state)
{
    (void)state;
    sp_tok *t = world();
    sp_err e = {0};
    json_t *in = json_pack("{s:[iiii]}", "ids", 1, 259, 260, 2);
    json_t *out = sp_detokenize_object(t, in, &e);
    char *text = json_dumps(out, JSON_COMPACT);
    assert_string_equal(text, "{\"text\":\"<s> how to</s>\"}");
    free(text);
    json_decref(out);
    json_decref(in);
    in = json_pack("{s:[i]}", "ids", 269);
    assert_null(sp_detokenize_object(t, in, &e));
    assert_string_equal(e.msg, "token id 269 is outside 0..268");
    json_decref(in);
    sp_tok_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(to_ids), cmocka_unit_test(to_text)};
    return cmocka_run_group_tests_name("tokenize", tests, make_temp, drop_temp);
}
