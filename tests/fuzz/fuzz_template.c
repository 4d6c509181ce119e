/* fuzz_template.c - a template of the user's own, and odd conversations through it or through a
 * built-in one.
 *
 * The first byte picks the template; then come parts, separated by lines "---": the template file,
 * and one part a turn. A turn whose part begins with 's' is a system turn, with '!' one of a role
 * that does not exist; the others are user and assistant by turns.
 */
#include "fuzz.h"

#define MAX_TURNS 8

/* The parts of data[0..n) behind the first as turns; *text holds their texts. Returns how many. */
static size_t read_turns(const char *data, size_t n, char **text, sp_turn *turns)
{
    static const char *const roles[] = {"user", "assistant"};
    size_t count = 0, plain = 0;
    char *p = *text = sp_xmalloc(n + 1), *mark;
    memcpy(p, data, n);
    p[n] = 0;
    while (count < MAX_TURNS && (mark = memmem(p, (size_t)(*text + n - p), "\n---\n", 5))) {
        *mark = 0; /* the end of the part before */
        p = mark + 5;
        const char *role = *p == 's' ? "system" : *p == '!' ? "" : roles[plain++ % 2];
        turns[count++] = (sp_turn){role, p + (*p == 's' || *p == '!')};
    }
    return count;
}

/* What must hold of a conversation's ids: text of turns is never special, but each answer may have
 * one end token. */
static void check_ids(const sp_tok *tok, const sp_ids *ids, const sp_ids *roles,
                      const sp_turn *turns, size_t n)
{
    size_t answers = 0, ends = 0, len;
    MUST(ids->n == roles->n);
    for (size_t i = 0; i < n; i++) answers += turns[i].role[0] == 'a';
    for (size_t i = 0; i < ids->n; i++) {
        bool special = sp_tok_is_special(tok, ids->ids[i]);
        MUST(ids->ids[i] >= 0 && (size_t)ids->ids[i] < sp_tok_vocab(tok));
        MUST(roles->ids[i] >= SP_ROLE_TEMPLATE && roles->ids[i] <= SP_ROLE_ANSWER);
        MUST(!(special && roles->ids[i] == SP_ROLE_QUESTION));
        ends += special && roles->ids[i] == SP_ROLE_ANSWER;
    }
    /* a conversation that stops before an answer may have the end token of an empty one */
    MUST(ends <= answers + 1);
    char *back = sp_tok_decode(tok, ids->ids, ids->n, false, &len);
    MUST(sp_utf8_valid(back, len));
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    const char *file = (const char *)data + 1, *mark = memmem(file, size - 1, "\n---\n", 5);
    size_t n_file = mark ? (size_t)(mark - file) : size - 1;
    sp_template which = (sp_template)(SP_TMPL_AUTO + data[0] % (SP_TMPL_FILE + 1));
    sp_err e = {0};
    char path[32], *text;
    int fd = fuzz_file(file, n_file, path);
    if (sp_template_load(path, &e)) MUST(e.code && e.msg[0]);
    close(fd);

    sp_turn turns[MAX_TURNS];
    size_t n = read_turns(file, size - 1, &text, turns);
    sp_ids ids = {0}, roles = {0};
    int32_t stops[2];
    e = (sp_err){0};
    if (sp_chat_encode(fuzz_chat_tok(), which, turns, n, &ids, &roles, &e))
        MUST(e.code && e.msg[0]);
    else check_ids(fuzz_chat_tok(), &ids, &roles, turns, n);
    size_t n_stops = sp_chat_stops(fuzz_chat_tok(), which, stops, 2);
    MUST(n_stops <= 2 && (n_stops < 2 || stops[0] != stops[1]));
    sp_ids_free(&ids);
    sp_ids_free(&roles);
    free(text);
    return 0;
}
