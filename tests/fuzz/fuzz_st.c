/* fuzz_st.c - a tensor stream, raw or zstd: open, read every tensor in pieces, prove the end. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    int fd = fuzz_file(data, size, path);
    fuzz_src(path);
    close(fd);
    return 0;
}
