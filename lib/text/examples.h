/* examples.h - DATA files: JSONL, one example a line, to token ids and labels through a
 * chat template.
 *
 * Forms: {"input_ids":[..],"labels":[..]}; {"prompt","response","system"?};
 * {"messages":[{"role","content"},..],"system"?}; and {"text":".."}: plain text, every
 * token scored. labels hold -100 where there is no loss; they are not shifted (the logits
 * at t predict labels[t+1]). BOS comes exactly once.
 */
#ifndef SP_EXAMPLES_H
#define SP_EXAMPLES_H

#include "text/chat.h"

typedef enum { SP_LOSS_ANSWER, SP_LOSS_QUESTION, SP_LOSS_ALL } sp_loss_on;
#define SP_LOSS_ON_CHOICES "answer|question|all"

typedef struct {
    int64_t n;       /* tokens */
    int32_t *ids;    /* (n) */
    int32_t *labels; /* (n), -100 = no loss */
} sp_example;

typedef struct {
    size_t n;
    sp_example *ex;
    uint64_t digest; /* of the file's bytes */
} sp_examples;

typedef struct {
    const sp_tok *tok;  /* may be NULL when all examples carry input_ids */
    sp_template tmpl;   /* resolved, not AUTO */
    sp_loss_on loss_on; /* which tokens are scored; does not touch given labels */
    int64_t max_len;    /* cut longer examples; 0 = no limit */
    int64_t vocab;      /* ids must be below; 0 = unchecked */
} sp_examples_opt;

/* Load a file ("-" = stdin). An empty file, a bad line (named by number), an id out of
 * range, an example without a scored token: error. */
int sp_examples_load(sp_examples *d, const char *path, const sp_examples_opt *opt,
                     sp_err *e);
void sp_examples_free(sp_examples *d);

#endif
