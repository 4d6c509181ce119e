/* fuzz_st.c - a tensor stream, raw or zstd: open, read every tensor in pieces, prove the end. */
#include "fuzz.h"

#include "st.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char buf[4096];
    char path[32];
    sp_err e = {0};
    int fd = fuzz_file(data, size, path), rc = 0;
    sp_src *s = sp_src_open(path, &e);
    for (size_t i = 0; s && !rc && i < sp_src_count(s); i++) {
        const sp_tinfo *t = sp_src_info(s, i);
        size_t size1 = sp_dtype_size(t->dtype);
        for (uint64_t at = 0; !rc && at < t->numel && at < 65536; at += sizeof buf / size1)
            rc = sp_src_read_part(s, i, at, (size_t)SP_MIN(t->numel - at, sizeof buf / size1), buf, &e);
        MUST(sp_src_find(s, t->name) == (int64_t)i);
    }
    if (s && !rc) rc = sp_src_end(s, &e);
    MUST((s && !rc) || (e.code && e.msg[0]));
    sp_src_close(s);
    close(fd);
    return 0;
}
