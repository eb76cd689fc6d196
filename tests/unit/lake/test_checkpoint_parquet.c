/* Goal: actions come back from Parquet as they were, with nulls, maps and any text; files of others
 * that have more columns are read, files that are no checkpoint are refused.
 * Method: round trips in a directory whose name means something to DuckDB and to SQL. */
#include "lake/checkpoint_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/json.h"
#include "lake/duckdb.h"
#include "support/remove_tree.h"

static char directory[64];
static struct tide_duckdb *duckdb;

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/tidemark-it's-[a]*-XXXXXX");
    return mkdtemp(directory) != NULL && tide_duckdb_open(1, 0, &duckdb, NULL) == TIDE_OK ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    tide_duckdb_close(duckdb);
    return remove_tree(directory);
}

static void path_of(const char *name, char path[128])
{
    (void)snprintf(path, 128, "%s/%s", directory, name);
}

static const char *const actions[] = {
    "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}",
    "{\"metaData\":{\"id\":\"i\",\"name\":\"events\",\"format\":{\"provider\":\"parquet\","
    "\"options\":{}},\"schemaString\":\"{\\\"type\\\":\\\"struct\\\"}\",\"partitionColumns\":"
    "[\"event_date\"],\"configuration\":{\"delta.x\":\"y\"},\"createdTime\":5}}",
    "{\"txn\":{\"appId\":\"p/0\",\"version\":9223372036854775807}}",
    "{\"txn\":{\"appId\":\"\\u00e4 \\\"\\\\'\",\"version\":0,\"lastUpdated\":7}}",
    "{\"add\":{\"path\":\"event_date=2026-03-08/a%20b\",\"partitionValues\":{\"event_date\":"
    "\"2026-03-08\"},\"size\":9007199254740993,\"modificationTime\":-1,\"dataChange\":true,"
    "\"stats\":\"{\\\"numRecords\\\":1,\\\"maxValues\\\":{\\\"a\\\":\\\"\\\\u0001\\\"}}\"}}",
    "{\"add\":{\"path\":\"b\",\"partitionValues\":{\"event_date\":null},\"size\":0,"
    "\"modificationTime\":0,\"dataChange\":false,\"tags\":{\"k\":\"v\"}}}",
    "{\"remove\":{\"path\":\"c\",\"deletionTimestamp\":1,\"dataChange\":false,"
    "\"extendedFileMetadata\":true,\"partitionValues\":{},\"size\":3}}",
};
enum {
    ACTIONS = sizeof(actions) / sizeof(actions[0])
};

struct seen {
    struct tide_arena arena;
    struct tide_json *actions[ACTIONS + 1];
    uint32_t count;
    enum tide_status answer;
};

static enum tide_status see(void *context, struct tide_view action)
{
    struct seen *seen = context;
    assert_true(seen->count < ACTIONS + 1);
    struct tide_view kept = tide_arena_copy(&seen->arena, action);
    assert_int_equal(tide_json_parse(&seen->arena, kept, &seen->actions[seen->count++], NULL),
                     TIDE_OK);
    return seen->answer;
}

/* Members that are null are as good as absent; of an add only dataChange may differ. */
static bool is_equal(const struct tide_json *a, const struct tide_json *b)
{
    if (a->kind != b->kind || !tide_view_equal(a->text, b->text)) {
        return false;
    }
    for (const struct tide_json *member = a->first; member != NULL; member = member->next) {
        const struct tide_json *other = b->first;
        while (other != NULL && !tide_view_equal(member->key, other->key)) {
            other = other->next;
        }
        const bool is_flag = tide_view_equal(member->key, TIDE_VIEW("dataChange"));
        if (member->kind != TIDE_JSON_NULL && !is_flag &&
            (other == NULL || !is_equal(member, other))) {
            return false;
        }
    }
    return true;
}

static void expect_actions(const struct seen *seen, bool without_files)
{
    struct tide_arena arena = {0};
    uint32_t found = 0;
    for (size_t i = 0; i < ACTIONS; i++) {
        struct tide_json *expected = NULL;
        uint32_t matches = 0;
        assert_int_equal(tide_json_parse(&arena, tide_view_of(actions[i]), &expected, NULL),
                         TIDE_OK);
        for (uint32_t n = 0; n < seen->count; n++) {
            matches += is_equal(expected, seen->actions[n]) && is_equal(seen->actions[n], expected);
        }
        const bool is_file = i >= 4;
        if (matches != !(is_file && without_files)) {
            fail_msg("%s: found %u times", actions[i], matches);
        }
        found += matches;
    }
    assert_int_equal(found, seen->count);
    tide_arena_release(&arena);
}

static void write_all(struct tide_checkpoint_codec codec, const char *path, uint64_t *size)
{
    struct tide_bytes lines = {0};
    struct tide_error error = {0};
    for (size_t i = 0; i < ACTIONS; i++) {
        tide_bytes_append_text(&lines, actions[i]);
        tide_bytes_append_byte(&lines, '\n');
    }
    if (codec.operations->write(codec.self, tide_bytes_view(&lines), path, size, &error) !=
        TIDE_OK) {
        fail_msg("%s", error.text);
    }
    tide_bytes_release(&lines);
}

