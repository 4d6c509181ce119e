/* subject.h - what a tool opens when it is given MODEL: weights, tokenizer, chat
 * template, and how examples are to be read. Dies with a message where something is
 * wrong: for the mains of tools only.
 */
#ifndef SP_SUBJECT_H
#define SP_SUBJECT_H

#include "cli/opt.h"
#include "engine/model.h"
#include "text/load_examples.h"

/* What the command line says of MODEL and of how DATA is to be read. Zero is the default
 * of everything; static storage, for the tables of options below. */
typedef struct {
    const char *weights;       /* stream that replaces the weights, or NULL */
    const char *template_file; /* the user's own chat template, or NULL */
    int template;              /* sp_template; 0 = auto */
    const char *date;          /* what the template takes for today, or NULL */
    bool no_thinking; /* a template that can, tells the model not to think aloud */
    int loss_on;      /* sp_loss_on */
    int64_t max_len;  /* 0 = the model's context */
    double init_std;  /* > 0: random weights with this deviation, and `seed` */
    uint64_t seed;
} sp_subject_args;

/* Options of every verb with a MODEL, and of those with DATA: lines of an sp_opt table
 * (opt.h), `a` the sp_subject_args that they fill. */
/* clang-format off */
#define SP_MODEL_OPTS(a) \
    {"weights", 0, SP_STRING, &(a).weights, "STREAM", \
     "take the weights from STREAM, the rest from MODEL", 0, 0}, \
    {"template", 0, SP_CHOICE, &(a).template, SP_TEMPLATE_CHOICES, \
     "chat template (default: auto, from the model's own files)", 0, 0}, \
    {"template-file", 0, SP_STRING, &(a).template_file, "FILE", \
     "a chat template of your own (JSON, see sp-eval(1))", 0, 0}, \
    {"date", 0, SP_STRING, &(a).date, "YYYY-MM-DD", \
     "what MODEL's chat template takes for today (default: 2024-07-26)", 0, 0}, \
    {"no-thinking", 0, SP_FLAG, &(a).no_thinking, NULL, \
     "tell MODEL's chat template that thinking is off", 0, 0}, \
    {"ignore-config", 0, SP_CALL, &sp_ignore_config, "KEY", \
     "let config.json have KEY, which is refused otherwise (repeatable)", 0, 0}
#define SP_DATA_OPTS(a) \
    {"loss-on", 0, SP_CHOICE, &(a).loss_on, SP_LOSS_ON_CHOICES, \
     "tokens that are scored (default: answer)", 0, 0}, \
    {"max-len", 0, SP_INT, &(a).max_len, "N", \
     "cut examples after N tokens (default: the model's context)", 1, 1 << 30}
/* clang-format on */

/* Hands a key to sp_config_ignore. */
extern sp_opt_call sp_ignore_config;

typedef struct {
    sp_model *m;
    sp_tok *tok;         /* NULL where the directory has none: then ids only */
    sp_examples_opt opt; /* for sp_examples_load */
    const char *dir;     /* borrowed, for messages */
    bool no_template;    /* the directory has no chat template, and none was asked for */
} sp_subject;

/* Open the model in `dir`; release with sp_subject_close. */
void sp_subject_open(sp_subject *s, const char *dir, const sp_subject_args *a);
void sp_subject_close(sp_subject *s);

/* The ids that end an answer, those of the configuration and of the template, into
 * ids[max]; returns how many. */
size_t sp_subject_end_ids(const sp_subject *s, int32_t *ids, size_t max);

/* Warn, once, if conversations have been encoded although no_template: to be called when
 * all input has been read. */
void sp_subject_warn(const sp_subject *s);

/* Load DATA, the first `limit` examples of it (0 = all); the whole file is read and
 * checked in any case. Warns of examples that were cut, and as sp_subject_warn does.
 * Release with sp_examples_free. */
void sp_subject_load(sp_examples *d, const sp_subject *s, const char *path,
                     int64_t limit);

#endif
