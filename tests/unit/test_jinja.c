/* test_jinja.c - the interpreter of chat templates: against what Jinja2 3.1 printed for the same
 * input, construct by construct and for whole templates; what is refused, and what is bounded. */
#include "text/jinja/jinja.h"

#include "base/base.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DATE "2024-07-26"

/* The text of a template, released by the caller; NULL with the message in *e. */
static char *render(const char *text, const json_t *vars, sp_err *e)
{
    sp_rendered r = {0};
    sp_jinja *t = sp_jinja_parse(text, strlen(text), e);
    int rc = t ? sp_jinja_render(t, vars, DATE, &r, e) : -1;
    sp_jinja_free(t);
    free(r.generated);
    return rc ? NULL : r.text;
}

static json_t *variables(void)
{
    json_error_t e;
    json_t *v = json_loads("{\"n\": 5, \"x\": 1.5, \"s\": \"a,b,,c\", \"u\": \"\\u00e9\\u20acx\","
                           " \"l\": [3, 1, 2], \"d\": {\"b\": 2, \"a\": [1, null, true]},"
                           " \"m\": [{\"role\": \"user\", \"content\": \" hi \"},"
                           " {\"role\": \"assistant\", \"content\": \"yo\"}]}",
                           0, &e);
    assert_non_null(v);
    return v;
}

/* clang-format off */
static const struct {
    const char *text, *want;
} prints[] = {
    /* values */
    {"{{ n }} {{ x }} {{ d }} {{ none }} {{ true }} {{ q }}|", "5 1.5 {'b': 2, 'a': [1, None, True]} None True |"},
    {"{{ ['it\\'s', 'q\"'] }} {{ (1,) }} {{ 1e20 }} {{ 0.1 + 0.2 }} {{ 1e-7 }}",
     "[\"it's\", 'q\"'] (1,) 1e+20 0.30000000000000004 1e-07"},
    /* operators */
    {"{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 1 ~ 2 * 3 }}", "-4 2 3.5 1024 16"},
    {"{{ 1 < n <= 5 }} {{ not n is defined }} {{ 'b' in s }} {{ 3 not in l }}", "True False True False"},
    {"{{ 'a' if n == 6 }}|{{ 'a' if n == 6 else 'b' }} {{ '' or 'x' }} {{ 0 and 1 }}", "|b x 0"},
    {"{{ 1 == 1.0 }} {{ '1' == 1 }} {{ [1] + [2] }} {{ 'ab' * 2 }} {{ 'a' 'b' }}", "True False [1, 2] abab ab"},
    /* elements */
    {"{{ s[1:3] }} {{ s[::-1] }} {{ s[-2:] }} {{ l[::2] }} {{ u[1] }} {{ u|length }}", ",b c,,b,a ,c [3, 2] \u20ac 3"},
    {"{{ m[9] }}|{{ m[-1].role }}|{{ d['zz'] }}|{{ d.zz }}|{{ none.x }}", "|assistant|||"},
    /* filters */
    {"{{ d|tojson }} {{ d|tojson(indent=1) }}", "{\"b\": 2, \"a\": [1, null, true]} {\n \"b\": 2,\n \"a\": [\n  1,\n  null,\n  true\n ]\n}"},
    {"{{ m|map(attribute='role')|join('-') }} {{ m|selectattr('role', 'eq', 'user')|list|length }}", "user-assistant 1"},
    {"{{ l|select('gt', 1)|list }} {{ l|reject('gt', 1)|list }} {{ m|rejectattr('role', 'eq', 'user')|map(attribute='role')|list }}",
     "[3, 2] [1] ['assistant']"},
    {"{{ l|sort }} {{ ['b','A']|sort }} {{ l|sum }} {{ l|max }} {{ l|first }} {{ 'abc'|reverse }}", "[1, 2, 3] ['A', 'b'] 6 3 3 cba"},
    {"{{ q|default('D') }} {{ ''|default('D') }}|{{ ''|default('D', true) }}", "D |D"},
    {"{{ 'a\\nb\\n\\nc'|indent(2) }} {{ ' x '|trim }}{{ '<&'|e }} {{ '12'|int + 1 }} {{ 2.5|round }}", "a\n  b\n\n  c x&lt;&amp; 13 2.0"},
    /* methods */
    {"{{ s.split(',') }} {{ s.split(',', 1) }} {{ s.rsplit(',', 1) }} {{ ' a  b '.split() }}",
     "['a', 'b', '', 'c'] ['a', 'b,,c'] ['a,b,', 'c'] ['a', 'b']"},
    {"{{ s.replace(',', '.', 1) }} {{ s.startswith(('x', 'a')) }} {{ 'xxaxx'.strip('x') }} {{ s.find(',') }}", "a.b,,c True a 1"},
    {"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{{ d.get('zz', 'no') }}", "b=2;a=[1, None, True];no"},
    /* statements */
    {"{% for i in l %}{{ loop.index }}{{ loop.last }}{% if i == 1 %}{% break %}{% endif %}{% endfor %}", "1False2False"},
    {"{% for i in range(5) if i is odd %}{{ i }}{{ loop.length }}{% else %}x{% endfor %}{% for i in [] %}y{% else %}none{% endfor %}", "1232none"},
    {"{% for i in l %}{% set v = i %}{% endfor %}{{ v }}|{% set ns = namespace(v=0) %}{% for i in l %}{% set ns.v = i %}{% endfor %}{{ ns.v }}", "|2"},
    {"{% if n == 5 %}{% set w = 1 %}{% endif %}{{ w }}{% set a, b = 1, 2 %}{{ a }}{{ b }}", "112"},
    {"{% macro f(a, b=2) %}[{{ a }}{{ b }}]{% endmacro %}{{ f(1) }}{{ f(1, b='y') }}{{ f(1)|length }}", "[12][1y]4"},
    {"{% macro w() %}<{{ caller() }}>{% endmacro %}{% call w() %}in{% endcall %}{% set y %}b{{ n }}{% endset %}{{ y|upper }}", "<in>B5"},
    {"{% filter upper|trim %}  hello {% endfilter %}{% with a = n %}{{ a }}{% endwith %}{{ a }}", "HELLO5"},
    {"{% raw %}{{ not }} {% if %}{% endraw %}{# gone #}{{ strftime_now('%d %b %Y') }}", "{{ not }} {% if %}26 Jul 2024"},
    /* white space */
    {"a\n  {% if n %}\n  yes\n  {% endif %}\nend\n", "a\n  yes\nend"},
    {"  {{ n }}  \n\n{%- if n -%}  x  {%- endif -%}  \n y", "  5xy"},
    {"  {%+ if n +%}\nx{% endif %}\n{# c #}\ny", "  \nxy"},
    {"a\r\n{% if n %}\r\nb{% endif %}", "a\nb"},
};

