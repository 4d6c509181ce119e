/* test_main.c - first and last call of every main: signals and limits, standard descriptors, what
 * -v reports, and output that could not be written. The restart in sp_start: test_restart.c. */
#include "cli/main.h"

#include "base/base.h"
#include "base/cleanup.h"
#include "base/command.h"

#include "child.h"
#include "files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

static void start(void)
{
    static char *argv[] = {"/opt/bin/sp-x", "top", "a b", NULL};
    sp_start(3, argv);
}

static int finish(void *to)
{
    start();
    sp_verbosity = 2;
    if (to) dup2(open(to, O_WRONLY), STDOUT_FILENO);
    printf("x");
    return sp_finish();
}

static void finish_reports(void **state)
{
    (void)state;
    sp_child c = sp_child_run(finish, NULL);
    assert_int_equal(c.code, 0);
    assert_string_equal(c.out, "x");
    assert_non_null(strstr(c.err, "sp-x: version " SP_VERSION "; sp-x top 'a b'"));
    double wall, cpu, rss;
    assert_int_equal(sscanf(strstr(c.err, "; wall "), "; wall %lf s, cpu %lf s, peak rss %lf MiB",
                            &wall, &cpu, &rss),
                     3);
    assert_true(wall >= 0 && wall < 10 && cpu >= 0 && cpu < 10 && rss > 1 && rss < 4000);
}

static void full_device_is_seen(void **state)
{
    (void)state;
    sp_child c = sp_child_run(finish, "/dev/full");
    assert_int_equal(c.code, SP_ESYSTEM);
    assert_string_equal(c.err, "sp-x: standard output: No space left on device\n");
}

static int closed_stdout(void *text)
{
    close(STDOUT_FILENO);
    start();
    FILE *f = fopen("/dev/null", "w");
    int reused = fileno(f) == STDOUT_FILENO;
    fclose(f);
    if (text) printf("lost");
    return reused ? 9 : sp_finish();
}

static void closed_stdout_is_seen(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(closed_stdout, NULL).code, 0);
    assert_int_equal(sp_child_run(closed_stdout, "write").code, SP_ESYSTEM);
}

static int interrupted(void *arg)
{
    (void)arg;
    start();
    sp_cleanup_add("x");
    put_file("x", "partial", 7);
    raise(SIGTERM);
    return 99;
}

static void signals_remove_temporary_files(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(interrupted, NULL).sig, SIGTERM);
    assert_int_equal(entries(), 0);
}

static int file_size_limit(void *arg)
{
    (void)arg;
    start();
    struct rlimit one = {1, 1};
    setrlimit(RLIMIT_FSIZE, &one);
    int fd = open("limited", O_CREAT | O_WRONLY, 0666);
    ssize_t n = write(fd, "xx", 2) + write(fd, "xx", 2);
    return n == 0 ? 0 : 1; /* 1 byte, then -1 */
}

static void file_size_limit_is_an_error_not_a_signal(void **state)
{
    (void)state;
    assert_int_equal(sp_child_run(file_size_limit, NULL).code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(finish_reports),
        IN_DIR(full_device_is_seen),
        IN_DIR(closed_stdout_is_seen),
        IN_DIR(signals_remove_temporary_files),
        IN_DIR(file_size_limit_is_an_error_not_a_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
