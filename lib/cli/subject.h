/* subject.h - what a tool opens when it is given MODEL: weights, tokenizer, chat
 * template, and how examples are to be read. Dies with a message where something is
 * wrong: for the mains of tools only.
 */
#ifndef SP_SUBJECT_H
#define SP_SUBJECT_H

#include "engine/model.h"
#include "text/examples.h"

/* The options that every verb with a MODEL has. Static storage: one model family a
 * process. */
typedef struct {
    const char *weights, *template_file;
    int template, loss_on;
    int64_t max_len;
} sp_subject_args;

#define SP_MODEL_OPTS(a)                                               \
    {"weights", 0,                                                     \
     SP_STRING, &(a).weights,                                          \
     "STREAM",  "take the weights from STREAM, the rest from MODEL",   \
     0,         0},                                                    \
        {"template",                                                   \
         0,                                                            \
         SP_CHOICE,                                                    \
         &(a).template,                                                \
         SP_TEMPLATE_CHOICES,                                          \
         "chat template (default: auto, from the model's own files)",  \
         0,                                                            \
         0},                                                           \
    {                                                                  \
        "template-file", 0, SP_STRING, &(a).template_file, "FILE",     \
            "a chat template of your own (JSON, see sp-eval(1))", 0, 0 \
    }
#define SP_DATA_OPTS(a)                                                              \
    {"loss-on",                                                                      \
     0,                                                                              \
     SP_CHOICE,                                                                      \
     &(a).loss_on,                                                                   \
     SP_LOSS_ON_CHOICES,                                                             \
     "tokens that are scored (default: answer)",                                     \
     0,                                                                              \
     0},                                                                             \
    {                                                                                \
        "max-len", 0, SP_INT, &(a).max_len, "N",                                     \
            "cut examples after N tokens (default: the model's context)", 1, 1 << 30 \
    }

typedef struct {
    sp_model *m;
    sp_tok *tok;         /* NULL where the directory has none: then ids only */
    sp_examples_opt opt; /* for sp_examples_load */
} sp_subject;

/* init_std > 0: random weights (sp_model_open). */
void sp_subject_open(sp_subject *s, const char *dir, const sp_subject_args *a,
                     double init_std);
void sp_subject_close(sp_subject *s);

#endif
