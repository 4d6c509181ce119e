/* decoding.h - the options of a decoding-time defence (contrast.h), checked, with
 * everything they name opened and read. Dies with a message where something is wrong: for
 * the mains of tools only.
 */
#ifndef SP_DECODING_H
#define SP_DECODING_H

#include "cli/opt.h"
#include "engine/model.h"
#include "eval/contrast.h"

/* What the command line says. Static storage, `strength` set to SP_NOT_GIVEN, the rest to
 * zero, which stands for "not given" too. */
#define SP_NOT_GIVEN (-1.)
typedef struct {
    int kind;                /* sp_contrast_kind */
    const char *expert;      /* stream of weights */
    const char *system_file; /* text of the first context */
    const char *anti_file;   /* text of the second context */
    double strength;
    int64_t first, common;
} sp_decoding_args;

/* Lines of an sp_opt table (opt.h), `a` the sp_decoding_args that they fill. */
/* clang-format off */
#define SP_DECODING_OPTS(a) \
    {"decoding", 0, SP_CHOICE, &(a).kind, SP_CONTRAST_CHOICES, \
     "decoding-time defence (default: plain)", 0, 0}, \
    {"expert", 0, SP_STRING, &(a).expert, "STREAM", \
     "safedecoding: weights of the expert, the rest from MODEL", 0, 0}, \
    {"strength", 0, SP_REAL, &(a).strength, "X", \
     "weight of the second context (default: 3, 2.5, .5 as listed)", 0, 1e6}, \
    {"first", 0, SP_INT, &(a).first, "M", \
     "safedecoding: tokens decoded with both models (default: 2)", 1, 1 << 24}, \
    {"common", 0, SP_INT, &(a).common, "C", \
     "safedecoding: least number of candidates (default: 5)", 1, 1 << 24}, \
    {"system-file", 0, SP_STRING, &(a).system_file, "FILE", \
     "text to say first in every prompt (self-cd, rose: a built-in one)", 0, 0}, \
    {"anti-system-file", 0, SP_STRING, &(a).anti_file, "FILE", \
     "rose: text of the context that is subtracted", 0, 0}
/* clang-format on */

typedef struct {
    sp_contrast contrast;
    sp_model *expert; /* NULL unless SafeDecoding */
    bool two_prompts; /* the contexts differ in their system texts */
    char *system[2];  /* of the first and second context; NULL = none */
} sp_decoding;

/* Check what belongs together, fill in defaults, read the texts, open the expert, which
 * is the model in model_dir with other weights. Release with sp_decoding_close. */
void sp_decoding_open(sp_decoding *d, const sp_decoding_args *a, const char *model_dir);
void sp_decoding_close(sp_decoding *d);

#endif
