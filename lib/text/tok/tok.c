/* tok.c - see tok.h.
 *
 * Opens a tokenizer from its files and answers small questions. The work is done elsewhere, on the
 * tables that the loaders fill (tables.h):
 *
 *     sp_tok_open     tokenizer.json (load_json.c), or else tokenizer.model (load_spm.c)
 *                     tokenizer_config.json, then special_tokens_map.json (config.c)
 *                     what depends on all of them (finish.c)
 *     sp_tok_encode   prefix, the ids of the text (encode.c), suffix
 *     sp_tok_decode   decode.c
 */
#include "text/tok/tok.h"

#include "io/read_file.h"
#include "text/tok/config.h"
#include "text/tok/decode.h"
#include "text/tok/encode.h"
#include "text/tok/finish.h"
#include "text/tok/load_json.h"
#include "text/tok/load_spm.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The most bytes that a text to be encoded may have: 512 MiB. */
#define MAX_TEXT (1u << 29)

/* A structure of its own hides the tables from the users of tok.h. */
struct sp_tok {
    tok_tables t;
};

/* ---- opening -------------------------------------------------------------------------- */

/* A tokenizer to load into. */
static sp_tok *empty(void)
{
    sp_tok *tok = sp_xmalloc(sizeof *tok);
    tok_tables_init(&tok->t);
    return tok;
}

/* Finish what has been loaded and return tok. If that fails, or if rc says that loading has failed,
 * close tok and return NULL. Every loader ends here, so none of them has to clean up. */
static sp_tok *finished(sp_tok *tok, int rc, sp_err *e)
{
    if (!rc && !tok_finish(&tok->t, e)) return tok;
    sp_tok_close(tok);
    return NULL;
}

sp_tok *sp_tok_from_json(char *text, size_t n, const json_t *config, sp_err *e)
{
    sp_tok *tok = empty();
    int rc = tok_load_json(&tok->t, text, n, e);
    if (!rc && config) rc = tok_read_config(&tok->t, config, e);
    return finished(tok, rc, e);
}

sp_tok *sp_tok_from_spm(const char *data, size_t n, sp_err *e)
{
    sp_tok *tok = empty();
    return finished(tok, tok_load_spm(&tok->t, data, n, e), e);
}

/* Take up DIR/NAME, one of the files that speak of special tokens, if it is there. tok_read_config
 * does not know the file, so its name is put in front of the message here. 0 or -1. */
static int load_config(tok_tables *t, const char *dir, const char *name, sp_err *e)
{
    json_t *j;
    sp_err inner = {0};
    char *path = sp_xasprintf("%s/%s", dir, name);
    /* as real numbers, because model_max_length may be 10^30 */
    int rc = sp_read_json(path, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &j, e);
    if (rc > 0 && (rc = tok_read_config(t, j, &inner)))
        sp_fail(e, inner.code, "%s: %s", path, inner.msg);
    json_decref(j);
    free(path);
    return rc;
}

/* Fill the tables from tokenizer.json, or from tokenizer.model where the former is not there.
 * `name` is the file that was read last, for the message. 0 or -1. */
static int load_tables(tok_tables *t, const char *dir, sp_err *e)
{
    sp_err inner = {0};
    char *text;
    size_t n;
    const char *name = "tokenizer.json";
    int rc = sp_read_file(dir, name, &text, &n, e);
    if (rc == 1) rc = tok_load_json(t, text, n, &inner);
    else if (rc == 0 && (rc = sp_read_file(dir, name = "tokenizer.model", &text, &n, e)) == 1)
        rc = tok_load_spm(t, text, n, &inner);
    else if (rc == 0)
        rc = sp_fail(e, SP_EINPUT, "%s: neither tokenizer.json nor tokenizer.model", dir);
    if (inner.code) sp_fail(e, inner.code, "%s/%s: %s", dir, name, inner.msg);
    free(text);
    return rc;
}

/* tokenizer_config.json goes before special_tokens_map.json, because the first file that names BOS
 * or EOS decides. */
