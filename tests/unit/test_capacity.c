/* test_capacity.c - what a run needs against what is free: the two variables that cap it, both
 * numbers in the message, paths that do not exist yet. */
#include "base/capacity.h"

#include "base/base.h"

#include "child.h"
#include "files.h"

#define GIB ((uint64_t)1 << 30)

static int unset(void **state)
{
    (void)state;
    return unsetenv("SP_MEMORY") | unsetenv("SP_DISK") | make_test_dir(state);
}

static void memory_of_the_machine(void **state)
{
    (void)state;
    uint64_t all = sp_capacity_memory(), unused = sp_capacity_memory_free();
    assert_true(all > GIB / 4 && all < GIB << 14);
    assert_true(unused > 0 && unused <= all);
    unsigned long long kib = 0;
    FILE *f = popen("sed -n 's/^MemAvailable: *//p' /proc/meminfo", "r");
    if (fscanf(f, "%llu", &kib) == 1) assert_true(unused >> 10 > kib / 2 && unused >> 10 < kib * 2);
    pclose(f);
}

static void memory_is_capped(void **state)
{
    (void)state;
    setenv("SP_MEMORY", "0.125", 1);
    assert_int_equal(sp_capacity_memory(), GIB / 8);
    assert_int_equal(sp_capacity_memory_free(), GIB / 8);
    setenv("SP_MEMORY", "1e9", 1);
    assert_true(sp_capacity_memory() < GIB << 20);
    setenv("SP_MEMORY", "none", 1); /* no number: no cap */
    assert_true(sp_capacity_memory() > GIB / 4);
}

static void memory_is_refused(void **state)
{
    (void)state;
    sp_err e = {0};
    setenv("SP_MEMORY", "2", 1);
    assert_int_equal(sp_capacity_check_memory("training", 1, &e), 0);
    setenv("SP_MEMORY", "0.125", 1);
    assert_int_equal(sp_capacity_check_memory("training", GIB / 8, &e), 0);
    assert_int_equal(e.code, SP_OK);
    assert_int_equal(sp_capacity_check_memory("training", GIB / 8 + 1, &e), -1);
    assert_int_equal(e.code, SP_ESYSTEM);
    assert_string_equal(e.msg, "training: 128.0 MiB are needed, 128.0 MiB are free");
    e.code = 0;
    assert_int_equal(sp_capacity_check_memory("training", 3 * GIB, &e), -1);
    assert_string_equal(e.msg, "training: 3.0 GiB are needed, 0.1 GiB are free");
}

static void disk_is_refused(void **state)
{
    (void)state;
    sp_err e = {0};
    assert_int_equal(sp_capacity_check_disk(".", "weights", 1, &e), 0);
    assert_int_equal(sp_capacity_check_disk(".", "weights", (uint64_t)1 << 62, &e), -1);
    assert_int_equal(e.code, SP_ESYSTEM);
    assert_message(e, ".: weights: 4294967296.0 GiB are needed, ");
    e.code = 0;
    setenv("SP_DISK", "0.0009765625", 1); /* 1 MiB */
    assert_int_equal(sp_capacity_check_disk(".", "weights", 1 << 20, &e), 0);
    assert_int_equal(sp_capacity_check_disk("./", "weights", (1 << 20) + 1, &e), -1);
    assert_string_equal(e.msg, "./: weights: 1.0 MiB are needed, 1.0 MiB are free");
}

static void a_path_may_not_exist_yet(void **state)
{
    (void)state;
    sp_err e = {0};
    assert_int_equal(sp_capacity_check_disk("new", "weights", 1, &e), 0);
    assert_int_equal(sp_capacity_check_disk("new/", "weights", 1, &e), 0);
    assert_int_equal(sp_capacity_check_disk("no/such", "weights", 1, &e), -1);
    assert_int_equal(e.code, SP_ESYSTEM);
    assert_string_equal(e.msg, "no/such: No such file or directory");
}

#define T(f) cmocka_unit_test_setup_teardown(f, unset, drop_test_dir)
int main(void)
{
    const struct CMUnitTest tests[] = {T(memory_of_the_machine), T(memory_is_capped),
                                       T(memory_is_refused), T(disk_is_refused),
                                       T(a_path_may_not_exist_yet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
