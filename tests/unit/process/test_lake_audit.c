/* Goal: a whole lake has no problem, with merged files and days that left too; each way in which it
 * can be damaged is found and told with the place.
 * Method: epochs on a simulated disk, one piece of damage at a time. */
#include "process/lake_audit.h"

#include "unit/process/house_fixture.h"

#include "base/logline.h"
#include "lake/compaction.h"
#include "lake/expiry.h"

static struct house house;
static char told[8192]; /* problems, a line each */

static void see_problem(void *context, const char *text)
{
    (void)context;
    const size_t size = strlen(told);
    (void)snprintf(told + size, sizeof(told) - size, "%s\n", text);
}

static void see_progress(void *context, const char *text)
{
    uint32_t *count = context;
    assert_true(text[0] != '\0');
    (*count)++;
}

static struct tide_lake_audit_report audit(bool skips_rows)
{
    struct tide_lake_audit_report report;
    struct tide_error error = {0};
    uint32_t progress = 0;
    struct tide_lake_audit_options options = {.rewriter = sim_rewriter(&house.stack.io),
                                              .identity = house.stack.identity,
                                              .skips_rows = skips_rows,
                                              .problem = see_problem,
                                              .progress = see_progress,
                                              .context = &progress};
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT; t++) {
        options.tables[t] = house_table(&house, (enum tide_table)t);
    }
    told[0] = '\0';
    if (tide_lake_audit(&options, &report, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    assert_true(progress >= TIDE_TABLE_ALL_COUNT);
    return report;
}

static void begin(void)
{
    house_begin(&house, 1);
    for (uint32_t i = 0; i < 4; i++) {
        house_epoch(&house, i, i == 0 ? 11 : 2);
    }
}

static void test_a_whole_lake(void **state)
{
    (void)state;
    begin();
    struct tide_lake_audit_report report = audit(false);
    if (report.problems > 0) {
        fail_msg("%s", told);
    }
    assert_int_equal(report.manifests, 4 * HOUSE_PARTITIONS);
    assert_int_equal(report.pending, 0);
    assert_int_equal(report.tables[TIDE_TABLE_RAW].rows, 4 * HOUSE_PARTITIONS * HOUSE_RECORDS);
    assert_int_equal(report.tables[TIDE_TABLE_RAW].files, 4 * HOUSE_PARTITIONS);
    assert_true(report.tables[TIDE_TABLE_RAW].bytes > 0);
    report = audit(true);
    assert_int_equal(report.problems, 0);
    assert_int_equal(report.tables[TIDE_TABLE_RAW].rows, 0);
    house_end(&house);
}

static void test_an_empty_lake(void **state)
{
    (void)state;
    house_begin(&house, 1);
    const struct tide_lake_audit_report report = audit(false);
    assert_int_equal(report.problems, 0);
    assert_int_equal(report.manifests, 0);
    house_end(&house);
}

static void test_after_housekeeping(void **state)
{
    (void)state;
    struct tide_compactor *compactor = NULL;
    struct tide_compaction_step merged;
    struct tide_compaction_options options;
    struct tide_expiry_step left;
    begin();
    tide_compaction_options_default(&options, TIDE_TABLE_EVENTS);
    options.table = house_table(&house, TIDE_TABLE_EVENTS);
    options.rewriter = sim_rewriter(&house.stack.io);
    options.files_min = 4;
    assert_int_equal(tide_compactor_open(&options, &compactor, NULL), TIDE_OK);
    assert_int_equal(tide_compactor_step(compactor, &merged, NULL), TIDE_OK);
    assert_int_equal(merged.files_before, 6);
    tide_compactor_close(compactor);
    const int32_t today = (int32_t)(PROCESS_START.us / INT64_C(86400000000));
    const struct tide_expiry_options expiry = {
        .table = options.table, .rewriter = options.rewriter, .before_days = today - 9};
    assert_int_equal(tide_expire(&expiry, &left, NULL), TIDE_OK);
    assert_int_equal(left.rows, HOUSE_PARTITIONS * (HOUSE_RECORDS - 1));
    const struct tide_lake_audit_report report = audit(false);
    if (report.problems > 0) {
        fail_msg("%s", told);
    }
    assert_int_equal(report.tables[TIDE_TABLE_EVENTS].files, 1);
    assert_int_equal(report.tables[TIDE_TABLE_EVENTS].expired, left.rows);
    assert_int_equal(report.tables[TIDE_TABLE_EVENTS].unnamed, 8);
    house_end(&house);
}

/* ---- damage */

static void remove_object(const char *path)
{
    assert_int_equal(house.stack.io.operations->remove(house.stack.io.self, path, NULL), TIDE_OK);
}

/* Replaces a piece of an object by one of the same or another size. */
static void edit(const char *path, const char *from, const char *to)
{
    struct tide_bytes text = {0};
    struct tide_bytes edited = {0};
    assert_int_equal(tide_io_read_file(house.stack.io, path, &text, 1 << 20, NULL), TIDE_OK);
    const char *whole = tide_bytes_terminated(&text);
    const char *at = strstr(whole, from);
    assert_non_null(at);
    tide_bytes_append(&edited, whole, (size_t)(at - whole));
    tide_bytes_append_text(&edited, to);
    tide_bytes_append_text(&edited, at + strlen(from));
    assert_int_equal(tide_io_replace_file(house.stack.io, path, tide_bytes_view(&edited), NULL),
                     TIDE_OK);
    tide_bytes_release(&text);
    tide_bytes_release(&edited);
}

#define MANIFEST(partition, epoch)                                                                 \
    "lake/_tidemark/manifests/" #partition "/0000000000000000000" #epoch ".json"
#define COMMIT(table, version) "lake/" table "/_delta_log/0000000000000000000" #version ".json"

static void lose_manifest(void)
{
    remove_object(MANIFEST(1, 2));
}

static void lose_last_manifest(void)
{
    remove_object(MANIFEST(1, 3));
}

static void damage_manifest(void)
{
    edit(MANIFEST(0, 1), "\"epoch\":1", "\"epoch\":7");
}

static void swap_manifest(void)
{
    struct tide_bytes text = {0};
    assert_int_equal(tide_io_read_file(house.stack.io, MANIFEST(1, 1), &text, 1 << 20, NULL),
                     TIDE_OK);
    assert_int_equal(
        tide_io_replace_file(house.stack.io, MANIFEST(0, 1), tide_bytes_view(&text), NULL),
        TIDE_OK);
    tide_bytes_release(&text);
}

static void lose_commit(void)
{
    remove_object(COMMIT("rejected", 1));
    remove_object("lake/rejected/_delta_log/00000000000000000001.checkpoint.parquet");
    remove_object("lake/rejected/_delta_log/00000000000000000002.checkpoint.parquet");
    remove_object("lake/rejected/_delta_log/00000000000000000003.checkpoint.parquet");
}

static void lose_newest_commit(void)
{
    remove_object(COMMIT("rejected", 3));
    remove_object("lake/rejected/_delta_log/00000000000000000003.checkpoint.parquet");
}

static void lose_two_commits(void)
{
    lose_newest_commit();
    remove_object(COMMIT("rejected", 2));
    remove_object("lake/rejected/_delta_log/00000000000000000002.checkpoint.parquet");
}

static void forget_txns(void)
{
    lose_newest_commit();
    edit(COMMIT("rejected", 2), "\"txn\"", "\"txx\"");
    edit(COMMIT("rejected", 2), "\"txn\"", "\"txx\"");
    remove_object("lake/rejected/_delta_log/00000000000000000002.checkpoint.parquet");
}

static struct tide_view first_raw; /* a file of the table */

static void see_raw(void *context, const char *name, bool is_directory)
{
    (void)is_directory;
    if (first_raw.data == NULL) {
        first_raw = tide_arena_copy(context, tide_view_of(name));
    }
}

static const char *raw_path(void)
{
    static char path[256];
    first_raw = (struct tide_view){0};
    assert_int_equal(house.stack.io.operations->list(house.stack.io.self,
                                                     "lake/raw/received_date=2026-03-08",
                                                     see_raw,
                                                     &house.stack.arena,
                                                     NULL),
                     TIDE_OK);
    (void)snprintf(path, sizeof(path), "lake/raw/received_date=2026-03-08/%s", first_raw.data);
    return path;
}

static void lose_file(void)
{
    remove_object(raw_path());
}

static void cut_file(void)
{
    edit(raw_path(), "-\n", "");
}

static void repeat_row(void) /* a file of the same size with rows of another partition */
{
    struct tide_bytes text = {0};
    const char *path = raw_path();
    assert_int_equal(tide_io_read_file(house.stack.io, path, &text, 1 << 20, NULL), TIDE_OK);
    for (char *at = text.data; at < text.data + text.size; at++) {
        if (at == text.data || at[-1] == '\n') {
            *at = *at == '0' ? '1' : '0';
        }
    }
    assert_int_equal(tide_io_replace_file(house.stack.io, path, tide_bytes_view(&text), NULL),
                     TIDE_OK);
    tide_bytes_release(&text);
}

static const struct {
    void (*damage)(void);
    const char *problem; /* NULL: none, only pending */
} damages[] = {
    {lose_manifest, "partition 1 has no manifest 2, but a later one"},
    {lose_last_manifest, "events holds epoch 3 of partition 1, which has no such manifest"},
    {damage_manifest, "epoch 1 of partition 0: the manifest's checksum does not match"},
    {swap_manifest, "manifest 1 of partition 0 is that of another place"},
    {lose_commit, "the log of rejected has no commit 1, but one 3"},
    {lose_newest_commit, NULL}, /* a service makes it at its start */
    {lose_two_commits, "rejected holds epoch 1 of partition 0, its manifests say 3"},
    {forget_txns, "rejected holds epoch 1 of partition 0, its manifests say 3"},
    {lose_file, "is not there"},
    {cut_file, "bytes, the log says"},
    {repeat_row, "raw has 20 rows of partition 0 and 0 left it; its manifests say 16"},
};

static void test_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        begin();
        damages[i].damage();
        const struct tide_lake_audit_report report = audit(false);
        if (damages[i].problem == NULL) {
            if (report.problems > 0) {
                fail_msg("damage %zu: %s", i, told);
            }
        } else if (report.problems == 0 || strstr(told, damages[i].problem) == NULL) {
            fail_msg("damage %zu: %s", i, told);
        }
        assert_int_equal(report.pending,
                         damages[i].damage == lose_newest_commit ? HOUSE_PARTITIONS : 0);
        house_end(&house);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_lake),
        cmocka_unit_test(test_an_empty_lake),
        cmocka_unit_test(test_after_housekeeping),
        cmocka_unit_test(test_damage),
    };
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
