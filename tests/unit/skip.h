/* skip.h - SKIP("no reference vectors") ends a test as skipped; tests/run counts
 * the reasons. */
#ifndef SP_TEST_SKIP_H
#define SP_TEST_SKIP_H

#include <stdio.h>

#define SKIP(reason)                \
    do {                            \
        puts("# skipped: " reason); \
        skip();                     \
    } while (0)

#endif
