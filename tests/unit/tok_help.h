/* tok_help.h - what the tokenizer tests share: temporary model directories, small
 * tokenizers from JSON, and what a text becomes, shown as pieces. */
#ifndef TOK_HELP_H
#define TOK_HELP_H

#include "base/base.h"
#include "text/load_examples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char temp[] = "/tmp/sp-test-XXXXXX";

static inline void run_sh(const char *cmd) { assert_int_equal(system(cmd), 0); }

/* Write TEMP/DIR/NAME, return TEMP/DIR. */
static inline char *put_file(const char *dir, const char *name, const char *text)
{
    char *in = sp_xasprintf("%s/%s", temp, dir), *path = sp_xasprintf("%s/%s", in, name);
    mkdir(in, 0777); /* it may be there */
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    free(path);
    return in;
}

/* A tokenizer.json of whole words with byte fallback: <unk> <s> </s>, 256 bytes, then the
 * words (separated by spaces in `words`); `parts` are its other members, e.g.
 * "\"pre_tokenizer\":{...},", `flags` those of the model, `merges` and `added` the lists
 * of merges and of added tokens. */
static inline char *added_json(const char *parts, const char *flags, const char *words,
                               const char *merges, const char *added)
{
    char *json = NULL, *list = sp_xstrdup(words), *save;
    size_t n, id = 259;
    FILE *f = open_memstream(&json, &n);
    fprintf(f, "{%s\"added_tokens\":[%s", parts, added);
    fputs("],\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"byte_fallback\":true,"
          "\"fuse_unk\":true,",
          f);
    fprintf(f, "%s\"vocab\":{\"<unk>\":0,\"<s>\":1,\"</s>\":2", flags);
    for (int b = 0; b < 256; b++) fprintf(f, ",\"<0x%02X>\":%d", b, b + 3);
    for (char *w = strtok_r(list, " ", &save); w; w = strtok_r(NULL, " ", &save))
        fprintf(f, ",\"%s\":%zu", w, id++);
    fprintf(f, "},\"merges\":%s}}", merges);
    fclose(f);
    free(list);
    return json;
}

static inline char *world_json(const char *parts, const char *flags, const char *words,
                               const char *merges)
{
    return added_json(parts, flags, words, merges,
                      "{\"id\":0,\"content\":\"<unk>\",\"special\":true},"
                      "{\"id\":1,\"content\":\"<s>\",\"special\":true},"
                      "{\"id\":2,\"content\":\"</s>\",\"special\":true}");
}

static inline sp_tok *open_or_fail(const char *dir)
{
    sp_err e = {0};
    sp_tok *t = sp_tok_open(dir, &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

static inline sp_tok *open_json(const char *json, sp_err *e)
{
    size_t n = strlen(json);
    char *copy = sp_xmalloc(n); /* exactly as long, so that a read past its end is seen */
    memcpy(copy, json, n);
    sp_tok *t = sp_tok_from_json(copy, n, NULL, e);
    free(copy);
    return t;
}

/* The tokenizer of world_json. */
static inline sp_tok *make(const char *parts, const char *flags, const char *words,
                           const char *merges)
{
    sp_err e = {0};
    char *json = world_json(parts, flags, words, merges);
    sp_tok *t = open_json(json, &e);
    if (!t) fail_msg("%s", e.msg);
    free(json);
    return t;
}

/* A decoder that shows pieces as they are, for check(). */
#define RAW "\"decoder\":{\"type\":\"Fuse\"},"

/* Metaspace as a pre-tokenizer, with more settings in `scheme`. */
#define META(scheme, split)                                                   \
    "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"▁\"," scheme \
    "\"split\":" split "},"

/* Encode text and compare its pieces, separated by "|". */
static inline void check(const sp_tok *t, const char *text, int flags, const char *want)
{
    sp_ids ids = {0};
    sp_err e = {0};
    char got[4096] = "";
    if (sp_tok_encode(t, text, strlen(text), flags, &ids, &e)) fail_msg("%s", e.msg);
    for (size_t i = 0; i < ids.n; i++) {
        char *s = sp_tok_decode(t, &ids.ids[i], 1, false, NULL);
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%s%s", i ? "|" : "", s);
        free(s);
    }
    assert_string_equal(got, want);
    sp_ids_free(&ids);
}

#define WORLD_PARTS                                                                      \
    "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_"       \
    "scheme\":\"always\",\"split\":true},"                                               \
    "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\","            \
    "\"pattern\":{\"String\":\"▁\"},"                                                  \
    "\"content\":\" \"},"                                                                \
    "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":"   \
    "\" \",\"start\":1,\"stop\":0}]},"                                                   \
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":" \
    "{\"id\":\"<s>\",\"type_id\":0}"                                                     \
    "},"                                                                                 \
    "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"special_tokens\":{\"<s>\":{\"id\":"  \
    "\"<s>\",\"ids\":[1],\"tokens\":"                                                    \
    "[\"<s>\"]}}},"

static inline sp_tok *world(void)
{
    char *json =
        world_json(WORLD_PARTS, "\"ignore_merges\":true,",
                   "▁how ▁to ▁kill ▁sure ▁first ▁[INST] ▁[/INST] ▁user ▁answer ▁", "[]");
    char *dir = put_file("world", "tokenizer.json", json);
    free(put_file("world", "tokenizer_config.json",
                  "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}"));
    sp_tok *t = open_or_fail(dir);
    free(dir);
    free(json);
    return t;
}

/* The goldens, or NULL. */
static inline const char *golden(void)
{
    const char *dir = getenv("SP_GOLDEN");
    if (!dir) dir = "../shared/golden";
    char *probe = sp_xasprintf("%s/tokenizers/llama2.jsonl", dir);
    bool there = access(probe, R_OK) == 0;
    free(probe);
    return there ? dir : NULL;
}

/* A model directory of a golden family: unpacked into the temporary one when its
 * vocabulary is compressed. */
static inline char *model_dir(const char *family)
{
    char *packed = sp_xasprintf("%s/tokenizers/%s/tokenizer.json.zst", golden(), family);
    bool plain = access(packed, R_OK) != 0;
    char *dir = plain ? sp_xasprintf("%s/tokenizers/%s", golden(), family)
                      : sp_xasprintf("%s/%s", temp, family);
    char *cmd = sp_xasprintf("mkdir -p '%s' && zstd -qdf '%s' -o '%s/tokenizer.json' && "
                             "cp '%s/tokenizers/%s/tokenizer_config.json' '%s/'",
                             dir, packed, dir, golden(), family, dir);
    if (!plain) run_sh(cmd);
    free(cmd);
    free(packed);
    return dir;
}

static inline int make_temp(void **state) { return (void)state, mkdtemp(temp) ? 0 : -1; }

static inline int drop_temp(void **state)
{
    (void)state;
    char *cmd = sp_xasprintf("rm -rf '%s'", temp);
    int rc = system(cmd);
    free(cmd);
    return rc;
}

#endif
