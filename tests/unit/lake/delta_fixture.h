/* What the tests of the Delta log share: a store on the simulated disk, commits of other writers.
 */
#ifndef TIDE_UNIT_LAKE_DELTA_FIXTURE_H
#define TIDE_UNIT_LAKE_DELTA_FIXTURE_H

#include "unit/lake/fixture.h"

#include <stdio.h>

#include "base/io_sim.h"
#include "lake/delta_internal.h"
#include "support/sim_lake.h"

struct lake {
    struct tide_io_sim *sim;
    struct tide_io io;
    struct tide_store store;
};

static inline struct lake lake_create(uint64_t seed)
{
    struct lake lake = {.sim = tide_io_sim_create(seed)};
    assert_non_null(lake.sim);
    lake.io = tide_io_sim_io(lake.sim);
    assert_int_equal(tide_store_local_open(lake.io, "lake", &lake.store, NULL), TIDE_OK);
    return lake;
}

static inline void lake_destroy(struct lake *lake)
{
    lake->store.operations->close(lake->store.self);
    tide_io_sim_destroy(lake->sim);
}

static inline void lake_put(const struct lake *lake, int64_t version, const char *text)
{
    char key[TIDE_DELTA_KEY_MAX];
    tide_delta_log_key(&fixture_layout, version, key);
    assert_int_equal(
        lake->store.operations->put_if_absent(lake->store.self, key, tide_view_of(text), NULL),
        TIDE_OK);
}

/* "" where there is no such commit. The caller releases text. */
static inline const char *lake_read(const struct lake *lake,
                                    int64_t version,
                                    struct tide_bytes *text)
{
    char key[TIDE_DELTA_KEY_MAX];
    tide_delta_log_key(&fixture_layout, version, key);
    enum tide_status status =
        lake->store.operations->get(lake->store.self, key, text, 1 << 20, NULL);
    assert_true(status == TIDE_OK || status == TIDE_REJECT);
    return tide_bytes_terminated(text);
}

static inline void lake_remove(const struct lake *lake, const char *key)
{
    assert_int_equal(lake->store.operations->remove(lake->store.self, key, NULL), TIDE_OK);
}

static inline void lake_remove_commits(const struct lake *lake, int64_t first, int64_t last)
{
    for (int64_t version = first; version <= last; version++) {
        char key[TIDE_DELTA_KEY_MAX];
        tide_delta_log_key(&fixture_layout, version, key);
        lake_remove(lake, key);
    }
}

/* An object of the log's folder in place of what is there, if anything is. */
static inline void lake_put_object(const struct lake *lake, const char *name, const char *text)
{
    char key[TIDE_DELTA_KEY_MAX];
    (void)snprintf(key, sizeof(key), "events/_delta_log/%s", name);
    (void)lake->store.operations->remove(lake->store.self, key, NULL);
    assert_int_equal(
        lake->store.operations->put_if_absent(lake->store.self, key, tide_view_of(text), NULL),
        TIDE_OK);
}

/* protocol and metaData as somebody else might write them for the fixture's layout. */
static inline void lake_write_table(struct tide_bytes *text, const char *id, int writer_version)
{
    struct tide_bytes schema = {0};
    tide_delta_schema_write(&fixture_layout, &schema);
    tide_bytes_append_format(text,
                             "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":%d}}\n"
                             "{\"metaData\":{\"id\":\"%s\",\"partitionColumns\":[\"event_date\"]",
                             writer_version,
                             id);
    tide_json_write_text_member(text, "schemaString", tide_bytes_view(&schema));
    tide_bytes_append_text(text, "}}\n");
    tide_bytes_release(&schema);
}

#endif
