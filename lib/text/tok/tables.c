/* tables.c - see tables.h.
 *
 * Both loaders add merges through here, so that pieces, merges and the filter of joints agree:
 *
 *     merge 7: "▁th" + "e"      pieces   "▁th", "e" and "▁the" must be in the vocabulary
 *                               merges   (id of "▁th", id of "e") -> rank 7, id of "▁the"
 *                               joints   (h, e): text is never cut between an h and an e
 */
#include "text/tok/tables.h"

#include "base/arith.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Words may be cut (cut = true) until a merge or the unknown token forbids it:
 * tok_tables_add_merge, finish.c. */
void tok_tables_init(tok_tables *t)
{
    *t = (tok_tables){.unk = -1, .bos = -1, .eos = -1, .cut = true};
}

void tok_tables_free(tok_tables *t)
{
    tok_vocab_free(&t->vocab);
    tok_merges_free(&t->merges);
    tok_added_free(&t->added);
    tok_steps_free(&t->normalizer);
    tok_steps_free(&t->pre);
    tok_steps_free(&t->decoder);
    sp_ids_free(&t->prefix);
    sp_ids_free(&t->suffix);
    free(t->special);
}

/* Note the characters on both sides of the joint of a merge, s[0..cut) and s[cut..n): the last one
 * of the left half and the first one of the right. A half that is empty counts as character 0. */
static void note_joint(tok_tables *t, const char *s, size_t cut, size_t n)
{
    uint32_t last = 0, next = 0;
    size_t from = cut;
    while (from > 0 && ((unsigned char)s[--from] & 0xC0) == 0x80) {} /* to the last one's start */
    if (cut) sp_utf8_next(s + from, cut - from, &last);
    if (cut < n) sp_utf8_next(s + cut, n - cut, &next);
    tok_joins_add(&t->merges, last, next);
}

/* Is s the piece <0xNN> of a byte? */
static bool looks_like_byte(const char *s, size_t n)
{
    return n == 6 && !memcmp(s, "<0x", 3) && s[5] == '>';
}

/* Messages count ranks from 1, as a user does, and show at most 100 bytes of the text. */
int tok_tables_add_merge(tok_tables *t, const char *s, size_t cut, size_t n, uint32_t rank,
                         sp_err *e)
{
    const tok_vocab *v = &t->vocab;
    int32_t left = tok_vocab_find(v, s, cut), right = tok_vocab_find(v, s + cut, n - cut),
            id = tok_vocab_find(v, s, n);
    if (left < 0 || right < 0 || id < 0)
        return sp_fail(e, SP_EINPUT, "merge %u: \"%.*s\" or a half of it is not in the vocabulary",
                       rank + 1, (int)SP_MIN(n, 100u), s);
    tok_merges_add(&t->merges, left, right, rank, id);
    note_joint(t, s, cut, n);
    /* <0xNN> and <unk> stand for other text than their own: the filter of joints, which goes by
     * text, would be wrong about them. */
    bool odd = looks_like_byte(s, cut) || looks_like_byte(s + cut, n - cut) || left == t->unk ||
               right == t->unk;
    if (odd) t->cut = false;
    return 0;
}

/* The vocabulary comes first: if it refuses the token, the set of added tokens is left as it
 * was. */
int tok_tables_add_token(tok_tables *t, tok_added *a, sp_err *e)
{
    int rc;
    if (t->added.n >= TOK_MAX_ADDED)
        rc = sp_fail(e, SP_EINPUT, "more than %u added tokens", TOK_MAX_ADDED);
    else rc = tok_vocab_add(&t->vocab, a->text.p, a->text.n, (uint32_t)a->id, e);
    if (rc) tok_str_free(&a->text);
    else tok_added_put(&t->added, a);
    return rc;
}