sp_tok *sp_tok_open(const char *model_dir, sp_err *e)
{
    sp_tok *tok = empty();
    int rc = load_tables(&tok->t, model_dir, e);
    if (!rc) rc = load_config(&tok->t, model_dir, "tokenizer_config.json", e);
    if (!rc) rc = load_config(&tok->t, model_dir, "special_tokens_map.json", e);
    return finished(tok, rc, e);
}

void sp_tok_close(sp_tok *tok)
{
    if (!tok) return;
    tok_tables_free(&tok->t);
    free(tok);
}

/* ---- text and ids --------------------------------------------------------------------- */

static void push_all(sp_ids *out, const sp_ids *ids)
{
    for (size_t i = 0; i < ids->n; i++) sp_ids_push(out, ids->ids[i]);
}

/* Are ids[at ...] of v those of `part`, at least one? */
static bool stands_at(const sp_ids *v, size_t at, const sp_ids *part)
{
    return part->n && v->n >= at + part->n &&
           !memcmp(v->ids + at, part->ids, part->n * sizeof *part->ids);
}

/* The text's own ids begin at `text`, behind the prefix. Where they begin with the prefix as well,
 * one of the two goes. */
static void drop_second_prefix(sp_ids *v, size_t text, const sp_ids *prefix)
{
    if (!stands_at(v, text, prefix)) return;
    memmove(v->ids + text, v->ids + text + prefix->n, (v->n - text - prefix->n) * sizeof *v->ids);
    v->n -= prefix->n;
}

/* Do the ids from `text` on end with the suffix? */
static bool has_suffix(const sp_ids *v, size_t text, const sp_ids *suffix)
{
    return v->n >= text + suffix->n && stands_at(v, v->n - suffix->n, suffix);
}

/* SP_TOK_JOINED outweighs SP_TOK_INSIDE where both are given. */
int sp_tok_encode(const sp_tok *tok, const char *text, size_t n, int flags, sp_ids *out, sp_err *e)
{
    const tok_tables *t = &tok->t;
    tok_place place = flags & SP_TOK_JOINED   ? TOK_GOES_ON
                      : flags & SP_TOK_INSIDE ? TOK_FOLLOWS
                                              : TOK_BEGINS;
    /* normalising may make it longer, and then too long for the model's 31-bit positions */
    if (n > MAX_TEXT) return sp_fail(e, SP_EINPUT, "a text of more than 512 MiB");
    bool special = flags & SP_TOK_SPECIAL, once = flags & SP_TOK_ONCE;
    if (special) push_all(out, &t->prefix);
    size_t from = out->n;
    if (tok_encode(t, text, n, !(flags & SP_TOK_NO_LITERALS), place, out, e)) return -1;
    if (special && !(once && has_suffix(out, from, &t->suffix))) push_all(out, &t->suffix);
    if (special && once) drop_second_prefix(out, from, &t->prefix);
    return 0;
}

/* The buffer of tok_decode goes to the caller as it is, with a NUL behind it. */
char *sp_tok_decode(const sp_tok *tok, const int32_t *ids, size_t n, bool skip_special, size_t *len)
{
    tok_buf text = tok_decode(&tok->t, ids, n, skip_special);
    if (len) *len = text.n;
    tok_buf_add(&text, "", 1); /* the NUL */
    return text.p;
}

/* ---- small questions ------------------------------------------------------------------ */

size_t sp_tok_vocab(const sp_tok *tok) { return tok->t.vocab.n; }

int32_t sp_tok_id(const sp_tok *tok, const char *piece)
{
    return tok_vocab_find(&tok->t.vocab, piece, strlen(piece));
}

bool sp_tok_is_special(const sp_tok *tok, int32_t id)
{
    return tok_vocab_has(&tok->t.vocab, id) && tok->t.special[id];
}

bool sp_tok_is_added(const sp_tok *tok, int32_t id)
{
    size_t i = 0;
    while (i < tok->t.added.n && tok->t.added.v[i].id != id) i++;
    return i < tok->t.added.n;
}

int32_t sp_tok_bos(const sp_tok *tok) { return tok->t.bos; }
int32_t sp_tok_eos(const sp_tok *tok) { return tok->t.eos; }
