/* test_turns.c - the turns of prompts and of messages, with and without the answer, and what is
 * refused. */
#include "text/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define MAX 4

/* The turns of obj as "role:text role:text"; the message when they are refused. */
static void check(const char *obj, bool with_answer, const char *want)
{
    sp_turn turns[MAX];
    sp_err e = {0};
    char got[400] = "";
    json_t *j = json_loads(obj, JSON_ALLOW_NUL, NULL);
    assert_non_null(j);
    int n = sp_turns_of(j, with_answer, turns, MAX, &e);
    for (int i = 0; i < n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s:%s", i ? " " : "",
                 turns[i].role, turns[i].text);
    if (n < 0) assert_int_equal(e.code, SP_EINPUT);
    assert_string_equal(n < 0 ? e.msg : got, want);
    json_decref(j);
}

#define M(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"

static void prompts(void **state)
{
    (void)state;
    check("{\"prompt\":\"q\"}", true, "user:q");
    check("{\"prompt\":\"q\",\"response\":\"a\"}", true, "user:q assistant:a");
    check("{\"prompt\":\"q\",\"response\":\"a\"}", false, "user:q");
    check("{\"prompt\":\"q\",\"response\":null,\"system\":null}", true, "user:q");
    check("{\"prompt\":\"\",\"system\":\"s\"}", false, "system:s user:");
}

static void messages(void **state)
{
    (void)state;
    const char *obj =
        "{\"system\":\"s\",\"messages\":[" M("user", "q") "," M("assistant", "a") "]}";
    check(obj, true, "system:s user:q assistant:a");
    check(obj, false, "system:s user:q");
    check("{\"messages\":[" M("assistant", "a") "," M("user", "q") "]}", false,
          "assistant:a user:q"); /* only the last is an answer; the order is not checked here */
    check("{\"messages\":[" M("a", "1") "," M("b", "2") "," M("c", "3") "," M("d", "4") "]}", true,
          "a:1 b:2 c:3 d:4");
}

/* An answer that generate has added to messages is their last turn; null is nothing. */
static void response_after_messages(void **state)
{
    (void)state;
    const char *obj = "{\"messages\":[" M("user", "q") "],\"response\":\"a\",\"prompt\":null}";
    check(obj, true, "user:q assistant:a");
    check(obj, false, "user:q");
    check("{\"messages\":[" M("user", "q") "," M("assistant", "a") "],\"response\":null}", true,
          "user:q assistant:a");
    check("{\"messages\":[" M("user", "q") "," M("assistant", "a") "],\"response\":\"b\"}", false,
          "user:q"); /* it answers anew */
    check("{\"messages\":null,\"prompt\":\"q\"}", true, "user:q");
}

static void refused(void **state)
{
    (void)state;
    check("{}", true, "no \"prompt\" and no \"messages\"");
    check("{\"system\":\"s\"}", true, "no \"prompt\" and no \"messages\"");
    check("{\"prompt\":\"q\",\"messages\":[" M("user", "q") "]}", true,
          "both \"prompt\" and \"messages\": which of them is meant?");
    check("{\"messages\":[" M("user", "q") "," M("assistant", "a") "],\"response\":\"b\"}", true,
          "both an answer in \"messages\" and a \"response\"");
    check("{\"prompt\":3}", true, "\"prompt\" is not a string");
    check("{\"prompt\":\"q\",\"response\":[]}", true, "\"response\" is not a string");
    check("{\"prompt\":\"q\",\"response\":[]}", false, "user:q"); /* not looked at */
    check("{\"prompt\":\"a\\u0000b\"}", true, "\"prompt\" holds a NUL character");
    check("{\"prompt\":\"a\",\"system\":1}", true, "\"system\" is not a string");
    check("{\"messages\":[]}", true, "\"messages\" is not a list of messages");
    check("{\"messages\":{}}", true, "\"messages\" is not a list of messages");
    check("{\"messages\":[" M("user", "q") ",{\"role\":\"user\"}]}", true,
          "message 2: no \"role\" or no \"content\"");
    check("{\"messages\":[3]}", true, "message 1: no \"role\" or no \"content\"");
    check("{\"messages\":[{\"role\":\"user\",\"content\":[]}]}", true,
          "message 1: \"content\" is not a string");
    check("{\"system\":\"s\",\"messages\":[" M("a", "1") "," M("b", "2") "," M("c", "3") "," M(
              "d", "4") "]}",
          true, "more than 4 turns");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(prompts), cmocka_unit_test(messages),
                                       cmocka_unit_test(response_after_messages),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
