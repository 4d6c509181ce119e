/* read_model.h - the model object of a tokenizer.json: vocabulary, merges, settings. */
#ifndef TOK_READ_MODEL_H
#define TOK_READ_MODEL_H

#include "text/tok/fields.h"
#include "text/tok/tables.h"

/* The values of the object, in this order; MODEL_FIELDS names them. */
enum {
    TOK_F_VOCAB,
    TOK_F_MERGES,
    TOK_F_TYPE,
    TOK_F_UNK,
    TOK_F_BYTES,
    TOK_F_FUSE,
    TOK_F_IGNORE,
    TOK_F_DROPOUT,
    TOK_F_PREFIX,
    TOK_F_SUFFIX,
    TOK_MODEL_FIELDS
};
extern const tok_field tok_model_fields[TOK_MODEL_FIELDS + 1];

/* Fill vocabulary, merges and the model's settings. f: the values that tok_fields_cut has
 * found; the text of vocabulary and merges is changed.
 *    0: done
 *   -1: damaged, no BPE model, or a setting that is not supported (*e) */
int tok_read_model(tok_tables *t, const tok_field *f, sp_err *e) SP_MUST_CHECK;

#endif
