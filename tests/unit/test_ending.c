/* test_ending.c - ids and texts that end an answer. */
#include "base/base.h"
#include "eval/ending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void ids_end_answers(void **state)
{
    (void)state;
    const int32_t ids[] = {2, 7};
    sp_ending e = {.ids = ids, .n_ids = 2}, none = {0};
    assert_true(sp_ending_is_id(&e, 2) && sp_ending_is_id(&e, 7));
    assert_false(sp_ending_is_id(&e, 3));
    assert_false(sp_ending_is_id(&none, 2));
}

/* The first of the texts that comes, whatever their order; a text may lie inside another's end. */
static void cut_before_the_first_text(void **state)
{
    (void)state;
    const char *const stop[] = {"End", "\n\n"};
    sp_ending e = {.stop = stop, .n_stop = 2};
    assert_int_equal(sp_ending_cut(&e, "a\n\nb End", 8), 1);
    assert_int_equal(sp_ending_cut(&e, "a End\n\n", 7), 2);
    assert_int_equal(sp_ending_cut(&e, "abc", 3), 3);
    assert_int_equal(sp_ending_cut(&e, "End", 3), 0);
    assert_int_equal(sp_ending_cut(&e, "En", 2), 2);
    assert_int_equal(sp_ending_cut(&e, "", 0), 0);
}

static sp_tok *stories(void)
{
    const char *golden = getenv("SP_GOLDEN");
    char *dir = sp_xasprintf("%s/stories260K", golden ? golden : "../shared/golden");
    sp_err e = {0};
    sp_tok *tok = access(dir, R_OK) ? NULL : sp_tok_open(dir, &e);
    free(dir);
    if (!tok) skip();
    return tok;
}

/* Token by token, a stop text is met with the token that completes it, not before, and far from
 * the beginning too. */
static void met_with_the_token_that_completes_it(void **state)
{
    (void)state;
    const char *const stop[] = {"girl named", "zebra"};
    const char *text = "Once upon a time there was a little girl named Lily. She went to the park.";
    sp_tok *tok = stories();
    sp_err err = {0};
    sp_ids all = {0}, answer = {0};
    assert_int_equal(sp_tok_encode(tok, text, strlen(text), 0, &all, &err), 0);
    sp_ending e = {.stop = stop, .n_stop = 2, .tok = tok}, none = {.tok = tok};
    size_t met = 0, want = 0, n;
    for (size_t i = 0; i < all.n; i++) {
        sp_ids_push(&answer, all.ids[i]);
        assert_false(sp_ending_in_text(&none, &answer));
        if (!met && sp_ending_in_text(&e, &answer)) met = i + 1;
        char *so_far = sp_tok_decode(tok, answer.ids, answer.n, true, &n);
        if (!want && strstr(so_far, stop[0])) want = i + 1;
        free(so_far);
    }
    assert_true(want > 5);
    assert_int_equal(met, want);
    sp_ids_free(&all);
    sp_ids_free(&answer);
    sp_tok_close(tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_end_answers),
        cmocka_unit_test(cut_before_the_first_text),
        cmocka_unit_test(met_with_the_token_that_completes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
