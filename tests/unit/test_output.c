/* test_output.c - the output of a tool: dtype, provenance or none, metadata of what it replaces. */
#include "tensor/output.h"

#include "cli/main.h"
#include "tensor_files.h"

static void as_the_command_line_says(void **state)
{
    (void)state;
    char *argv[] = {"sp-x", NULL};
    sp_start(1, argv);
    sp_err e = {0};
    sp_meta meta = {0};
    sp_meta_set(&meta, "hello", "world");
    write_five("x", 0, &meta);
    for (int k = 0; k < 4; k++) {
        sp_src *in = must_open("x");
        bool replaces = k & 1, no_pg = k & 2;
        sp_output o = {.path = "y", .level = 1, .no_pg = no_pg, .inputs = &in, .n_inputs = 1};
        if (replaces) o.replaces = in;
        sp_dst *d = sp_output_like(&o, in, k ? SP_U16 : -1, &e);
        assert_non_null(d);
        for (size_t i = 0; i < 5; i++) {
            const sp_tinfo *t = sp_dst_info(d, i);
            assert_int_equal(t->dtype, k ? SP_U16 : five[i].dtype);
            assert_true(sp_same_shape(t, &five[i]));
            assert_int_equal(sp_dst_write(d, (uint8_t[64]){0}, t->nbytes, &e), 0);
        }
        assert_int_equal(sp_dst_finish(d, &e), 0);
        sp_src_close(in);
        sp_src *s = must_open("y");
        const sp_meta *m = sp_src_meta(s);
        assert_int_equal(m->n, replaces + !no_pg);
        assert_int_equal(sp_meta_get(m, "hello") != NULL, replaces);
        assert_int_equal(sp_meta_get(m, "sp.pg.1") != NULL, !no_pg);
        sp_src_close(s);
    }
    sp_meta_free(&meta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {IN_DIR(as_the_command_line_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
