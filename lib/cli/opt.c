/* opt.c - see opt.h.
 *
 * parse() walks over the arguments. Each that begins with a dash is looked up in the table of the
 * command, then in that of the common options, and set() converts its value. Operands are moved to
 * the front of argv, in their order. Every mistake ends the program with SP_EUSAGE.
 */
#include "cli/opt.h"

#include "base/command.h"
#include "cli/main.h"

#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

sp_common sp_args = {.level = 1, .seed = 0};
/* Values of the common options that no other file reads. */
static bool quiet, verbose, help, version;

/* Seeds end at 2^53, because ranges are doubles and must be exact. */
/* clang-format off */
static const sp_opt common[] = {
    {"output", 'o', SP_STRING, &sp_args.out, "FILE", "write to FILE instead of standard output", 0, 0},
    {"threads", 't', SP_INT, &sp_args.threads, "N", "threads to use (default: OMP_NUM_THREADS, else all processors)", 1, 1024},
    {"level", 'z', SP_INT, &sp_args.level, "LEVEL", "zstd level of tensor output, 0 writes raw safetensors (default: 1)", 0, 19},
    {"seed", 0, SP_INT, &sp_args.seed, "N", "seed of every random choice (default: 0)", 0, 9007199254740992.0},
    {"no-pg", 0, SP_FLAG, &sp_args.no_pg, NULL, "leave the provenance record out of tensor output", 0, 0},
    {"quiet", 'q', SP_FLAG, &quiet, NULL, "no warnings, no progress", 0, 0},
    {"verbose", 'v', SP_FLAG, &verbose, NULL, "say what is chosen; report time and memory at the end", 0, 0},
    {"help", 'h', SP_FLAG, &help, NULL, "show this help", 0, 0},
    {"version", 0, SP_FLAG, &version, NULL, "show the version", 0, 0},
    {0},
};
/* clang-format on */

/* ---- help ----------------------------------------------------------------------------- */

/* One option a line, its help beside it; below it where its left side is too long. */
static void print_opts(const sp_opt *o)
{
    for (; o && o->name; o++) {
        char left[160], letter[8] = "";
        if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%4s--%s%s%s", letter, o->name, o->arg ? " " : "",
                 o->arg ? o->arg : "");
        if (strlen(left) > 25) printf("  %s\n  %-25s %s\n", left, "", o->help);
        else printf("  %-25s %s\n", left, o->help);
    }
}

/* How each command is called. */
static void print_usage(const sp_cmd *cmds, const sp_cmd *only)
{
    for (const sp_cmd *c = cmds; c->run; c++)
        if (!only || c == only)
            printf("  %s%s%s [options] %s\n", sp_tool, c->verb ? " " : "", c->verb ? c->verb : "",
                   c->operands);
}

/* What each command does, and its options. */
static void print_commands(const sp_cmd *cmds, const sp_cmd *only)
{
    for (const sp_cmd *c = cmds; c->run; c++) {
        if (only && c != only) continue;
        if (c->verb) printf("\n%s %s: %s\n", sp_tool, c->verb, c->summary);
        else printf("\n%s\n", c->summary);
        print_opts(c->opts);
    }
}

/* Help on all commands, or on `only`. The manual pages are made from this text (man/page.awk). */
static void print_help(const char *what, const sp_cmd *cmds, const sp_cmd *only, const char *tail)
{
    printf("%s - %s\n\nUsage:\n", sp_tool, what);
    print_usage(cmds, only);
    print_commands(cmds, only);
    printf("\nCommon options:\n");
    print_opts(common);
    if (tail) printf("\n%s\n", tail);
    printf("\nExit status: 0 ok, 1 bad or mismatching input, 2 usage, 3 system (I/O, memory).\n");
}

/* ---- parsing -------------------------------------------------------------------------- */

/* "tool: message (try 'tool --help')", and the end. No temporary file exists yet. */
static _Noreturn void usage_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s: ", sp_tool);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, " (try '%s --help')\n", sp_tool);
    va_end(ap);
    _exit(SP_EUSAGE);
}

