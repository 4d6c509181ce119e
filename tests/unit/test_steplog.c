/* test_steplog.c - the log of a run: its lines, and what of them a resumed run keeps. */
#include "files.h"
#include "train/steplog.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

static void open_log(sp_steplog *l, const char *path, int64_t done)
{
    sp_err e = {0};
    int rc = sp_steplog_open(l, path, done, &e);
    if (e.code) fail_msg("%s", e.msg);
    assert_int_equal(rc, 0);
}

/* Log steps from .. end of a run that has done `from - 1`. */
static void log_steps(int64_t from, int64_t end)
{
    sp_steplog l;
    sp_err e = {0};
    open_log(&l, "log", from - 1);
    for (int64_t s = from; s <= end; s++) {
        sp_step_record r = {s, 1.5 * (double)s, 1e-5, 0.25, 1234567.8};
        assert_int_equal(sp_steplog_put(&l, &r, &e), 0);
    }
    sp_steplog_close(&l);
}

static void expect(const char *want)
{
    size_t n;
    char *got = get_file("log", &n);
    assert_string_equal(got, want);
    free(got);
}

#define SHORT(step, loss)               \
    "{\"step\":" step ",\"loss\":" loss \
    ",\"lr\":1e-05,\"grad_norm\":0.25,\"tokens_per_s\":1.23457e+06}\n"

static void a_line_a_step(void **state)
{
    (void)state;
    log_steps(1, 2);
    expect(SHORT("1", "1.5") SHORT("2", "3"));
    log_steps(1, 1); /* a new run begins anew */
    expect(SHORT("1", "1.5"));
}

/* A line is in the file when the call returns: nothing that a kill could take. */
static void lines_are_written_at_once(void **state)
{
    (void)state;
    sp_steplog l;
    sp_err e = {0};
    open_log(&l, "log", 0);
    sp_step_record r = {1, 1.5, 1e-5, 0.25, 1234567.8};
    assert_int_equal(sp_steplog_put(&l, &r, &e), 0);
    expect(SHORT("1", "1.5"));
    sp_steplog_close(&l);
}

/* Lines after those of steps that are done go, half ones too; earlier ones stay, and so does a log
 * that a kill left short. */
static void resumed(void **state)
{
    (void)state;
    log_steps(1, 4);
    log_steps(3, 3);
    expect(SHORT("1", "1.5") SHORT("2", "3") SHORT("3", "4.5"));
    FILE *f = fopen("log", "a");
    fputs("{\"step\":4,\"lo", f);
    fclose(f);
    log_steps(5, 5);
    expect(SHORT("1", "1.5") SHORT("2", "3") SHORT("3", "4.5") SHORT("5", "7.5"));
    assert_int_equal(remove("log"), 0);
    log_steps(3, 3); /* it was not there */
    expect(SHORT("3", "4.5"));
}

static void no_log_and_no_file(void **state)
{
    (void)state;
    sp_steplog l;
    sp_err e = {0};
    sp_step_record r = {1, 1, 1, 1, 1};
    open_log(&l, NULL, 3);
    assert_int_equal(sp_steplog_put(&l, &r, &e), 0);
    sp_steplog_close(&l);
    assert_int_equal(entries(), 0);
    assert_int_equal(sp_steplog_open(&l, "no/where", 0, &e), -1);
    assert_int_equal(e.code, SP_ESYSTEM);
    assert_message(e, "no/where: No such file");
    sp_steplog_close(&l);
    sp_err full = {0};
    l = (sp_steplog){.path = "/dev/full", .f = fopen("/dev/full", "w")};
    assert_int_equal(sp_steplog_put(&l, &r, &full), -1);
    assert_message(full, "/dev/full: No space left");
    sp_steplog_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {IN_DIR(a_line_a_step), IN_DIR(lines_are_written_at_once),
                                       IN_DIR(resumed), IN_DIR(no_log_and_no_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
