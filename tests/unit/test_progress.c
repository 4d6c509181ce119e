/* test_progress.c - the progress line: on a terminal what it says and how often, elsewhere nothing.
 */
#include "base/progress.h"

#include "base/base.h"

#include "child.h"

#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>

/* Work that began 10^6 s ago and has come to 6 of 10 million tokens, then shortly after to one
 * more, and later to 8 million. */
static int work(void *verbosity)
{
    sp_progress p;
    sp_verbosity = *(int *)verbosity;
    sp_progress_start(&p, "train", "tokens", 1e7);
    p.t0 -= 1e6;
    sp_progress_at(&p, 6e6);
    sp_progress_at(&p, 6e6 + 1);
    usleep(150000);
    sp_progress_at(&p, 8e6);
    sp_progress_end(&p);
    return 0;
}

/* What work writes to a terminal, and then a dollar sign. */
static void on_terminal(int verbosity, char *text, size_t size)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    pid_t pid = fork();
    if (!pid) {
        int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
        close(master);
        dup2(terminal, STDERR_FILENO);
        work(&verbosity);
        _exit(write(terminal, "$", 1) == 1 ? 0 : 1);
    }
    size_t n = 0;
    while (n < size - 1 && (n == 0 || text[n - 1] != '$') && read(master, text + n, 1) == 1) n++;
    text[n] = 0;
    waitpid(pid, NULL, 0);
    close(master);
}

static void on_a_terminal(void **state)
{
    (void)state;
    char text[500];
    on_terminal(1, text, sizeof text);
    assert_string_equal(text, "\rsp: train 6000000/10000000 tokens, 6/s, 666667 s left \033[K"
                              "\rsp: train 8000000/10000000 tokens, 8/s, 250000 s left \033[K"
                              "\r\033[K$");
}

static void quiet(void **state)
{
    (void)state;
    char text[500];
    on_terminal(0, text, sizeof text);
    assert_string_equal(text, "$");
}

static void no_terminal(void **state)
{
    (void)state;
    assert_string_equal(sp_child_run(work, &(int){1}).err, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(on_a_terminal), cmocka_unit_test(quiet),
                                       cmocka_unit_test(no_terminal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