/* The option whose long name is the n bytes at `name`; NULL. Names are not abbreviated: a new
 * option must not change what an old command line means. */
static const sp_opt *find_long(const sp_opt *o, const char *name, size_t n)
{
    for (; o && o->name; o++)
        if (strlen(o->name) == n && !memcmp(o->name, name, n)) return o;
    return NULL;
}

/* The option with the short name c; NULL. */
static const sp_opt *find_letter(const sp_opt *o, char c)
{
    for (; o && o->name; o++)
        if (o->letter == c) return o;
    return NULL;
}

/* The place of `value` among "a|b|c", from 0; -1 where it is none of them. */
static int choice_index(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (int i = 0;; i++) {
        size_t len = strcspn(choices, "|");
        if (len == n && !memcmp(choices, value, n)) return i;
        if (!choices[len]) return -1;
        choices += len + 1;
    }
}

/* Refuse x unless it is in the option's range. The comparison is written so that NaN is outside of
 * every range. */
static void check_range(const sp_opt *o, const char *value, double x)
{
    if (o->lo == 0 && o->hi == 0) return;
    if (!(x >= o->lo && x <= o->hi))
        usage_error("option --%s: %s is outside %.16g..%.16g", o->name, value, o->lo, o->hi);
}

/* The value as a decimal whole number within the option's range. strtoll reports a number that does
 * not fit by errno alone, so errno is cleared first. */
static int64_t whole_number(const sp_opt *o, const char *value)
{
    char *end;
    errno = 0;
    long long x = strtoll(value, &end, 10);
    if (end == value || *end || errno)
        usage_error("option --%s: '%s' is not a whole number", o->name, value);
    check_range(o, value, (double)x);
    return x;
}

/* The value as a real number within the option's range. What is too large or too small for a double
 * is refused, and so are NaN and infinity, which strtod reads. */
static double real_number(const sp_opt *o, const char *value)
{
    char *end;
    errno = 0;
    double x = strtod(value, &end);
    if (end == value || *end || errno == ERANGE || !isfinite(x))
        usage_error("option --%s: '%s' is not a number", o->name, value);
    check_range(o, value, x);
    return x;
}

/* The place of the value among the option's choices, which o->arg lists. */
static int one_of(const sp_opt *o, const char *value)
{
    int i = choice_index(o->arg, value);
    if (i < 0) usage_error("option --%s: '%s' is none of %s", o->name, value, o->arg);
    return i;
}

/* The callback's own words become the usage error. */
static void call(const sp_opt *o, const char *value)
{
    const sp_opt_call *c = o->dst;
    sp_err e = {0};
    if (c->fn(c->self, o->name, value, &e) < 0) usage_error("option --%s: %s", o->name, e.msg);
}

/* Convert the value (NULL for a flag) as the option's kind says, and store it where dst points. */
static void set(const sp_opt *o, const char *value)
{
    switch (o->kind) {
    case SP_FLAG: *(bool *)o->dst = true; break;
    case SP_STRING: *(const char **)o->dst = value; break;
    case SP_INT: *(int64_t *)o->dst = whole_number(o, value); break;
    case SP_REAL: *(double *)o->dst = real_number(o, value); break;
    case SP_CHOICE: *(int *)o->dst = one_of(o, value); break;
    case SP_CALL: call(o, value); break;
    }
}

/* `--name`, `--name=value` or `--name value`; `next` is the argument after it or NULL. Returns how
 * many further arguments it took, 0 or 1. */
static int take_long(const sp_opt *own, const char *name, const char *next)
{
    const char *eq = strchr(name, '=');
    size_t n = eq ? (size_t)(eq - name) : strlen(name);
    const sp_opt *o = find_long(own, name, n);
    if (!o) o = find_long(common, name, n);
    if (!o) usage_error("unknown option --%.*s", (int)n, name);
    if (o->kind == SP_FLAG && eq) usage_error("option --%s takes no value", o->name);
    if (o->kind == SP_FLAG || eq) return set(o, eq ? eq + 1 : NULL), 0;
    if (!next) usage_error("option --%s needs a value", o->name);
    return set(o, next), 1;
}

