/* regex.c - see regex.h.
 *
 * Texts are untrusted and so are patterns: a search may take 10 million steps and 16 more for each
 * byte of the text, then it gives up. The JIT's own stack may be too small for a long match; such a
 * match is tried once more without the JIT, whose memory comes from the heap.
 */
#include "text/tok/regex.h"

#include "base/arith.h"
#include "base/memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

/* Compiled code, which is not written to after tok_regex_new; so threads share it. */
struct tok_regex {
    pcre2_code *code;
};

/* `found` is where a search puts the bounds of its match, `limits` holds the number of steps it may
 * take. Every search writes to `found`, so each thread has its own. */
struct tok_matcher {
    pcre2_match_data *found;
    pcre2_match_context *limits;
};

tok_regex *tok_regex_new(const char *pattern, size_t n, sp_err *e)
{
    int why;
    PCRE2_SIZE at;
    PCRE2_UCHAR text[200];
    pcre2_code *code = pcre2_compile(
        (PCRE2_SPTR)pattern, n, PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &why, &at, NULL);
    if (!code) {
        pcre2_get_error_message(why, text, sizeof text);
        sp_fail(e, SP_EINPUT, "pattern \"%.*s\": %s at byte %zu", (int)SP_MIN(n, 300u), pattern,
                (char *)text, (size_t)at);
        return NULL;
    }
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without a JIT it only takes longer */
    tok_regex *re = sp_xmalloc(sizeof *re);
    re->code = code;
    return re;
}

void tok_regex_free(tok_regex *re)
{
    if (re) pcre2_code_free(re->code);
    free(re);
}

tok_matcher *tok_matcher_new(size_t n)
{
    tok_matcher *m = sp_xmalloc(sizeof *m);
    m->found = pcre2_match_data_create(8, NULL);
    m->limits = pcre2_match_context_create(NULL);
    /* \s+(?!\S) goes over a run of spaces several times; more than that is a runaway. */
    pcre2_set_match_limit(m->limits, 10000000 + 16 * (uint32_t)SP_MIN(n, 1u << 27));
    return m;
}

void tok_matcher_free(tok_matcher *m)
{
    if (!m) return;
    pcre2_match_data_free(m->found);
    pcre2_match_context_free(m->limits);
    free(m);
}

/* PCRE2 gets the whole text and where to start, not a pointer to the start, because a look-behind
 * must see what comes before. A result of 0 says that groups did not fit into `found`, which is no
 * error: the bounds of the match itself always fit. */
int tok_regex_find(const tok_regex *re, tok_matcher *m, const char *s, size_t n, size_t at,
                   size_t *from, size_t *to, sp_err *e)
{
    int rc = pcre2_match(re->code, (PCRE2_SPTR)s, n, at, 0, m->found, m->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(re->code, (PCRE2_SPTR)s, n, at, PCRE2_NO_JIT, m->found, m->limits);
    if (rc == PCRE2_ERROR_NOMATCH) return 0;
    if (rc < 0)
        return sp_fail(e, SP_EINPUT,
                       "the pre-tokenizer's pattern gives up on this text (PCRE2 error %d)", rc);
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(m->found);
    *from = SP_MAX(range[0], at); /* \K and look-behinds can move it */
    *to = SP_MAX(range[1], *from);
    return 1;
}

bool tok_regex_starts(const tok_regex *re, const char *s, size_t n)
{
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    /* one character is matched, so no limits are needed */
    bool yes =
        found && pcre2_match(re->code, (PCRE2_SPTR)s, n, 0, PCRE2_ANCHORED, found, NULL) >= 0;
    pcre2_match_data_free(found);
    return yes;
}
