/* finish.c - see finish.h. What is derived here depends on all of the files, so it cannot be done
 * while one of them is read. */
#include "text/tok/finish.h"

#include "text/tok/normalize.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>

/* Set byte_id and char_id, and clear t->cut if unknown characters forbid to cut the text. char_id
 * covers U+0000 to U+07FF, the characters that have one or two bytes. */
static void derive_bytes(tok_tables *t)
{
    bool known = t->byte_fallback; /* does every byte have a piece? */
    char piece[8];
    for (uint32_t c = 0; c < 0x800; c++)
        t->char_id[c] = tok_vocab_find(&t->vocab, piece, sp_utf8_put(piece, c));
    for (unsigned b = 0; b < 256; b++) {
        t->byte_id[b] =
            tok_vocab_find(&t->vocab, piece, (size_t)snprintf(piece, sizeof piece, "<0x%02X>", b));
        /* as <0xNN> or, an ASCII byte, as itself: Gemma has a tab and no <0x09> */
        known = known && (t->byte_id[b] >= 0 || (b < 0x80 && t->char_id[b] >= 0));
    }
    /* Neighbouring unknown characters fuse into one token, so text must not be cut there. Where
     * every byte has a piece, no character is unknown. */
    if (!known && t->fuse_unk && t->unk >= 0) t->cut = false;
}

/* Replace a token's text by the form that it has in normalised text: the literal "<x> y" is found
 * in LLaMA-2's text as "▁<x>▁y". */
static void normalize_token(const tok_tables *t, tok_added *a)
{
    tok_buf b = {0};
    tok_normalize(&t->normalizer, a->text.p, a->text.n, false, &b);
    tok_str_free(&a->text);
    a->text = tok_str_make(b.p, b.n);
    tok_buf_free(&b);
}

/* Tokens are normalised before they are indexed, because the index is sorted by their texts.
 * `special` can be indexed by the id of any added token, because each of them is a piece too.
 * Without a BOS from the config files, the first token that the post-processor puts in front counts
 * as BOS. */
int tok_finish(tok_tables *t, sp_err *e)
{
    derive_bytes(t);
    tok_merges_index(&t->merges);
    t->special = sp_xcalloc(t->vocab.n, 1);
    for (size_t i = 0; i < t->added.n; i++) {
        tok_added *a = &t->added.v[i];
        t->special[a->id] = a->special;
        if (a->single_word && !t->added.word && !(t->added.word = tok_regex_new("\\w", 2, e)))
            return -1;
        if (a->normalized && !a->verbatim) normalize_token(t, a);
    }
    tok_added_index(&t->added);
    if (t->bos < 0 && t->prefix.n) t->bos = t->prefix.ids[0];
    return 0;
}
