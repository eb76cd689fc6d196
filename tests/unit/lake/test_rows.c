/* Goal: rows give back what was set, null where nothing was, text valid; the layouts are those of
 * the documents. Method: small tables through the whole interface; many rows against a formula. */
#include "unit/lake/fixture.h"

#include <float.h>

enum {
    MANY = 5000
};

/* Nothing of the schema is in it. */
static void expect_journeys(const struct tide_layout *layout)
{
    static const struct {
        const char *name;
        enum tide_lake_type type;
    } wanted[] = {
        {"metric", TIDE_LAKE_STRING},
        {"definition", TIDE_LAKE_STRING},
        {"journey_key", TIDE_LAKE_STRING},
        {"journey_group", TIDE_LAKE_STRING},
        {"outcome", TIDE_LAKE_STRING},
        {"reached", TIDE_LAKE_LONG},
        {"step_count", TIDE_LAKE_LONG},
        {"start_time", TIDE_LAKE_TIMESTAMP},
        {"end_time", TIDE_LAKE_TIMESTAMP},
        {"step_times", TIDE_LAKE_STRING},
        {"conversion_us", TIDE_LAKE_LONG},
        {"ordinal", TIDE_LAKE_LONG},
        {"revision", TIDE_LAKE_LONG},
        {"_partition", TIDE_LAKE_LONG},
        {"_epoch", TIDE_LAKE_LONG},
    };
    assert_non_null(layout);
    assert_int_equal(layout->table, TIDE_TABLE_JOURNEYS);
    assert_string_equal(layout->name, "journeys");
    assert_string_equal(layout->date_column, "start_date");
    assert_int_equal(layout->column_count, sizeof(wanted) / sizeof(wanted[0]));
    for (uint32_t i = 0; i < layout->column_count; i++) {
        assert_true(tide_view_equal(layout->columns[i].name, tide_view_of(wanted[i].name)));
        assert_int_equal(layout->columns[i].type, wanted[i].type);
    }
}

static void test_types(void **state)
{
    static const enum tide_lake_type types[] = {
        [TIDE_TYPE_STRING] = TIDE_LAKE_STRING,
        [TIDE_TYPE_INT] = TIDE_LAKE_LONG,
        [TIDE_TYPE_DECIMAL] = TIDE_LAKE_DECIMAL,
        [TIDE_TYPE_BOOL] = TIDE_LAKE_BOOLEAN,
        [TIDE_TYPE_TIME_MS] = TIDE_LAKE_TIMESTAMP,
        [TIDE_TYPE_TIME_ISO] = TIDE_LAKE_TIMESTAMP,
    };
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_int_equal(tide_lake_type_of((enum tide_type)i), types[i]);
    }
}

