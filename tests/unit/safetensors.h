/* safetensors.h - checkpoints for the tests of the engine, written byte by byte: a
 * config.json and a file of random tensors in the current directory.
 */
#ifndef SP_TEST_SAFETENSORS_H
#define SP_TEST_SAFETENSORS_H

#include "base/hash.h"
#include "engine/param.h"
#include "files.h"
#include "operands.h"

#include <stdio.h>

typedef struct {
    char name[100];
    const char *dtype; /* as the header says it */
    int64_t rows, cols;
    operand x;
    bool flat; /* shape [rows], not [rows, cols] */
} tensor;

/* One random tensor; its values depend on the name. */
static inline tensor make_tensor(const char *name, int64_t rows, int64_t cols, bool flat,
                                 sp_dtype dtype)
{
    tensor t = {.dtype = sp_dtype_name(dtype), .rows = rows, .cols = cols, .flat = flat};
    snprintf(t.name, sizeof t.name, "%s", name);
    t.x = random_operand(sp_hash(SP_HASH0, name, strlen(name)), rows, cols, dtype);
    return t;
}

/* The tensors of all parameters in canonical order, in F32, BF16 and F16 by turns. The
 * caller frees each x and the array. */
static inline tensor *make_tensors(const sp_config *c, size_t *n)
{
    static const sp_dtype dtypes[] = {SP_F32, SP_BF16, SP_F16};
    sp_param *list = sp_param_list(c, n);
    tensor *t = sp_xcalloc(*n, sizeof *t);
    for (size_t i = 0; i < *n; i++) {
        t[i] = make_tensor(list[i].name, list[i].rows, list[i].cols, list[i].cols == 1,
                           dtypes[i % 3]);
        free(list[i].name);
    }
    free(list);
    return t;
}

static inline void free_tensors(tensor *t, size_t n)
{
    for (size_t i = 0; i < n; i++) operand_free(&t[i].x);
    free(t);
}

/* The file as bytes: the caller's. *size gets their number. */
static inline char *safetensors(const tensor *t, size_t n, size_t *size)
{
    char *header = sp_xmalloc(n * 300 + 20), *at = header;
    size_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        size_t bytes = (size_t)(t[i].rows * t[i].cols) * sp_dtype_size(t[i].x.dtype);
        at += sprintf(at, "%c\"%s\":{\"dtype\":\"%s\",\"shape\":[%lld", i ? ',' : '{',
                      t[i].name, t[i].dtype, (long long)t[i].rows);
        if (!t[i].flat) at += sprintf(at, ",%lld", (long long)t[i].cols);
        at += sprintf(at, "],\"data_offsets\":[%zu,%zu]}", offset, offset + bytes);
        offset += bytes;
    }
    at += sprintf(at, "}");
    /* so that tensors are aligned and can be mapped */
    while ((at - header) % 8) *at++ = ' ';
    uint64_t length = (uint64_t)(at - header);
    *size = sizeof length + length + offset;
    char *file = sp_xmalloc(*size), *to = file + sizeof length + length;
    memcpy(file, &length, sizeof length);
    memcpy(file + sizeof length, header, length);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = (size_t)(t[i].rows * t[i].cols) * sp_dtype_size(t[i].x.dtype);
        memcpy(to, t[i].x.stored, bytes);
        to += bytes;
    }
    free(header);
    return file;
}

static inline void write_safetensors(const char *path, const tensor *t, size_t n)
{
    size_t size;
    char *file = safetensors(t, n, &size);
    put_file(path, file, size);
    free(file);
}

/* Write config.json and read it. */
static inline sp_config write_config(const char *text)
{
    sp_config c;
    sp_err e = {0};
    put_file("config.json", text, strlen(text));
    if (sp_config_load(&c, ".", &e)) fail_msg("%s", e.msg);
    return c;
}

#endif
