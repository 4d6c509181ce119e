/* fuzz.h - what the fuzz targets share. Each target is one file with
 * LLVMFuzzerTestOneInput; `make fuzz` links it with libFuzzer, tests/unit/test_replay.c
 * runs it over its seeds and over mutations of them.
 */
#ifndef SP_FUZZ_H
#define SP_FUZZ_H

#include "base/base.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "tensor/src.h"
#include "text/load_examples.h"
#include "text/lines.h"
#include "text/tok/tok.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What must never happen; assert() may be compiled out. */
#define MUST(x)    \
    ((x) ? (void)0 \
         : (fprintf(stderr, "%s:%d: violated: %s\n", __FILE__, __LINE__, #x), abort()))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory that holds data[0..n); its path goes to `path`. Returns the descriptor
 * to close. */
static inline int fuzz_file(const void *data, size_t n, char path[32])
{
    int fd = memfd_create("fuzz", 0);
    MUST(fd >= 0 && write(fd, data, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

static char fuzz_dir_name[] = "/tmp/sp-fuzz-XXXXXX";
static inline void fuzz_drop_dir(void) { sp_cleanup_remove(fuzz_dir_name); }

/* A directory with one file a part of data[0..n), parts ending at lines "---"; files that
 * get no part are not there. */
static inline const char *fuzz_dir(const char *const *names, size_t n_names,
                                   const void *data, size_t n)
{
    static bool ready;
    const char *part = n ? data : "", *end = part + n;
    if (!ready) MUST(mkdtemp(fuzz_dir_name) && !atexit(fuzz_drop_dir));
    if (!ready) sp_cleanup_add(fuzz_dir_name);
    ready = true;
    for (size_t i = 0; i < n_names; i++) {
        char path[80];
        const char *mark = part && i + 1 < n_names
                               ? memmem(part, (size_t)(end - part), "\n---\n", 5)
                               : NULL;
        snprintf(path, sizeof path, "%s/%s", fuzz_dir_name, names[i]);
        FILE *f = part ? fopen(path, "wb") : NULL;
        size_t len = part ? (size_t)((mark ? mark : end) - part) : 0;
        if (!part) unlink(path);
        MUST(!part || (f && fwrite(part, 1, len, f) == len && !fclose(f)));
        part = mark ? mark + 5 : NULL;
    }
    return fuzz_dir_name;
}

/* Open what lies at path, read the beginning of every tensor in pieces, prove the end. */
static inline void fuzz_src(const char *path)
{
    static char buf[4096];
    sp_err e = {0};
    int rc = 0;
    sp_src *s = sp_src_open(path, &e);
    for (size_t i = 0; s && !rc && i < sp_src_count(s); i++) {
        const sp_tinfo *t = sp_src_info(s, i);
        size_t size1 = sp_dtype_size(t->dtype);
        for (uint64_t at = 0; !rc && at < t->numel && at < 65536;
             at += sizeof buf / size1)
            rc = sp_src_read_part(
                s, i, at, (size_t)SP_MIN(t->numel - at, sizeof buf / size1), buf, &e);
        MUST(sp_src_find(s, t->name) == (int64_t)i);
    }
    if (s && !rc) rc = sp_src_end(s, &e);
    MUST((s && !rc) || (e.code && e.msg[0]));
    sp_src_close(s);
}

/* A tokenizer from JSON text; NULL when it is refused, and then with a message. */
static inline sp_tok *fuzz_tok(const char *json, size_t n, const json_t *config)
{
    sp_err e = {0};
    char *copy = sp_xmalloc(n);
    if (n) memcpy(copy, json, n);
    sp_tok *t = sp_tok_from_json(copy, n, config, &e);
    free(copy);
    MUST(t ? !e.code : e.code && e.msg[0]);
    return t;
}

/* Encode, check the ids, decode. Returns the decoded text. no_specials: then there must
 * be no special token among them.
 */
static inline char *fuzz_encode(const sp_tok *t, const char *text, size_t n, int flags,
                                bool no_specials, size_t *len)
{
    sp_ids ids = {0};
    sp_err e = {0};
    if (sp_tok_encode(t, text, n, flags, &ids, &e)) MUST(e.code && e.msg[0]);
    for (size_t i = 0; i < ids.n; i++)
        MUST(ids.ids[i] >= 0 && (size_t)ids.ids[i] < sp_tok_vocab(t) &&
             !(no_specials && sp_tok_is_special(t, ids.ids[i])));

    char *back = sp_tok_decode(t, ids.ids, ids.n, false, len);
    MUST(sp_utf8_valid(back, *len));
    sp_ids_free(&ids);
    return back;
}

/* JSON of a small vocabulary with the 256 byte pieces and the given other members, pieces
 * (`,"x":259 ...`) and merges; caller frees. */
static inline char *fuzz_vocab(const char *parts, const char *flags, const char *words,
                               const char *merges)
{
    char *json = NULL;
    size_t n;
    FILE *f = open_memstream(&json, &n);
    fprintf(f,
            "{%s\"added_tokens\":[{\"id\":0,\"content\":\"<unk>\",\"special\":true},{"
            "\"id\":1,\"content\":\"<s>\","
            "\"special\":true},"
            "{\"id\":2,\"content\":\"</"
            "s>\",\"special\":true,\"rstrip\":true}],\"model\":{\"unk_token\":\"<unk>\","
            "\"byte_fallback\":true,%"
            "s\"vocab\":{"
            "\"<unk>\":0,\"<s>\":1,\"</s>\":2",
            parts, flags);
    for (int b = 0; b < 256; b++) fprintf(f, ",\"<0x%02X>\":%d", b, b + 3);
    fprintf(f, "%s},\"merges\":[%s]}}", words, merges);
    fclose(f);
    return json;
}

#define FUZZ_LLAMA                                                                     \
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","    \
    "\"prepend\":\"▁\"},"                                                            \
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"▁\"}]},"     \
    "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\","          \
    "\"pattern\":{\"String\":\"▁\"},"                                                \
    "\"content\":\" \"},"                                                              \
    "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":" \
    "\" \",\"start\":1,\"stop\":0}]},"

/* A tokenizer for conversations: it has the end tokens of every built-in template. */
static inline sp_tok *fuzz_chat_tok(void)
{
    static sp_tok *t;
    if (t) return t;
    char *json = fuzz_vocab(
        FUZZ_LLAMA, "",
        ",\"▁\":259,\"a\":260,\"▁a\":261,\"<|eot_id|>\":262,\"<end_of_turn>\":263",
        "\"▁ a\"");
    MUST((t = fuzz_tok(json, strlen(json), NULL)));
    free(json);
    return t;
}

#endif
