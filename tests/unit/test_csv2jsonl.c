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

/* Convert csv[0..n); the objects as a JSON array, NULL when the tool refuses: with the line, and
 * without output. Each line must be one object of strings. */
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
    assert_int_equal(system("grep -qxE 'csv2jsonl: in.csv: line [0-9]+: .+' err"), 0);
    assert_int_equal(json_array_size(all), 0);
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

/* The rows behind the first as objects, which take their keys from the first. */
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
            json_object_set(o, json_string_value(json_array_get(head, k)), cell);
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

/* A row of n cells; of a header when `head`: names that differ. */
static json_t *random_row(size_t n, bool head)
{
    json_t *row = json_array();
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
        /* an empty line would be no row at all, and one with a tab might be separated by it */
        bool alone = n == 1 && (!*s || strchr(s, '\t'));
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
        size_t ragged = 1 + draw(20); /* this row has a cell too many, if it comes to it */
        json_t *rows = json_array();
        char *csv;
        FILE *f = open_memstream(&csv, &n);
        for (size_t i = 0; i <= n_rows; i++) {
            json_t *row = random_row(columns + (i == ragged), i == 0);
            json_array_append_new(rows, row);
            write_row(f, row, i == n_rows && draw(2) ? "" : end); /* the last end may be missing */
            if (i < n_rows && !draw(4)) fputs(end, f);            /* an empty line is passed over */
        }
        fclose(f);
        json_t *got = convert(csv, n), *want = ragged <= n_rows ? NULL : to_objects(rows);
        if (want) check_same(got, want, csv, n);
        else assert_null(got);
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
        {"a,b\n,\n\r\n1,2\n", "[{\"a\":\"\",\"b\":\"\"},{\"a\":\"1\",\"b\":\"2\"}]"},
        {"a,b\n5\" x,\"\"\n", "[{\"a\":\"5\\\" x\",\"b\":\"\"}]"},
        {"\"a;b\"\n1\n", "[{\"a;b\":\"1\"}]"},
        {"a\n\"\"\n\"x\"\"y\"\n", "[{\"a\":\"\"},{\"a\":\"x\\\"y\"}]"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *want = json_loads(rows[i][1], 0, NULL),
               *got = convert(rows[i][0], strlen(rows[i][0]));
        check_same(got, want, rows[i][0], strlen(rows[i][0]));
        json_decref(want);
        json_decref(got);
    }
    static const char *const refused[] = {"a\n\"x\n",        "a,b\n1\n", "a,b\n1,2,3\n",
                                          "a,a\n1,2\n",      "a;b\n1\n", "a\n\"x\" y\n",
                                          "a\n\"x\\\"y\"\n", "a\rb\r",   "a\n\xFF\n"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (convert(refused[i], strlen(refused[i]))) fail_msg("taken: %s", refused[i]);
}

/* ---- random bytes --------------------------------------------------------------------- */

/* One cell at *p, by RFC 4180: to the comma or line end behind it. A quote inside a cell that has
 * none in front is a character. NULL = not well-formed. */
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
            if (*c == '\r' && (c + 1 == end || c[1] == '\n')) break;
            if (*c == '\r') return NULL;
            s[n++] = *c;
        }
    if (c < end && *c == '\r' && (c + 1 == end || c[1] == '\n')) c++;
    if (c < end && *c != ',' && *c != '\n') return NULL;
    *p = c;
    return json_stringn(s, n);
}

/* All rows; NULL when the bytes are no well-formed CSV. */
static json_t *read_rows(const char *p, const char *end)
{
    json_t *rows = json_array(), *row = NULL;
    while (p < end) {
        bool only_cr = *p == '\r' && (p + 1 == end || p[1] == '\n');
        if (*p == '\n' || only_cr) {
            p++; /* of an empty line */
            continue;
        }
        row = json_array();
        json_array_append_new(rows, row);
        for (bool more = true; more; p++) {
            json_t *cell = read_cell(&p, end);
            if (!cell) return json_decref(rows), NULL;
            json_array_append_new(row, cell);
            more = p < end && *p == ',';
        }
    }
    return rows;
}

/* Do the names of the header differ, and has every row as many cells? */
static bool is_table(const json_t *rows)
{
    json_t *seen = json_object(), *head = json_array_get(rows, 0), *row, *name;
    size_t i;
    json_array_foreach(head, i, name) json_object_set(seen, json_string_value(name), json_true());
    bool good = json_object_size(seen) == json_array_size(head);
    json_array_foreach(rows, i, row) good = good && json_array_size(row) == json_array_size(head);
    json_decref(seen);
    return good;
}

/* Whatever comes in, what goes out is JSON; what is a table is read right, and all else refused. */
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
        if (rows && is_table(rows)) {
            json_t *want = to_objects(rows);
            check_same(got, want, csv, n);
            json_decref(want);
            read++;
        } else if (got) fail_msg("taken: %s", csv);
        json_decref(got);
        json_decref(rows);
    }
    assert_true(read > 15 && read < 135); /* so many were tables */
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
