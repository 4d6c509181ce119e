/* files.h - files for the tests of the stream modules: a fresh directory for each test
 * that must be empty afterwards, bytes in and out. */
#ifndef SP_TEST_FILES_H
#define SP_TEST_FILES_H

#include "base/base.h"
#include "base/cleanup.h"

#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char test_dir[64];

static inline int make_test_dir(void **state)
{
    (void)state;
    strcpy(test_dir, "/tmp/sp-test-XXXXXX");
    return mkdtemp(test_dir) && chdir(test_dir) == 0 ? 0 : -1;
}

static inline int drop_test_dir(void **state)
{
    (void)state;
    sp_cleanup_add(test_dir);
    sp_cleanup_remove(test_dir);
    return chdir("/");
}

static inline void put_file(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* The whole file, NUL-terminated; *n gets its size. */
static inline char *get_file(const char *path, size_t *n)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    char *p = sp_xmalloc((size_t)st.st_size + 1);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    *n = fread(p, 1, (size_t)st.st_size, f);
    assert_int_equal(*n, st.st_size);
    fclose(f);
    p[*n] = 0;
    return p;
}

/* How many entries the test's directory has. */
static inline int entries(void)
{
    FILE *p = popen("ls -A | wc -l", "r");
    int n = -1;
    assert_int_equal(fscanf(p, "%d", &n), 1);
    pclose(p);
    return n;
}

/* Reproducible bytes: half noise, half runs. */
static inline uint8_t *test_bytes(size_t n)
{
    uint8_t *p = sp_xmalloc(n);
    uint64_t x = 88172645463325252ull;
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        p[i] = i / 1000 % 2 ? (uint8_t)x : (uint8_t)(i / 500);
    }
    return p;
}

#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, make_test_dir, drop_test_dir)
#define assert_message(e, part)                                             \
    do {                                                                    \
        if (!strstr((e).msg, part))                                         \
            fail_msg("message \"%s\" does not hold \"%s\"", (e).msg, part); \
    } while (0)

#endif
