/* test_csv2jsonl.c - tools/csv2jsonl against tables whose cells are known, written as CSV in every
 * way the format allows; and against a reader of our own on random bytes.
 */
#include "base/memory.h"

#include "files.h"

#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static char tool[PATH_MAX + 32];

static uint64_t rng = 1;
static unsigned draw(unsigned n)
{
    return (unsigned)((rng = rng * 6364136223846793005u + 1442695040888963407u) >> 33) % n;
}

/* ---- running the tool ----------------------------------------------------------------- */

/* Convert csv[0..n); the objects as a JSON array, NULL when the tool refuses. Each line must be one
 * object of strings. */
static json_t *convert(const char *csv, size_t n)
{
    put_file("in.csv", csv, n);
    char *cmd = sp_xasprintf("'%s' in.csv >out.jsonl 2>err", tool);
    int rc = system(cmd);
    free(cmd);
    json_t *all = json_array();
    char *line = NULL;
    size_t cap = 0;
    FILE *f = fopen("out.jsonl", "r");
    while (getline(&line, &cap, f) > 0) {
        json_t *o = json_loads(line, 0, NULL), *v;
        const char *key;
        if (!json_is_object(o)) fail_msg("no object: %s", line);
        json_object_foreach(o, key, v) assert_true(json_is_string(v));
        json_array_append_new(all, o);
    }
    fclose(f);
    free(line);
    if (rc == 0) return all;
    assert_int_equal(WEXITSTATUS(rc), 1);
    assert_int_equal(system("grep -qx 'csv2jsonl: a quote is never closed' err"), 0);
    json_decref(all);
    return NULL;
}

/* The objects are the same, and their keys in the same order. */
static void check_same(const json_t *got, const json_t *want, const char *csv, size_t n)
{
    char *a = got ? json_dumps(got, JSON_COMPACT) : sp_xstrdup("refused"),
         *b = json_dumps(want, JSON_COMPACT);
    if (strcmp(a, b)) fail_msg("\n%.*s\nbecomes  %s\nexpected %s", (int)n, csv, a, b);
    free(a);
    free(b);
}

/* The rows behind the first as objects, which takes its keys from the first. */
static json_t *to_objects(const json_t *rows)
{
    json_t *objects = json_array(), *head = json_array_get(rows, 0), *row;
    size_t i, k;
    json_array_foreach(rows, i, row)
    {
        if (i == 0) continue;
        json_t *o = json_object(), *cell;
        json_array_foreach(row, k, cell)
        {
            char name[32];
            snprintf(name, sizeof name, "column%zu", k + 1);
            const char *key = json_string_value(json_array_get(head, k));
            json_object_set(o, key ? key : name, cell);
        }
        json_array_append_new(objects, o);
    }
    return objects;
}

/* ---- tables that are known ------------------------------------------------------------ */

/* Text of up to 6 pieces, some of which need quotes. */
static json_t *random_cell(void)
{
    static const char *const parts[] = {"a",  "é",  ",", "\"",   "\n", "\r\n",
                                        "\\", "\t", " ", "\x01", "'"};
    char s[40] = "";
    for (unsigned i = draw(7); i > 0; i--) strcat(s, parts[draw(11)]);
    return json_string(s);
}

static bool needs_quotes(const char *s) { return strpbrk(s, ",\"\n\r") != NULL; }

static void write_cell(FILE *f, const char *s, bool quoted)
{
    if (quoted) fputc('"', f);
    for (; *s; s++) {
        if (*s == '"') fputc('"', f);
        fputc(*s, f);
    }
    if (quoted) fputc('"', f);
}

/* Some row of cells: a header when `head` (names that differ), else a little longer or shorter than
 * `columns`. */
static json_t *random_row(size_t columns, bool head)
{
    json_t *row = json_array();
    size_t n = head ? columns : columns + draw(3) - (columns > 1 && draw(2));
    for (size_t i = 0; i < n; i++) {
        json_t *cell = random_cell();
        char *name = sp_xasprintf("%zu%s", i, json_string_value(cell));
        json_array_append_new(row, head ? json_string(name) : json_incref(cell));
        json_decref(cell);
        free(name);
    }
    return row;
}

static void write_row(FILE *f, const json_t *row, const char *end)
{
    const json_t *cell;
    size_t i, n = json_array_size(row);
    json_array_foreach(row, i, cell)
    {
        const char *s = json_string_value(cell);
        bool alone = n == 1 && !*s; /* an empty line would be no row at all */
        if (i) fputc(',', f);
        write_cell(f, s, alone || needs_quotes(s) || !draw(4));
    }
    fputs(end, f);
}

static void known_tables(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        const char *end = draw(2) ? "\n" : "\r\n";
        size_t columns = 1 + draw(4), n_rows = draw(5), n;
        json_t *rows = json_array();
        char *csv;
        FILE *f = open_memstream(&csv, &n);
        for (size_t i = 0; i <= n_rows; i++) {
            json_t *row = random_row(columns, i == 0);
            json_array_append_new(rows, row);
            write_row(f, row, i == n_rows && draw(2) ? "" : end); /* the last end may be missing */
            if (!strcmp(end, "\n") && i < n_rows && !draw(4)) fputs("\n", f); /* passed over */
        }
        fclose(f);
        json_t *got = convert(csv, n), *want = to_objects(rows);
        check_same(got, want, csv, n);
        json_decref(got);
        json_decref(want);
        json_decref(rows);
        free(csv);
    }
}

