/* data.h - DATA files: JSONL, one example a line, to token ids and labels through a chat
 * template.
 *
 * Forms: {"input_ids":[..],"labels":[..]}; {"prompt","response","system"?};
 * {"messages":[{"role","content"},..],"system"?}; and {"text":".."}: plain text, every
 * token scored. labels hold -100 where there is no loss; they are not shifted (the logits
 * at t predict labels[t+1]). BOS comes exactly once.
 */
#ifndef SP_DATA_H
#define SP_DATA_H

#include "text/tok/tok.h"

#include <jansson.h>

typedef enum {
    SP_TMPL_AUTO,
    SP_TMPL_LLAMA2,
    SP_TMPL_LLAMA3,
    SP_TMPL_MISTRAL,
    SP_TMPL_GEMMA,
    SP_TMPL_PLAIN,
    SP_TMPL_FILE /* the one read by sp_template_load */
} sp_template;
#define SP_TEMPLATE_CHOICES "auto|llama2|llama3|mistral|gemma|plain"
typedef enum { SP_LOSS_ANSWER, SP_LOSS_QUESTION, SP_LOSS_ALL } sp_loss_on;
#define SP_LOSS_ON_CHOICES "answer|question|all"

typedef struct {
    const char *role; /* "system", "user", "assistant" */
    const char *text;
} sp_turn;

/* Pick the template from the directory's own files (chat_template in
 * tokenizer_config.json or chat_template.jinja:
 * <<SYS>> is llama2, <|start_header_id|> llama3, <start_of_turn> gemma, [INST] alone
 * mistral; none of these: plain). */
sp_template sp_template_auto(const char *model_dir);
const char *sp_template_name(sp_template t);
/* can a conversation open with a system turn? */
bool sp_template_has_system(sp_template t);
/* Read a template of the user's own; from then on it is SP_TMPL_FILE (one a process).
 * JSON with the strings "user" (holds {user}), "assistant" (holds {assistant}) and
 * optionally "system" (holds {system}), "start" (put once in front, default "{bos}"), the
 * list "stop" (pieces that end an answer, default ["{eos}"]) and "trim" (strip the turns,
 * default true). {bos}, {eos} and <pieces> of the vocabulary may stand anywhere; {system}
 * inside "user" is where the formatted system turn goes. */
int sp_template_load(const char *path, sp_err *e);

/* Append the ids of a conversation. roles (may be NULL) gets, for each id, the role it
 * belongs to: 0 template or system, 1 user content, 2 assistant content and its end
 * token. If the last turn is the user's, the ids end where the assistant's answer begins.
 */
int sp_chat_encode(const sp_tok *tok, sp_template t, const sp_turn *turns, size_t n,
                   sp_ids *ids, sp_ids *roles, sp_err *e);
/* Ids that end an answer under template t (eos, <|eot_id|>, <end_of_turn>), those that
 * exist in tok. Returns the count
 * (<= max). */
size_t sp_chat_stops(const sp_tok *tok, sp_template t, int32_t *ids, size_t max);

typedef struct {
    int64_t n;       /* tokens */
    int32_t *ids;    /* (n) */
    int32_t *labels; /* (n), -100 = no loss */
} sp_example;

typedef struct {
    size_t n;
    sp_example *ex;
    uint64_t digest; /* of the file's bytes */
} sp_data;

typedef struct {
    const sp_tok *tok;  /* may be NULL when all examples carry input_ids */
    sp_template tmpl;   /* resolved, not AUTO */
    sp_loss_on loss_on; /* which tokens are scored; does not touch given labels */
    int64_t max_len;    /* cut longer examples; 0 = no limit */
    int64_t vocab;      /* ids must be below; 0 = unchecked */
} sp_data_opt;

/* Load a file ("-" = stdin). An empty file, a bad line (named by number), an id out of
 * range, an example without a scored token: error. */
int sp_data_load(sp_data *d, const char *path, const sp_data_opt *opt, sp_err *e);
void sp_data_free(sp_data *d);

/* ---- JSON lines ------------------------------------------------------------- */
typedef struct sp_lines sp_lines;
sp_lines *sp_lines_open(const char *path, sp_err *e);
/* Next object: 1 and *obj (owned by the caller, json_decref), 0 at the clean end, -1 on
 * error. Blank lines are skipped.
 */
int sp_lines_next(sp_lines *l, json_t **obj, sp_err *e);
/* 1-based number of the line last returned */
size_t sp_lines_number(const sp_lines *l);
uint64_t sp_lines_digest(const sp_lines *l); /* of all bytes read so far */
void sp_lines_close(sp_lines *l);
/* Turns of a prompt object: "prompt"(+"system") and, when with_answer, "response"; or
 * "messages". Texts are borrowed from obj. Returns the count, -1 on error. */
int sp_turns_of(const json_t *obj, bool with_answer, sp_turn *turns, size_t max,
                sp_err *e);

#endif
