/* test_tok_added.c - added tokens with all their flags. */
#include "tok_help.h"

#define ADDED(flags)                                                                        \
    "{\"id\":1,\"content\":\"<s>\",\"special\":true},{\"id\":300,\"content\":\"<x>\"" flags \
    "},{\"id\":301,\"content\":\"<x><y>\"}"

/* With these added tokens and no others. */
static sp_tok *with_added(const char *list, const char *parts)
{
    char *json = added_json(parts, "", "a b", "[]", list);
    sp_err e = {0};
    sp_tok *t = open_json(json, &e);
    if (!t) fail_msg("%s", e.msg);
    free(json);
    return t;
}

static void added(void **state)
{
    (void)state;
    static const struct {
        const char *list, *text, *want;
    } rows[] = {
        {ADDED(""), "a<x>b<x><y>a<x><", "a|<x>|b|<x><y>|a|<x>|<0x3C>"},
        {ADDED(""), "a  <x>  b", "a|<0x20>|<0x20>|<x>|<0x20>|<0x20>|b"},
        {ADDED(",\"lstrip\":true"), "a \xE2\x80\x89<x> b", "a|<x>|<0x20>|b"},
        {ADDED(",\"rstrip\":true"), "a <x> \t\nb", "a|<0x20>|<x>|b"},
        {ADDED(",\"rstrip\":true,\"lstrip\":true"), "  <x>  <x>  ", "<x>|<x>"},
        {ADDED(",\"single_word\":true"), "<x> a<x> <x>é <x>.",
         "<x>|<0x20>|a|<0x3C>|<0x78>|<0x3E>|<0x20>|<0x3C>|<0x78>|<0x3E>|<0xC3>|<0xA9>|<0x20>|<x>|<"
         "0x2E>"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_tok *t = with_added(rows[i].list, RAW);
        check(t, rows[i].text, 0, rows[i].want);
        sp_tok_close(t);
    }
    /* only special ones are ordinary characters when literals are off */
    sp_tok *t = with_added(ADDED(""), RAW);
    check(t, "<s><x>", SP_TOK_NO_LITERALS, "<0x3C>|<0x73>|<0x3E>|<x>");
    assert_true(sp_tok_is_special(t, 1));
    assert_false(sp_tok_is_special(t, 300));
    assert_false(sp_tok_is_special(t, 1000000));
    sp_tok_close(t);
    /* a normalised token is found where normalisation makes it appear */
    t = with_added(
        "{\"id\":300,\"content\":\"b b\",\"normalized\":true}", RAW
        "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"x\"},\"content\":\"b\"},");
    check(t, "ax ba", 0, "a|b b|a");
    sp_tok_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(added)};
    return cmocka_run_group_tests_name("tok_added", tests, make_temp, drop_temp);
}
