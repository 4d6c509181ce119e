/* test_pg.c - provenance: the chain of entries, and what is inherited without it. */
#include "tensor/pg.h"

#include "base/command.h"
#include "cli/main.h"
#include "tensor_files.h"

static void provenance(void **state)
{
    (void)state;
    char *argv[] = {"/usr/bin/sp-x", "a b", NULL};
    sp_start(2, argv);
    sp_meta a = {0}, b = {0}, c = {0};
    sp_meta_set(&a, "sp.pg.1", "first");
    sp_meta_set(&a, "sp.pg.2", "common");
    sp_meta_set(&b, "sp.pg.1", "common");
    write_five("a", 0, &a);
    write_five("b", 1, &b);
    sp_src *in[] = {must_open("a"), NULL, must_open("b")};
    sp_pg_append(&c, in, 3);
    assert_int_equal(c.n, 3);
    assert_string_equal(sp_meta_get(&c, "sp.pg.1"), "first");
    assert_string_equal(sp_meta_get(&c, "sp.pg.2"), "common");
    const char *own = sp_meta_get(&c, "sp.pg.3");
    char *want = sp_xasprintf(
        "{\"tool\":\"sp-x\",\"version\":\"" SP_VERSION
        "\",\"command\":\"sp-x 'a b'\",\"inputs\":[{\"name\":\"a\",\"digest\":\"%016llx\"},"
        "{\"name\":\"b\",\"digest\":\"%016llx\"}]}",
        (unsigned long long)sp_src_digest(in[0]), (unsigned long long)sp_src_digest(in[2]));
    assert_string_equal(own, want);
    assert_true(sp_src_digest(in[0]) != sp_src_digest(in[2])); /* their metadata differ */
    free(want);
    sp_src_close(in[0]);
    sp_src_close(in[2]);
    sp_meta_free(&a);
    sp_meta_free(&b);
    sp_meta_free(&c);
}

/* All but the chain; a key that is there gets the inherited value. */
static void inherited(void **state)
{
    (void)state;
    sp_meta from = {0}, to = {0};
    sp_meta_set(&from, "sp.pg.1", "first");
    sp_meta_set(&from, "format", "pt");
    sp_meta_set(&from, "sp.pg", "no entry of a chain");
    sp_meta_set(&to, "format", "np");
    sp_pg_inherit(&to, &from);
    assert_int_equal(to.n, 2);
    assert_string_equal(sp_meta_get(&to, "format"), "pt");
    assert_string_equal(sp_meta_get(&to, "sp.pg"), "no entry of a chain");
    assert_null(sp_meta_get(&to, "sp.pg.1"));
    sp_meta_free(&from);
    sp_meta_free(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(provenance),
        cmocka_unit_test(inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