static void test_layouts(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_column columns[] = {
        {.name = FIXTURE_NAME("device"), .type = TIDE_TYPE_STRING},
        {.name = FIXTURE_NAME("size"), .type = TIDE_TYPE_INT},
        {.name = FIXTURE_NAME("weight"), .type = TIDE_TYPE_DECIMAL},
        {.name = FIXTURE_NAME("is_new"), .type = TIDE_TYPE_BOOL},
        {.name = FIXTURE_NAME("seen"), .type = TIDE_TYPE_TIME_MS},
        {.name = FIXTURE_NAME("made"), .type = TIDE_TYPE_TIME_ISO},
        {.name = FIXTURE_NAME("kind"), .type = TIDE_TYPE_STRING, .derived = true},
    };
    const struct tide_schema schema = {
        .columns = columns, .column_count = 7, .path_column_count = 6};
    static const struct {
        const char *name;
        enum tide_lake_type type;
    } wanted[] = {
        {"device", TIDE_LAKE_STRING},
        {"size", TIDE_LAKE_LONG},
        {"weight", TIDE_LAKE_DECIMAL},
        {"is_new", TIDE_LAKE_BOOLEAN},
        {"seen", TIDE_LAKE_TIMESTAMP},
        {"made", TIDE_LAKE_TIMESTAMP},
        {"event_time", TIDE_LAKE_TIMESTAMP},
        {"received_time", TIDE_LAKE_TIMESTAMP},
        {"sent_time", TIDE_LAKE_TIMESTAMP},
        {"uid_high", TIDE_LAKE_LONG},
        {"uid_low", TIDE_LAKE_LONG},
        {"payload", TIDE_LAKE_STRING},
        {"_partition", TIDE_LAKE_LONG},
        {"_offset", TIDE_LAKE_LONG},
        {"_index", TIDE_LAKE_LONG},
        {"_epoch", TIDE_LAKE_LONG},
    };
    struct tide_layout *events = tide_layout_create(&arena, &schema, TIDE_TABLE_EVENTS);
    assert_non_null(events);
    assert_string_equal(events->name, "events");
    assert_string_equal(events->date_column, "event_date");
    assert_int_equal(events->column_count, sizeof(wanted) / sizeof(wanted[0]));
    for (uint32_t i = 0; i < events->column_count; i++) {
        assert_true(tide_view_equal(events->columns[i].name, tide_view_of(wanted[i].name)));
        assert_int_equal(events->columns[i].type, wanted[i].type);
    }
    struct tide_layout *rejected = tide_layout_create(&arena, &schema, TIDE_TABLE_REJECTED);
    assert_non_null(rejected);
    assert_string_equal(rejected->name, "rejected");
    assert_string_equal(rejected->date_column, "received_date");
    assert_int_equal(rejected->column_count, 10);
    assert_int_equal(rejected->columns[3].type, TIDE_LAKE_BINARY);
    struct tide_layout *raw = tide_layout_create(&arena, &schema, TIDE_TABLE_RAW);
    assert_string_equal(raw->name, "raw");
    assert_string_equal(raw->date_column, "received_date");
    assert_int_equal(raw->column_count, 8);
    assert_int_equal(raw->columns[0].type, TIDE_LAKE_BINARY);
    struct tide_layout *metrics = tide_layout_create(&arena, &schema, TIDE_TABLE_METRICS);
    assert_int_equal(metrics->number, 3); /* the ids of tables that are there already */
    assert_int_equal(raw->number, 4);
    assert_non_null(metrics);
    assert_string_equal(metrics->name, "metrics");
    assert_string_equal(metrics->date_column, "window_date");
    assert_int_equal(metrics->column_count, 13);
    assert_int_equal(metrics->columns[6].type, TIDE_LAKE_DOUBLE);
    expect_journeys(tide_layout_create(&arena, &schema, TIDE_TABLE_JOURNEYS));
    tide_arena_release(&arena);
    tide_arena_init(&arena, 1);
    assert_null(tide_layout_create(&arena, &schema, TIDE_TABLE_EVENTS));
    tide_arena_release(&arena);
}

static void test_values_and_nulls(void **state)
{
    (void)state;
    struct tide_rows *rows = fixture_rows();
    assert_int_equal(tide_rows_count(rows), 0);
    assert_ptr_equal(tide_rows_layout(rows), &fixture_layout);
    assert_int_equal(tide_rows_begin(rows, 7), TIDE_OK);
    for (uint32_t column = 0; column < FIXTURE_COLUMNS; column++) {
        assert_true(tide_rows_is_null(rows, column, 0));
    }
    fixture_text(rows, FIXTURE_TEXT, "");
    tide_rows_set_number(rows, FIXTURE_LONG, INT64_MIN);
    tide_rows_set_number(rows, FIXTURE_BOOLEAN, 0);
    assert_int_equal(tide_rows_set_text(rows, FIXTURE_BYTES, (struct tide_view){"\0\xff", 2}),
                     TIDE_OK);
    assert_int_equal(tide_rows_begin(rows, TIDE_DATE_UNKNOWN), TIDE_OK);
    fixture_text(rows, FIXTURE_TEXT, "first");
    fixture_text(rows, FIXTURE_TEXT, "then");
    assert_int_equal(tide_rows_count(rows), 2);
    assert_int_equal(tide_rows_date(rows, 0), 7);
    assert_int_equal(tide_rows_date(rows, 1), TIDE_DATE_UNKNOWN);
    assert_false(tide_rows_is_null(rows, FIXTURE_TEXT, 0)); /* an empty text is a value */
    assert_int_equal(tide_rows_text(rows, FIXTURE_TEXT, 0).size, 0);
    assert_true(tide_rows_number(rows, FIXTURE_LONG, 0) == INT64_MIN);
    assert_false(tide_rows_is_null(rows, FIXTURE_BOOLEAN, 0));
    assert_true(tide_rows_is_null(rows, FIXTURE_DECIMAL, 0));
    assert_true(
        tide_view_equal(tide_rows_text(rows, FIXTURE_BYTES, 0), (struct tide_view){"\0\xff", 2}));
    assert_true(tide_view_equal(tide_rows_text(rows, FIXTURE_TEXT, 1), TIDE_VIEW("then")));
    assert_true(tide_rows_is_null(rows, FIXTURE_LONG, 1));
    tide_rows_destroy(rows);
    tide_rows_destroy(NULL);
}

