/* fuzz_tok.c - any text through four tokenizers: the first byte picks one and the flags. Valid
 * UTF-8 must come back from the ones with byte fallback. */
#include "fuzz.h"

#define REGEX                                                            \
    "(?i:'s|'t)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| " \
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"

/* clang-format off */
static const char *const tok_parts[][4] = {
    {FUZZ_LLAMA, "",
     ",\"▁\":259,\"a\":260,\"b\":261,\"▁a\":262,\"▁▁\":263,\"ab\":264,\"é\":265,\"aa\":266,\"▁▁▁▁\":267",
     "\"▁ ▁\",\"a b\",\"▁ a\",\"a a\",\"▁▁ ▁▁\""},
    {FUZZ_LLAMA, "", ",\"▁\":259,\"a\":260,\"<0xC3>a\":261", "[\"<0xC3>\",\"a\"]"},
    {"\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"first\",\"split\":true},"
     "\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"first\"},",
     "\"ignore_merges\":true,", ",\"▁a\":259,\"▁ab\":260", ""},
    {"\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" REGEX
     "\"},\"behavior\":\"Isolated\"},"
     "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]},\"decoder\":{\"type\":\"ByteLevel\"},",
     "", ",\"a\":259,\"Ġ\":260,\"Ġa\":261,\"Ċ\":262,\"Ã\":263,\"©\":264,\"Ã©\":265", "\"Ġ a\",\"Ã ©\""},
};
/* clang-format on */

/* With byte fallback and a LLaMA-2 decoder nothing is lost but U+2581 (it turns into a space), so
 * text without it comes back. */
static bool comes_back(const char *s, size_t n)
{
    return sp_utf8_valid(s, n) && !memmem(s, n, "▁", 3) && !memmem(s, n, "</s>", 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sp_tok *toks[4];
    for (int i = 0; i < 4 && !toks[3]; i++) {
        char *json = fuzz_vocab(tok_parts[i][0], tok_parts[i][1], tok_parts[i][2], tok_parts[i][3]);
        MUST((toks[i] = fuzz_tok(json, strlen(json), NULL)));
        free(json);
    }
    if (!size) return 0;
    /* no SPECIAL, which would add to the text */
    int which = data[0] & 3, flags = data[0] >> 2 & 14;
    const char *text = (const char *)data + 1;
    size_t n = size - 1, len;
    char *back = fuzz_encode(toks[which], text, n, flags, flags & SP_TOK_NO_LITERALS, &len);
    bool plain = !(flags & SP_TOK_JOINED) && comes_back(text, n);
    if (which < 2 && n && plain && text[0] != '<')
        MUST(memmem(text, n, "<s>", 3) || memmem(text, n, "<unk>", 5) ||
             (len == n && !memcmp(back, text, n)));
    free(back);
    return 0;
}
