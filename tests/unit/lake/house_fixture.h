/* What the tests of housekeeping share: a table of raw records on a simulated disk, as lines of the
 * simulator's format, and all its rows as one text. */
#ifndef TIDE_UNIT_LAKE_HOUSE_FIXTURE_H
#define TIDE_UNIT_LAKE_HOUSE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/civil.h"
#include "base/io_sim.h"
#include "lake/expiry.h"
#include "support/sim_lake.h"

enum {
    HOUSE_DAY = 20520, /* 2026-03-08 */
    HOUSE_FILES_MAX = 64
};

struct house {
    struct tide_io_sim *sim; /* NULL: a real disk */
    struct tide_io io;
    struct tide_store store;
    struct tide_clock_simulated clock;
    struct tide_arena arena;
    const struct tide_layout *layout;
    int64_t epoch;
    uint64_t place; /* of the next row */
};

static inline const struct tide_layout *house_layout(struct tide_arena *arena,
                                                     enum tide_table table)
{
    static const struct tide_schema schema = {0};
    const struct tide_layout *layout = tide_layout_create(arena, &schema, table);
    assert_non_null(layout);
    return layout;
}

static inline void house_open(struct house *house, uint64_t seed)
{
    *house = (struct house){.sim = tide_io_sim_create(seed)};
    assert_non_null(house->sim);
    house->io = tide_io_sim_io(house->sim);
    house->clock.now.us = (HOUSE_DAY + 10) * INT64_C(86400000000);
    house->layout = house_layout(&house->arena, TIDE_TABLE_RAW);
    assert_int_equal(tide_store_local_open(house->io, "lake", &house->store, NULL), TIDE_OK);
}

static inline void house_close(struct house *house)
{
    house->store.operations->close(house->store.self);
    tide_arena_release(&house->arena);
    if (house->sim != NULL) {
        tide_io_sim_destroy(house->sim);
    }
}

static inline struct tide_delta_options house_table(struct house *house)
{
    return (struct tide_delta_options){
        .store = house->store,
        .clock = tide_clock_simulated(&house->clock),
        .layout = house->layout,
        .table_id = TIDE_VIEW("0123456789abcdef0123456789abcdef"),
        .engine = TIDE_VIEW("tidemark/test"),
        .codec = sim_checkpoint_codec(&house->io),
        .scratch_directory = "scratch",
        .io = house->io,
        .keeps_files = true,
    };
}

static inline struct tide_delta *house_delta(struct house *house)
{
    const struct tide_delta_options options = house_table(house);
    struct tide_delta *delta = NULL;
    struct tide_error error = {0};
    if (tide_delta_open(&options, &delta, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    return delta;
}

static inline void house_put(struct house *house, const char *key, const char *text)
{
    assert_int_equal(
        house->store.operations->put_if_absent(house->store.self, key, tide_view_of(text), NULL),
        TIDE_OK);
}

/* A file of rows that follow the last one, of partition epoch % 2; numRecords as promised, or what
 * is in it if that is negative. A commit of its own. */
static inline void house_add_promising(struct house *house, int day, int rows, int promised)
{
    char path[128];
    char key[160];
    char stats[64];
    char date[TIDE_CIVIL_TEXT_MAX];
    struct tide_bytes text = {0};
    const int64_t epoch = house->epoch++;
    for (int i = 0; i < rows; i++) {
        tide_bytes_append_format(&text,
                                 "%d %llu %lld 0 %llx -\n",
                                 (int)(epoch % 2),
                                 (unsigned long long)house->place,
                                 (long long)epoch,
                                 (unsigned long long)house->place);
        house->place++;
    }
    (void)tide_civil_format_date(day, date);
    (void)snprintf(path, sizeof(path), "received_date=%s/w-%lld.rows", date, (long long)epoch);
    (void)snprintf(key, sizeof(key), "raw/%s", path);
    (void)snprintf(stats, sizeof(stats), "{\"numRecords\":%d}", promised < 0 ? rows : promised);
    house_put(house, key, tide_bytes_terminated(&text));
    const struct tide_delta_file file = {.path = tide_view_of(path),
                                         .date_days = day,
                                         .size = text.size,
                                         .row_count = (uint64_t)rows,
                                         .stats = tide_view_of(stats)};
    const struct tide_delta_transaction transaction = {.app_id = TIDE_VIEW("p/0"),
                                                       .version = epoch,
                                                       .expected = epoch - 1,
                                                       .files = &file,
                                                       .file_count = 1};
    struct tide_delta *delta = house_delta(house);
    assert_int_equal(tide_delta_commit(delta, &transaction, 1, NULL), TIDE_OK);
    tide_delta_close(delta);
    tide_bytes_release(&text);
}

static inline void house_add(struct house *house, int day, int rows)
{
    house_add_promising(house, day, rows, -1);
}

struct house_rows {
    struct house *house;
    bool seen[1024]; /* by place */
    uint64_t rows;
    uint64_t files;
    bool is_sorted; /* in each file */
};

static inline enum tide_status house_see(void *context, const struct tide_delta_entry *entry)
{
    struct house_rows *rows = context;
    char key[256];
    struct tide_bytes text = {0};
    uint64_t last[2] = {0, 0};
    uint64_t in_file = 0;
    (void)snprintf(key, sizeof(key), "raw/%.*s", TIDE_VIEW_ARGUMENTS(entry->path));
    assert_int_equal(
        rows->house->store.operations->get(rows->house->store.self, key, &text, 1 << 20, NULL),
        TIDE_OK);
    assert_int_equal(text.size, entry->size);
    for (const char *at = tide_bytes_terminated(&text); *at != '\0'; at = strchr(at, '\n') + 1) {
        char *end = NULL;
        const uint64_t partition = strtoull(at, &end, 10);
        const uint64_t place = strtoull(end, &end, 10);
        assert_true(place < 1024 && !rows->seen[place]);
        rows->seen[place] = true;
        rows->is_sorted =
            rows->is_sorted && (partition > last[0] || (partition == last[0] && place >= last[1]));
        last[0] = partition;
        last[1] = place;
        in_file++;
    }
    assert_int_equal(entry->row_count, in_file);
    rows->rows += in_file;
    rows->files++;
    tide_bytes_release(&text);
    return TIDE_OK;
}

/* Each live file, each row once. */
static inline struct house_rows house_read(struct house *house)
{
    struct house_rows rows = {.house = house, .is_sorted = true};
    struct tide_delta *delta = house_delta(house);
    assert_int_equal(tide_delta_entries(delta, (struct tide_delta_visitor){house_see, &rows}, NULL),
                     TIDE_OK);
    tide_delta_close(delta);
    return rows;
}

#endif