static void test_doubles(void **state)
{
    (void)state;
    static const double numbers[] = {0.1, -0.0, DBL_MAX, DBL_TRUE_MIN, -1e-300};
    const uint32_t count = sizeof(numbers) / sizeof(numbers[0]);
    struct tide_rows *rows = fixture_doubles(numbers, count);
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    for (uint32_t i = 0; i < count; i++) {
        const double number = tide_rows_double(rows, 0, i);
        assert_memory_equal(&number, &numbers[i], sizeof(number));
    }
    assert_true(tide_rows_is_null(rows, 0, count));
    tide_rows_destroy(rows);
}

static void test_text_becomes_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *kept;
    } cases[] = {
        {"plain", "plain"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xff", "\xef\xbf\xbd"},
        {"a\xc3", "a\xef\xbf\xbd"},                               /* cut */
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"x\x80y", "x\xef\xbf\xbdy"},
    };
    struct tide_rows *rows = fixture_rows();
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
        fixture_text(rows, FIXTURE_TEXT, cases[i].given);
        fixture_text(rows, FIXTURE_BYTES, cases[i].given);
        assert_true(
            tide_view_equal(tide_rows_text(rows, FIXTURE_TEXT, i), tide_view_of(cases[i].kept)));
        assert_true(
            tide_view_equal(tide_rows_text(rows, FIXTURE_BYTES, i), tide_view_of(cases[i].given)));
    }
    tide_rows_destroy(rows);
}

static void test_many_rows(void **state)
{
    (void)state;
    struct tide_rows *rows = fixture_rows();
    size_t bytes = tide_rows_bytes(rows);
    for (int64_t i = 0; i < MANY; i++) {
        char text[] = "row 0000";
        text[7] = (char)('0' + i % 10);
        assert_int_equal(tide_rows_begin(rows, (int32_t)(i % 3)), TIDE_OK);
        tide_rows_set_number(rows, FIXTURE_LONG, i);
        if (i % 2 == 0) {
            fixture_text(rows, FIXTURE_TEXT, text);
        }
        assert_true(tide_rows_bytes(rows) >= bytes);
        bytes = tide_rows_bytes(rows);
    }
    assert_true(bytes >= (size_t)MANY * (8 + 4));
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(tide_rows_number(rows, FIXTURE_LONG, i), i);
        assert_int_equal(tide_rows_is_null(rows, FIXTURE_TEXT, i), i % 2);
        if (i % 2 == 0) {
            assert_int_equal(tide_rows_text(rows, FIXTURE_TEXT, i).data[7], '0' + i % 10);
        }
    }
    tide_rows_destroy(rows);
}

struct visited {
    int32_t dates[8];
    uint32_t first[8];
    uint32_t counts[8];
    uint32_t count;
    uint32_t stop_at;
};

static enum tide_status visit_date(void *context,
                                   int32_t date_days,
                                   const uint32_t *row_indices,
                                   uint32_t row_count)
{
    struct visited *visited = context;
    for (uint32_t i = 1; i < row_count; i++) {
        assert_true(row_indices[i - 1] < row_indices[i]); /* the order is kept */
    }
    visited->dates[visited->count] = date_days;
    visited->first[visited->count] = row_indices[0];
    visited->counts[visited->count] = row_count;
    visited->count++;
    return visited->count == visited->stop_at ? TIDE_RETRY : TIDE_OK;
}

static void test_by_date(void **state)
{
    (void)state;
    static const int32_t dates[] = {20000, -5, TIDE_DATE_UNKNOWN, 20000, INT32_MAX, -5, 0};
    struct tide_rows *rows = fixture_rows();
    struct visited visited = {0};
    assert_int_equal(tide_rows_by_date(rows, visit_date, &visited, NULL), TIDE_OK);
    assert_int_equal(visited.count, 0);
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        assert_int_equal(tide_rows_begin(rows, dates[i]), TIDE_OK);
    }
    assert_int_equal(tide_rows_by_date(rows, visit_date, &visited, NULL), TIDE_OK);
    static const struct visited wanted = {
        .dates = {TIDE_DATE_UNKNOWN, -5, 0, 20000, INT32_MAX},
        .first = {2, 1, 6, 0, 4},
        .counts = {1, 2, 1, 2, 1},
        .count = 5,
    };
    assert_memory_equal(&visited, &wanted, sizeof(wanted));
    struct visited stopped = {.stop_at = 2};
    assert_int_equal(tide_rows_by_date(rows, visit_date, &stopped, NULL), TIDE_RETRY);
    assert_int_equal(stopped.count, 2);
    tide_rows_destroy(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_values_and_nulls),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_text_becomes_utf8),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_by_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
