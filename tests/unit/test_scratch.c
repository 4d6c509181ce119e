/* test_scratch.c - arrays in a nameless file: whole pages, zeroed, given back and read again; a
 * disk that is full, and one that cannot reserve blocks ahead of their use. */
#include "base/scratch.h"

#include "base/base.h"

#include "child.h"
#include "files.h"

#include <errno.h>
#include <sys/syscall.h>

/* In the place of the C library's: fails with fallocate_errno where that is set. */
static int fallocate_errno, fallocate_calls;

int fallocate(int fd, int mode, off_t at, off_t n)
{
    fallocate_calls++;
    if (!fallocate_errno) return (int)syscall(SYS_fallocate, fd, mode, at, n);
    errno = fallocate_errno;
    return -1;
}

static sp_scratch *open_here(uint64_t bytes)
{
    sp_err e = {0};
    sp_scratch *s = sp_scratch_open(".", "moments", bytes, &e);
    if (!s) fail_msg("%s", e.msg);
    return s;
}

static void arrays_side_by_side(void **state)
{
    (void)state;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(sp_scratch_size(0), 0);
    assert_int_equal(sp_scratch_size(1), page);
    assert_int_equal(sp_scratch_size(page), page);
    assert_int_equal(sp_scratch_size(page + 1), 2 * page);
    sp_scratch *s = open_here(3 * page);
    assert_int_equal(entries(), 0); /* the file has no name */
    char *a = sp_scratch_take(s, 1), *b = sp_scratch_take(s, page + 1);
    assert_int_equal((uintptr_t)a % page, 0);
    assert_ptr_equal(b, a + page);
    for (uint64_t i = 0; i < 2 * page; i++) assert_int_equal(b[i], 0);
    memset(b, 1, page + 1);
    assert_int_equal(a[page - 1], 0);
    sp_scratch_close(s);
    sp_scratch_close(NULL);
}

static int take_too_much(void *arg)
{
    (void)arg;
    sp_scratch *s = open_here(1);
    char *a = sp_scratch_take(s, 1), *b = sp_scratch_take(s, 1);
    return *a + *b;
}

static void no_more_than_asked_for(void **state)
{
    (void)state;
    sp_child c = sp_child_run(take_too_much, NULL);
    assert_int_equal(c.code, SP_ESYSTEM);
    assert_non_null(strstr(c.err, "sp: scratch file: "));
}

/* KiB of mapped files, be they on a disk or in a tmpfs, that count as memory in use. */
static long resident(void)
{
    long kib, sum = 0;
    char line[128];
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "RssFile: %ld", &kib) == 1 || sscanf(line, "RssShmem: %ld", &kib) == 1)
            sum += kib;
    fclose(f);
    return sum;
}

static void evicted_arrays_keep_their_content(void **state)
{
    (void)state;
    size_t n = 32 << 20;
    sp_scratch *s = open_here(n);
    uint8_t *a = sp_scratch_take(s, n), *want = test_bytes(n);
    long before = resident();
    memcpy(a, want, n);
    assert_true(resident() > before + 30000);
    sp_scratch_evict(a + 1, n - 2);
    assert_true(resident() < before + 2000);
    assert_memory_equal(a, want, n);
    sp_scratch_evict(a + 5, 100); /* no whole page */
    sp_scratch_prefetch(a, n);
    assert_memory_equal(a, want, n);
    sp_scratch_close(s);
    free(want);
}

static void a_full_disk_is_refused(void **state)
{
    (void)state;
    sp_err e = {0};
    fallocate_errno = ENOSPC;
    assert_null(sp_scratch_open(".", "moments", 1 << 20, &e));
    assert_int_equal(e.code, SP_ESYSTEM);
    assert_string_equal(e.msg, ".: No space left on device");
    fallocate_errno = 0;
    e.code = 0;
    setenv("SP_DISK", "0.0009765625", 1); /* 1 MiB */
    assert_null(sp_scratch_open(".", "moments", (1 << 20) + 1, &e));
    assert_int_equal(e.code, SP_ESYSTEM);
    assert_string_equal(e.msg, ".: moments: 1.0 MiB are needed, 1.0 MiB are free");
    unsetenv("SP_DISK");
}

/* Where blocks cannot be reserved (NFS, say), they are taken as they are written. */
static void a_disk_without_reservation_will_do(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    fallocate_errno = EOPNOTSUPP;
    sp_scratch *s = open_here(n);
    fallocate_errno = 0;
    uint8_t *a = sp_scratch_take(s, n);
    memset(a, 7, n);
    sp_scratch_evict(a, n);
    assert_int_equal(a[n - 1], 7);
    sp_scratch_close(s);
}

static void blocks_are_reserved(void **state)
{
    (void)state;
    fallocate_calls = 0;
    sp_scratch_close(open_here(1 << 20));
    assert_int_equal(fallocate_calls, 1);
}

static void where_it_lies(void **state)
{
    (void)state;
    sp_err e = {0};
    setenv("TMPDIR", "/nowhere/at/all", 1);
    assert_string_equal(sp_scratch_dir(), "/nowhere/at/all");
    assert_null(sp_scratch_open(NULL, "moments", 1, &e));
    assert_message(e, "/nowhere/at/all: No such file or directory");
    setenv("TMPDIR", "", 1);
    assert_string_equal(sp_scratch_dir(), "/tmp");
    unsetenv("TMPDIR");
    assert_string_equal(sp_scratch_dir(), "/tmp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(arrays_side_by_side),
        IN_DIR(no_more_than_asked_for),
        IN_DIR(evicted_arrays_keep_their_content),
        IN_DIR(a_full_disk_is_refused),
        IN_DIR(a_disk_without_reservation_will_do),
        IN_DIR(blocks_are_reserved),
        IN_DIR(where_it_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