static const struct {
    const char *text, *message;
} refusals[] = {
    {"\n{{ q.z }}", "line 2: 'q' is undefined"},
    {"{{ 'a' + 1 }}", "line 1: str + int is not supported"},
    {"{{ s|nosuch }}", "line 1: the filter 'nosuch' is not supported"},
    {"{{ s is nosuch }}", "line 1: the test 'nosuch' is not supported"},
    {"{{ nosuch() }}", "line 1: the function 'nosuch' is not known"},
    {"a\nb\n{% include 'x' %}", "line 3: the statement {% include %} is not supported"},
    {"{% for x in l recursive %}{% endfor %}", "line 1: recursive loops are not supported"},
    {"{{ m.append(1) }}", "line 1: changing a list in place is not allowed in a chat template"},
    {"{{ raise_exception('no ' ~ n) }}", "line 1: the template refuses this conversation: no 5"},
    {"{% if n %}x", "line 1: {% elif %} expected, the template ends"},
    {"{{ 1 // 0 }}", "line 1: division by zero"},
    {"{{ 9223372036854775807 }}", "line 1: the number 9223372036854775807 is too large"},
    {"{{ u|upper }}", "line 1: the case of letters other than a-z is not supported"},
    {"{{ (1 2) }}", "line 1: ',' expected, got a constant"},
    {"{{ n", "line 1: a tag does not end: \"}}\" is missing"},
    {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "line 1: nested more than 120 deep"},
    {"{{ range(9000)|reverse|sort|length }}", "line 1: the template takes more than 10000000 steps"},
    {"{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "line 1: the template needs more than 64 MiB"},
};
/* clang-format on */

static void prints_as_jinja2_does(void **state)
{
    (void)state;
    json_t *vars = variables();
    for (size_t i = 0; i < sizeof prints / sizeof *prints; i++) {
        sp_err e = {0};
        char *got = render(prints[i].text, vars, &e);
        if (!got || strcmp(got, prints[i].want))
            fail_msg("%s: %s, expected %s", prints[i].text, got ? got : e.msg, prints[i].want);
        free(got);
    }
    json_decref(vars);
}

static void refuses_by_line_and_name(void **state)
{
    (void)state;
    json_t *vars = variables();
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        sp_err e = {0};
        char *got = render(refusals[i].text, vars, &e);
        if (got || strcmp(e.msg, refusals[i].message))
            fail_msg("%s: %s, expected %s", refusals[i].text, got ? got : e.msg,
                     refusals[i].message);
        assert_int_equal(e.code, SP_EINPUT);
    }
    json_decref(vars);
}