static void test_round_trip(void **state)
{
    (void)state;
    char path[128];
    for (int own = 0; own < 2; own++) { /* with a DuckDB that is there, and with one of its own */
        struct tide_checkpoint_codec codec = {0};
        uint64_t size = 0;
        assert_int_equal(tide_checkpoint_parquet_open(own ? NULL : duckdb, &codec, NULL), TIDE_OK);
        path_of("c.parquet", path);
        write_all(codec, path, &size);
        write_all(codec, path, &size); /* over an interrupted attempt */
        assert_true(size > 100);
        for (int without_files = 0; without_files < 2; without_files++) {
            struct seen seen = {.answer = TIDE_OK};
            struct tide_error error = {0};
            if (codec.operations->read(codec.self, path, without_files != 0, see, &seen, &error) !=
                TIDE_OK) {
                fail_msg("%s", error.text);
            }
            expect_actions(&seen, without_files != 0);
            tide_arena_release(&seen.arena);
        }
        struct seen seen = {.answer = TIDE_FATAL};
        assert_int_equal(codec.operations->read(codec.self, path, false, see, &seen, NULL),
                         TIDE_FATAL);
        assert_int_equal(seen.count, 1);
        tide_arena_release(&seen.arena);
        tide_checkpoint_codec_close(&codec);
        assert_null(codec.operations);
        tide_checkpoint_codec_close(&codec);
    }
}

static enum tide_status run(const char *sql)
{
    struct tide_duckdb_connection *connection = NULL;
    assert_int_equal(tide_duckdb_connect(duckdb, &connection, NULL), TIDE_OK);
    const enum tide_status status =
        tide_duckdb_query(connection, tide_view_of(sql), NULL, NULL, NULL);
    tide_duckdb_disconnect(connection);
    return status;
}

/* Other columns, other members, a column that is missing. */
static void test_files_of_others(void **state)
{
    (void)state;
    struct tide_checkpoint_codec codec = {0};
    struct seen seen = {.answer = TIDE_OK};
    struct tide_error error = {0};
    assert_int_equal(tide_checkpoint_parquet_open(duckdb, &codec, NULL), TIDE_OK);
    assert_int_equal(
        run("COPY (SELECT {'path': 'x', 'size': 4, 'deletionVector': NULL::VARCHAR} AS \"add\", "
            "{'domain': 'd'} AS domainMetadata, NULL::STRUCT(appId VARCHAR) AS txn) "
            "TO '/tmp/tidemark-theirs.parquet' (FORMAT parquet)"),
        TIDE_OK);
    if (codec.operations->read(
            codec.self, "/tmp/tidemark-theirs.parquet", false, see, &seen, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(seen.count, 1);
    uint64_t size = 0;
    assert_true(tide_json_get_u64(tide_json_get(seen.actions[0], "add"), "size", &size));
    assert_int_equal(size, 4);
    (void)tide_io_os().operations->remove(NULL, "/tmp/tidemark-theirs.parquet", NULL);
    tide_arena_release(&seen.arena);
    tide_checkpoint_codec_close(&codec);
}

static void test_no_checkpoint(void **state)
{
    (void)state;
    static const char *const contents[] = {"", "PAR1", "PAR1 but not really PAR1", "{}"};
    struct tide_checkpoint_codec codec = {0};
    char path[128];
    assert_int_equal(tide_checkpoint_parquet_open(duckdb, &codec, NULL), TIDE_OK);
    for (size_t i = 0; i <= sizeof(contents) / sizeof(contents[0]); i++) {
        struct seen seen = {.answer = TIDE_OK};
        struct tide_error error = {0};
        path_of("none.parquet", path);
        (void)tide_io_os().operations->remove(NULL, path, NULL);
        if (i < sizeof(contents) / sizeof(contents[0])) {
            assert_int_equal(
                tide_io_create_file(tide_io_os(), path, tide_view_of(contents[i]), NULL), TIDE_OK);
        }
        assert_int_not_equal(codec.operations->read(codec.self, path, false, see, &seen, &error),
                             TIDE_OK);
        assert_true(error.text[0] != '\0');
        assert_int_equal(seen.count, 0);
    }
    tide_checkpoint_codec_close(&codec);
}

/* A Parquet file of something else. */
static void test_no_actions(void **state)
{
    (void)state;
    struct tide_checkpoint_codec codec = {0};
    struct seen seen = {.answer = TIDE_OK};
    assert_int_equal(tide_checkpoint_parquet_open(duckdb, &codec, NULL), TIDE_OK);
    assert_int_equal(run("COPY (SELECT 1 AS a) TO '/tmp/tidemark-theirs.parquet' (FORMAT parquet)"),
                     TIDE_OK);
    assert_int_equal(
        codec.operations->read(codec.self, "/tmp/tidemark-theirs.parquet", false, see, &seen, NULL),
        TIDE_REJECT);
    (void)tide_io_os().operations->remove(NULL, "/tmp/tidemark-theirs.parquet", NULL);
    tide_checkpoint_codec_close(&codec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_files_of_others),
        cmocka_unit_test(test_no_checkpoint),
        cmocka_unit_test(test_no_actions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