static void marks_and_headers(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"\xEF\xBB\xBFid,text\n1,a\n", "[{\"id\":\"1\",\"text\":\"a\"}]"}, /* a byte order mark */
        {"a,b\n", "[]"},
        {"", "[]"},
        {"a,b\n1\n,\n1,2,3\n", "[{\"a\":\"1\"},{\"a\":\"\",\"b\":\"\"},"
                               "{\"a\":\"1\",\"b\":\"2\",\"column3\":\"3\"}]"},
        {"a\n\"\"\n\"x\"\"y\"\n", "[{\"a\":\"\"},{\"a\":\"x\\\"y\"}]"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *want = json_loads(rows[i][1], 0, NULL),
               *got = convert(rows[i][0], strlen(rows[i][0]));
        check_same(got, want, rows[i][0], strlen(rows[i][0]));
        json_decref(want);
        json_decref(got);
    }
    assert_null(convert("a\n\"x\n", 5));
}

/* ---- random bytes --------------------------------------------------------------------- */

/* One cell at *p, by RFC 4180: to the comma or line end behind it. NULL = not well-formed. */
static json_t *read_cell(const char **p, const char *end)
{
    char s[200];
    size_t n = 0;
    const char *c = *p;
    if (c < end && *c == '"') {
        for (c++; c < end && (*c != '"' || (c + 1 < end && c[1] == '"')); c++) {
            if (*c == '"') c++;
            s[n++] = *c;
        }
        if (c == end) return NULL; /* never closed */
        c++;
    } else
        for (; c < end && *c != ',' && *c != '\n'; c++) {
            if (*c == '"') return NULL;
            if (*c == '\r' && (c + 1 == end || c[1] == '\n')) break;
            s[n++] = *c;
        }
    if (c < end && *c == '\r' && (c + 1 == end || c[1] == '\n')) c++;
    if (c < end && *c != ',' && *c != '\n') return NULL;
    *p = c;
    return json_stringn(s, n);
}

/* All rows; NULL when the bytes are no well-formed CSV, or have a line of nothing but a carriage
 * return, of which RFC 4180 and common sense say different things. */
static json_t *read_rows(const char *p, const char *end)
{
    json_t *rows = json_array(), *row = NULL;
    while (p < end) {
        if (*p == '\n') {
            p++; /* an empty line */
            continue;
        }
        bool only_cr = *p == '\r' && (p + 1 == end || p[1] == '\n');
        row = json_array();
        json_array_append_new(rows, row);
        for (bool more = true; more; p++) {
            json_t *cell = only_cr ? NULL : read_cell(&p, end);
            if (!cell) return json_decref(rows), NULL;
            json_array_append_new(row, cell);
            more = p < end && *p == ',';
        }
    }
    return rows;
}

static bool names_differ(const json_t *head)
{
    json_t *seen = json_object(), *name;
    size_t i;
    json_array_foreach(head, i, name)
    {
        char other[32];
        snprintf(other, sizeof other, "column%zu", i + 1);
        json_object_set(seen, json_string_value(name), json_true());
    }
    bool differ = json_object_size(seen) == json_array_size(head);
    json_decref(seen);
    return differ;
}

/* Whatever comes in, what goes out is JSON; and what is well-formed is read right. */
static void random_bytes(void **state)
{
    (void)state;
    static const char *const parts[] = {"\"", "\"", ",", ",",  "\n", "\n",   "\r",   "\r\n",
                                        "a",  "b",  " ", "\\", "é",  "\x7F", "\"\"", "\",\""};
    int read = 0;
    for (int round = 0; round < 150; round++) {
        char csv[200] = "";
        if (draw(3)) strcpy(csv, "x,y\n");
        for (unsigned i = draw(14); i > 0; i--) strcat(csv, parts[draw(16)]);
        size_t n = strlen(csv);
        json_t *got = convert(csv, n), *rows = read_rows(csv, csv + n);
        if (rows && names_differ(json_array_get(rows, 0))) {
            json_t *want = to_objects(rows);
            check_same(got, want, csv, n);
            json_decref(want);
            read++;
        }
        json_decref(got);
        json_decref(rows);
    }
    assert_true(read > 30); /* so many were well-formed */
}

static int find_tool(void **state)
{
    (void)state;
    char dir[PATH_MAX];
    if (!getcwd(dir, sizeof dir)) return -1;
    snprintf(tool, sizeof tool, "%s/tools/csv2jsonl", dir);
    return access(tool, X_OK);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_test_dir, drop_test_dir)
    const struct CMUnitTest tests[] = {TEST(known_tables), TEST(marks_and_headers),
                                       TEST(random_bytes)};
    return cmocka_run_group_tests_name("csv2jsonl", tests, find_tool, NULL);
}
