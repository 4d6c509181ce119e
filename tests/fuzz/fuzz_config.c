/* fuzz_config.c - config.json, then after a line "---" generation_config.json. */
#include "fuzz.h"

#include "model.h"

static char config_dir[] = "/tmp/sp-fuzz-XXXXXX";

static void put_config(const char *name, const void *data, size_t n)
{
    char path[80];
    snprintf(path, sizeof path, "%s/%s", config_dir, name);
    FILE *f = data ? fopen(path, "wb") : NULL;
    if (!data) unlink(path);
    MUST(!data || (f && fwrite(data, 1, n, f) == n && !fclose(f)));
}

static void drop_config_dir(void)
{
    put_config("config.json", NULL, 0);
    put_config("generation_config.json", NULL, 0);
    rmdir(config_dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    const uint8_t *mark = size ? memmem(data, size, "\n---\n", 5) : NULL;
    size_t n = mark ? (size_t)(mark - data) : size;
    if (!ready) MUST(mkdtemp(config_dir) && !atexit(drop_config_dir));
    ready = true;
    put_config("config.json", size ? (const void *)data : "", n);
    put_config("generation_config.json", mark ? mark + 5 : NULL, mark ? size - n - 5 : 0);
    sp_config c;
    sp_err e = {0};
    if (sp_config_load(&c, config_dir, &e))
        MUST(e.code && e.msg[0]);
    else
        MUST(c.layers > 0 && c.heads > 0 && c.kv_heads > 0 && c.heads % c.kv_heads == 0 && c.head_dim > 0 &&
             c.vocab > 0 && c.n_eos <= 8);
    return 0;
}
