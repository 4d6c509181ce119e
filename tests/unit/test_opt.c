/* test_opt.c - the option parser: every way to write an option, every usage error, and what --help
 * lists. */
#include "base/command.h"
#include "cli/opt.h"
#include "child.h"

#include <setjmp.h>
#include <cmocka.h>
#include <omp.h>

/* A tool with two verbs that prints what it was given. */
static bool flag;
static const char *text = "none";
static int64_t count = 3;
static double rate = .5;
static int choice = 1;
static char calls[64];

static int call(void *self, const char *name, const char *value, sp_err *e)
{
    if (!strcmp(value, "bad")) return sp_fail(e, SP_EINPUT, "'%s' will not do", value);
    char *to = self;
    snprintf(to + strlen(to), sizeof calls - strlen(to), "%s=%s;", name, value);
    return 0;
}
static sp_opt_call hook = {call, calls};

/* clang-format off */
static const sp_opt opts[] = {
    {"flag", 'f', SP_FLAG, &flag, NULL, "a flag", 0, 0},
    {"text", 'x', SP_STRING, &text, "WORD", "a word (default: none)", 0, 0},
    {"count", 'c', SP_INT, &count, "N", "a count (default: 3)", 1, 100},
    {"rate", 0, SP_REAL, &rate, "R", "a rate (default: 0.5)", 0, 1},
    {"choice", 0, SP_CHOICE, &choice, "red|green|blue", "a colour (default: green)", 0, 0},
    {"add", 'a', SP_CALL, &hook, "FILE", "a file, several times", 0, 0},
    {"free", 0, SP_REAL, &rate, "X", "any number", 0, 0},
    {0},
};
/* clang-format on */

static int show(int argc, char **argv)
{
    printf("%d %s %lld %g %d [%s] out=%s t=%lld z=%lld seed=%lld pg=%d v=%d", flag, text,
           (long long)count, rate, choice, calls, sp_args.out ? sp_args.out : "-",
           (long long)sp_args.threads, (long long)sp_args.level, (long long)sp_args.seed,
           !sp_args.no_pg, sp_verbosity);
    for (int i = 0; i < argc; i++) printf(" <%s>", argv[i]);
    return argc == 2 && !strcmp(argv[1], "five") ? 5 : 0;
}

/* clang-format off */
static const sp_cmd verbs[] = {
    {"top", "A [B]", "the first", opts, 1, 2, show},
    {"all", "[A...]", "the second", NULL, 0, -1, show},
    {0},
};
/* clang-format on */
static const sp_cmd single[] = {{NULL, "A", "only one", opts, 1, 1, show}, {0}};

static int run_verbs(void *argv)
{
    int argc = 0;
    while (((char **)argv)[argc]) argc++;
    return sp_opt_main(argc, argv, "a tool", verbs, "The tail.");
}

static int run_single(void *argv)
{
    int argc = 0;
    while (((char **)argv)[argc]) argc++;
    return sp_opt_main(argc, argv, "a tool", single, NULL);
}

#define RUN(...)  sp_child_run(run_verbs, (char *[]){"sp-x", __VA_ARGS__, NULL})
#define RUN1(...) sp_child_run(run_single, (char *[]){"sp-x", __VA_ARGS__, NULL})
/* The line that `show` prints, with the defaults for what comes after the tool's own options. */
#define PLAIN     " out=- t=%d z=1 seed=0 pg=1 v=1"

static void expect_out(sp_child c, const char *own, const char *rest)
{
    char want[512];
    int n = snprintf(want, sizeof want, "%s", own);
    n += snprintf(want + n, sizeof want - (size_t)n, PLAIN, omp_get_max_threads());
    snprintf(want + n, sizeof want - (size_t)n, "%s", rest);
    assert_string_equal(c.err, "");
    assert_string_equal(c.out, want);
    assert_int_equal(c.code, 0);
}

static void defaults_and_forms(void **state)
{
    (void)state;
    expect_out(RUN("top", "o"), "0 none 3 0.5 1 []", " <o>");
    expect_out(RUN("top", "o", "-f", "-x", "w", "-c7", "--rate", "1", "--choice=blue"),
               "1 w 7 1 2 []", " <o>");
    expect_out(RUN("top", "-fxw", "--rate=0", "o"), "1 w 3 0 1 []", " <o>");
    expect_out(RUN("top", "-fc", "9", "o"), "1 none 9 0.5 1 []", " <o>");
    expect_out(RUN("top", "--text=", "o", "-"), "0  3 0.5 1 []", " <o> <->");
    expect_out(RUN("top", "--text=a=b", "o"), "0 a=b 3 0.5 1 []", " <o>");
    expect_out(RUN("top", "--", "-f", "--rate"), "0 none 3 0.5 1 []", " <-f> <--rate>");
    expect_out(RUN("top", "--free", "-1.5e3", "-x", "-f", "o"), "0 -f 3 -1500 1 []", " <o>");
    expect_out(RUN("top", "-c", "5", "-c", "6", "o"), "0 none 6 0.5 1 []", " <o>");
    expect_out(RUN1("o"), "0 none 3 0.5 1 []", " <o>");
}

static void calls_keep_their_order(void **state)
{
    (void)state;
    expect_out(RUN("top", "-a", "1", "o", "--add=2", "-a3"), "0 none 3 0.5 1 [add=1;add=2;add=3;]",
               " <o>");
}