static void tells_what_is_generated(void **state)
{
    (void)state;
    const char *text = "ab{% generation %}cd{{ n }}{% endgeneration %}ef"
                       "{% generation %}{% endgeneration %}";
    json_t *vars = variables();
    sp_err e = {0};
    sp_rendered r;
    sp_jinja *t = sp_jinja_parse(text, strlen(text), &e);
    assert_non_null(t);
    assert_int_equal(sp_jinja_render(t, vars, DATE, &r, &e), 0);
    assert_string_equal(r.text, "abcd5ef");
    assert_int_equal(r.n_generated, 2);
    assert_int_equal(r.generated[0].from, 2);
    assert_int_equal(r.generated[0].to, 5);
    assert_int_equal(r.generated[1].from, 7);
    assert_int_equal(r.generated[1].to, 7);
    sp_rendered_free(&r);
    sp_jinja_free(t);
    json_decref(vars);
}

/* ---- whole templates --------------------------------------------------------------------------
 */

static json_t *conversation(size_t number)
{
    json_t *found = NULL;
    char *line = NULL;
    size_t cap = 0;
    FILE *f = fopen("tests/data/conversations.jsonl", "r");
    assert_non_null(f);
    for (size_t i = 1; i <= number; i++) assert_true(getline(&line, &cap, f) > 0);
    found = json_loads(line, 0, NULL);
    fclose(f);
    free(line);
    assert_non_null(found);
    json_object_set_new(found, "bos_token", json_string("<s>"));
    json_object_set_new(found, "eos_token", json_string("</s>"));
    return found;
}

static char *file_text(const char *name)
{
    char path[200], *text = NULL;
    size_t n;
    snprintf(path, sizeof path, "tests/data/templates/%s", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    if (getdelim(&text, &n, 0, f) < 0) fail_msg("%s is empty", path);
    fclose(f);
    return text;
}

static void renders_templates_of_popular_checkpoints(void **state)
{
    (void)state;
    char *line = NULL;
    size_t cap = 0, count = 0;
    FILE *f = fopen("tests/data/rendered.jsonl", "r");
    assert_non_null(f);
    for (; getline(&line, &cap, f) > 0; count++) {
        sp_err e = {0};
        json_t *o = json_loads(line, 0, NULL);
        const char *name = json_string_value(json_object_get(o, "template"));
        const char *want = json_string_value(json_object_get(o, "text"));
        size_t number = (size_t)json_integer_value(json_object_get(o, "conversation"));
        json_t *vars = conversation(number);
        char *text = file_text(name), *got = render(text, vars, &e);
        if (want && (!got || strcmp(got, want)))
            fail_msg("%s, conversation %zu: %s", name, number, got ? got : e.msg);
        const char *refused = json_string_value(json_object_get(o, "refused"));
        if (!want && (got || !strstr(e.msg, refused)))
            fail_msg("%s, conversation %zu is not refused: %s", name, number, got ? got : e.msg);
        free(got);
        free(text);
        json_decref(vars);
        json_decref(o);
    }
    fclose(f);
    free(line);
    assert_true(count >= 12 * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_as_jinja2_does),
        cmocka_unit_test(refuses_by_line_and_name),
        cmocka_unit_test(tells_what_is_generated),
        cmocka_unit_test(renders_templates_of_popular_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