/* The letters of `-abc`: flags, the last of which may be an option with a value, `-abxvalue` or
 * `-abx value`. Returns as take_long. */
static int take_letters(const sp_opt *own, const char *letters, const char *next)
{
    for (const char *p = letters; *p; p++) {
        const sp_opt *o = find_letter(own, *p);
        if (!o) o = find_letter(common, *p);
        if (!o) usage_error("unknown option -%c", *p);
        if (o->kind == SP_FLAG) {
            set(o, NULL);
            continue;
        }
        if (p[1]) return set(o, p + 1), 0;
        if (!next) usage_error("option -%c needs a value", *p);
        return set(o, next), 1;
    }
    return 0;
}

/* Set all options; what is left are operands, moved to the front of argv. Returns how many. A lone
 * "-" is an operand, and so is everything after "--". n never overtakes i, so that no argument is
 * overwritten before it has been read:
 *
 *     argv      A  -n  5  B  --x=1  -        n is an option with a value
 *     becomes   A  B   -                     three operands
 */
static int parse(const sp_opt *own, int argc, char **argv)
{
    int n = 0;
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        char *a = argv[i];
        if (only_operands || a[0] != '-' || !a[1]) argv[n++] = a;
        else if (!strcmp(a, "--")) only_operands = true;
        else {
            const char *next = i + 1 < argc ? argv[i + 1] : NULL;
            i += a[1] == '-' ? take_long(own, a + 2, next) : take_letters(own, a + 1, next);
        }
    }
    return n;
}

/* Return the command that argv[1] names, or the nameless one. NULL means that an option stands in
 * its place, which is right only for --help and --version. */
static const sp_cmd *find_cmd(const sp_cmd *cmds, int argc, char **argv)
{
    if (!cmds->verb) return cmds;
    if (argc < 2) usage_error("no command given");
    for (const sp_cmd *c = cmds; c->run; c++)
        if (!strcmp(argv[1], c->verb)) return c;
    if (argv[1][0] == '-') return NULL;
    usage_error("unknown command '%s'", argv[1]);
}

/* Make the common options true for the whole program. OpenMP's own number of threads obeys
 * OMP_NUM_THREADS and the processors this process may use; -t overrules both. */
static void apply_common(void)
{
    sp_verbosity = quiet ? 0 : verbose ? 2 : 1;
    if (!sp_args.threads) sp_args.threads = omp_get_max_threads();
    omp_set_num_threads((int)sp_args.threads);
}

/* --help and --version come before anything that may be wrong with the operands. */
int sp_opt_main(int argc, char **argv, const char *what, const sp_cmd *cmds, const char *tail)
{
    sp_start(argc, argv);
    const sp_cmd *c = find_cmd(cmds, argc, argv);
    /* the first argument that parse sees: behind the verb, or in its place */
    int skip = c && c->verb ? 2 : 1;
    int n = parse(c ? c->opts : NULL, argc - skip, argv + skip);
    if (help) return print_help(what, cmds, c && c->verb ? c : NULL, tail), sp_finish();
    if (version) return printf("%s %s\n", sp_tool, SP_VERSION), sp_finish();
    if (!c) usage_error("the command comes before the options");
    if (n < c->min_args)
        usage_error("%s%stakes %s", c->verb ? c->verb : "", c->verb ? " " : "", c->operands);
    if (c->max_args >= 0 && n > c->max_args)
        usage_error("unexpected operand '%s'", argv[skip + c->max_args]);
    apply_common();
    int rc = c->run(n, argv + skip);
    /* output is checked even if the command failed, but its own exit code comes first */
    int end = sp_finish();
    return rc ? rc : end;
}