static void common_options(void **state)
{
    (void)state;
    sp_child c =
        RUN("all", "-o", "F", "-t", "3", "-z", "0", "--seed=9007199254740992", "--no-pg", "-q");
    assert_string_equal(c.out, "0 none 3 0.5 1 [] out=F t=3 z=0 seed=9007199254740992 pg=0 v=0");
    c = RUN("all", "--output=F", "--threads=1", "--level=19", "--verbose");
    assert_non_null(strstr(c.out, "out=F t=1 z=19 seed=0 pg=1 v=2"));
    assert_non_null(strstr(c.err, "sp-x: version "));
    c = RUN("all", "-v", "--quiet");
    assert_non_null(strstr(c.out, "v=0"));
}

static void status_of_the_command(void **state)
{
    (void)state;
    assert_int_equal(RUN("top", "o", "five").code, 5);
}

static void expect_usage(sp_child c, const char *message)
{
    char want[512];
    snprintf(want, sizeof want, "sp-x: %s (try 'sp-x --help')\n", message);
    assert_string_equal(c.err, want);
    assert_string_equal(c.out, "");
    assert_int_equal(c.code, SP_EUSAGE);
}

static void usage_errors(void **state)
{
    (void)state;
    expect_usage(sp_child_run(run_verbs, (char *[]){"sp-x", NULL}), "no command given");
    expect_usage(RUN("-q"), "the command comes before the options");
    expect_usage(RUN("bottom"), "unknown command 'bottom'");
    expect_usage(RUN("top"), "top takes A [B]");
    expect_usage(RUN1("-f"), "takes A");
    expect_usage(RUN("top", "1", "2", "3"), "unexpected operand '3'");
    expect_usage(RUN("top", "o", "--bogus"), "unknown option --bogus");
    expect_usage(RUN("top", "o", "--ra=1"), "unknown option --ra");
    expect_usage(RUN("top", "o", "-fy"), "unknown option -y");
    expect_usage(RUN("all", "--flag"), "unknown option --flag");
    expect_usage(RUN("top", "o", "--flag=1"), "option --flag takes no value");
    expect_usage(RUN("top", "o", "--text"), "option --text needs a value");
    expect_usage(RUN("top", "o", "-x"), "option -x needs a value");
    expect_usage(RUN("top", "o", "-a", "bad"), "option --add: 'bad' will not do");
    expect_usage(RUN("top", "o", "--choice=re"), "option --choice: 're' is none of red|green|blue");
    expect_usage(RUN("top", "o", "--choice=red|green"),
                 "option --choice: 'red|green' is none of red|green|blue");
}

static void bad_numbers(void **state)
{
    (void)state;
    static const char *ints[] = {"", "x", "1x", "1.5", "1e2", "99999999999999999999", " "};
    static const char *reals[] = {"", "x", "0.5x", "nan", "inf", "1e999", "0,5"};
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        sp_child c = RUN("top", "o", "-c", (char *)ints[i]);
        assert_int_equal(c.code, SP_EUSAGE);
        assert_non_null(strstr(c.err, "is not a whole number"));
    }
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        sp_child c = RUN("top", "o", "--rate", (char *)reals[i]);
        assert_int_equal(c.code, SP_EUSAGE);
        assert_non_null(strstr(c.err, "is not a number"));
    }
    expect_usage(RUN("top", "o", "-c", "0"), "option --count: 0 is outside 1..100");
    expect_usage(RUN("top", "o", "-c", "101"), "option --count: 101 is outside 1..100");
    expect_usage(RUN("top", "o", "--rate", "1.01"), "option --rate: 1.01 is outside 0..1");
    expect_usage(RUN("top", "o", "--rate=-0.1"), "option --rate: -0.1 is outside 0..1");
    expect_usage(RUN("all", "-t", "0"), "option --threads: 0 is outside 1..1024");
    expect_usage(RUN("all", "-z20"), "option --level: 20 is outside 0..19");
}

static void help_lists_everything(void **state)
{
    (void)state;
    sp_child c = RUN("--help");
    assert_int_equal(c.code, 0);
    assert_string_equal(c.err, "");
    assert_non_null(strstr(
        c.out,
        "sp-x - a tool\n\nUsage:\n  sp-x top [options] A [B]\n  sp-x all [options] [A...]\n"));
    assert_non_null(strstr(c.out, "\nsp-x top: the first\n  -f, --flag                a flag\n"));
    assert_non_null(strstr(c.out, "\n      --rate R "));
    assert_non_null(
        strstr(c.out, "\n      --choice red|green|blue\n                            a colour"));
    assert_non_null(strstr(c.out, "\n  -o, --output FILE         write to FILE"));
    assert_non_null(strstr(c.out, "\nThe tail.\n"));
    assert_non_null(strstr(c.out, "\nExit status: 0 ok, 1 "));
    sp_child v = RUN("all", "-h");
    assert_null(strstr(v.out, "sp-x top"));
    assert_null(strstr(v.out, "--flag"));
    assert_non_null(strstr(v.out, "--seed N"));
    assert_non_null(strstr(RUN1("-h").out, "Usage:\n  sp-x [options] A\n\nonly one\n"));
}

static void version(void **state)
{
    (void)state;
    assert_string_equal(RUN("--version").out, "sp-x " SP_VERSION "\n");
    /* before the operands are counted */
    assert_string_equal(RUN("top", "--version").out, "sp-x " SP_VERSION "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_and_forms),    cmocka_unit_test(calls_keep_their_order),
        cmocka_unit_test(common_options),        cmocka_unit_test(status_of_the_command),
        cmocka_unit_test(usage_errors),          cmocka_unit_test(bad_numbers),
        cmocka_unit_test(help_lists_everything), cmocka_unit_test(version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
