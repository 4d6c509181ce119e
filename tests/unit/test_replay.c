/* test_replay.c - the fuzz targets without a fuzzer: every seed of tests/fuzz/corpus, and a fixed
 * number of mutations of each (a byte changed, a stretch cut out, doubled, or the end cut off),
 * drawn from a fixed seed.
 */
#define LLVMFuzzerTestOneInput fuzz_one_tok
#include "../fuzz/fuzz_tok.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_tokjson
#include "../fuzz/fuzz_tokjson.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_spm
#include "../fuzz/fuzz_spm.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_examples
#include "../fuzz/fuzz_examples.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_template
#include "../fuzz/fuzz_template.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_st
#include "../fuzz/fuzz_st.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_config
#include "../fuzz/fuzz_config.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_index
#include "../fuzz/fuzz_index.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_openings
#include "../fuzz/fuzz_openings.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_one_jinja
#include "../fuzz/fuzz_jinja.c"
#undef LLVMFuzzerTestOneInput

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>

#define MUTATIONS 60

typedef int target(const uint8_t *data, size_t size);

static uint64_t rng;
static size_t draw(size_t n)
{
    return n ? (size_t)((rng = rng * 6364136223846793005u + 1442695040888963407u) >> 33) % n : 0;
}

/* A changed copy of in[0..n) in out (room for 2 n + 1); returns its length. */
static size_t mutate(const uint8_t *in, size_t n, uint8_t *out)
{
    size_t at = draw(n), len = draw(SP_MIN(n - at, 64u) + 1);
    memcpy(out, in, n);
    switch (draw(4)) {
    case 0: out[at] = (uint8_t)draw(256); return n;
    case 1: memmove(out + at, out + at + len, n - at - len); return n - len;
    case 2: memmove(out + at + len, in + at, n - at); return n + len;
    default: return at;
    }
}

static void replay_file(target *f, const char *path)
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    uint8_t *data = sp_xmalloc(1 << 16), *changed = sp_xmalloc(1 << 17);
    size_t n = fread(data, 1, 1 << 16, in);
    fclose(in);
    f(data, n);
    for (int i = 0; n && i < MUTATIONS; i++) {
        size_t m = mutate(data, n, changed);
        uint8_t *exact = sp_xmalloc(m); /* so that a read past the end is seen */
        memcpy(exact, changed, m);
        f(exact, m);
        free(exact);
    }
    free(data);
    free(changed);
}

static void replay(target *f, const char *name)
{
    char dir[64];
    int seeds = 0;
    snprintf(dir, sizeof dir, "tests/fuzz/corpus/%s", name);
    DIR *d = opendir(dir);
    assert_non_null(d);
    rng = 1;
    for (struct dirent *e; (e = readdir(d)); seeds++) {
        if (e->d_name[0] == '.') {
            seeds--;
            continue;
        }
        char *path = sp_xasprintf("%s/%s", dir, e->d_name);
        replay_file(f, path);
        free(path);
    }
    closedir(d);
    f((const uint8_t *)"", 0);
    assert_true(seeds > 0);
}

static void tok(void **state) { (void)state, replay(fuzz_one_tok, "tok"); }
static void tokjson(void **state) { (void)state, replay(fuzz_one_tokjson, "tokjson"); }
static void spm(void **state) { (void)state, replay(fuzz_one_spm, "spm"); }
static void examples(void **state) { (void)state, replay(fuzz_one_examples, "examples"); }
static void template(void **state) { (void)state, replay(fuzz_one_template, "template"); }
static void st(void **state) { (void)state, replay(fuzz_one_st, "st"); }
static void config(void **state) { (void)state, replay(fuzz_one_config, "config"); }
static void openings(void **state) { (void)state, replay(fuzz_one_openings, "openings"); }
static void jinja(void **state) { (void)state, replay(fuzz_one_jinja, "jinja"); }
static void checkpoint(void **state) { (void)state, replay(fuzz_one_index, "index"); }

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tok),      cmocka_unit_test(tokjson),
                                       cmocka_unit_test(spm),      cmocka_unit_test(examples),
                                       cmocka_unit_test(template), cmocka_unit_test(st),
                                       cmocka_unit_test(config),   cmocka_unit_test(checkpoint),
                                       cmocka_unit_test(openings), cmocka_unit_test(jinja)};
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
