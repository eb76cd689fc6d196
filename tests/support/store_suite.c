#include "support/store_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_MAX = 128,
    LISTED = 45, /* a server with small pages gives several */
    RACERS = 6,
    ROUNDS = 6,
    LARGE_BYTES = (9 << 20) + 13
};

static const struct store_suite *suite;

/* ---- short forms */

static enum tide_status put(const char *key, struct tide_view content)
{
    struct tide_error error = {0};
    const enum tide_status status =
        suite->store.operations->put_if_absent(suite->store.self, key, content, &error);
    assert_int_equal(status == TIDE_OK, error.text[0] == '\0');
    return status;
}

static enum tide_status get(const char *key, struct tide_bytes *into, size_t size_max)
{
    return suite->store.operations->get(suite->store.self, key, into, size_max, NULL);
}

static enum tide_status remove_object(const char *key)
{
    return suite->store.operations->remove(suite->store.self, key, NULL);
}

static void assert_content(const char *key, struct tide_view wanted)
{
    struct tide_bytes found = {0};
    assert_int_equal(get(key, &found, LARGE_BYTES + 1), TIDE_OK);
    assert_true(tide_view_equal(tide_bytes_view(&found), wanted));
    tide_bytes_release(&found);
}

static const char *write_scratch(struct tide_view content)
{
    static char path[4096];
    const struct tide_io io = tide_io_os();
    struct tide_file file = {0};
    (void)snprintf(path, sizeof(path), "%s/scratch file", suite->scratch_directory);
    (void)io.operations->remove(io.self, path, NULL);
    assert_int_equal(io.operations->open(io.self, path, TIDE_IO_CREATE, &file, NULL), TIDE_OK);
    assert_int_equal(io.operations->write(io.self, file, 0, content.data, content.size, NULL),
                     TIDE_OK);
    io.operations->close(io.self, &file);
    return path;
}

static bool exists(const char *path)
{
    struct tide_io_facts facts;
    return tide_io_os().operations->stat(NULL, path, &facts, NULL) == TIDE_OK;
}

static enum tide_status put_file(const char *key, const char *scratch)
{
    struct tide_error error = {0};
    const enum tide_status status =
        suite->store.operations->put_file(suite->store.self, key, scratch, &error);
    assert_int_equal(status == TIDE_OK, error.text[0] == '\0');
    return status;
}

static void ignore_entry(void *context, const struct tide_store_entry *entry)
{
    (void)entry;
    ++*(int *)context;
}

static int count_entries(const char *prefix)
{
    int count = 0;
    assert_int_equal(
        suite->store.operations->list(suite->store.self, prefix, ignore_entry, &count, NULL),
        TIDE_OK);
    return count;
}

/* ---- the checks */

static void what_is_not_there(void **state)
{
    (void)state;
    const struct tide_store_operations *store = suite->store.operations;
    struct tide_bytes bytes = {0};
    assert_int_equal(get("none/a", &bytes, 100), TIDE_REJECT);
    assert_int_equal(remove_object("none/a"), TIDE_REJECT);
    assert_int_equal(store->fetch(suite->store.self, "none/a", &bytes, NULL), TIDE_REJECT);
    assert_int_equal(count_entries("none/"), 0);
    assert_int_equal(count_entries("none/deeper/"), 0);
    tide_bytes_release(&bytes);
}

static void an_object_is_made_once(void **state)
{
    (void)state;
    assert_int_equal(put("once/deep/er/0.json", TIDE_VIEW("one")), TIDE_OK);
    assert_int_equal(put("once/deep/er/0.json", TIDE_VIEW("two")), TIDE_REJECT);
    assert_int_equal(put("once/deep/er/0.json", TIDE_VIEW("one")), TIDE_REJECT);
    assert_content("once/deep/er/0.json", TIDE_VIEW("one"));
    assert_int_equal(put("once/empty", (struct tide_view){0}), TIDE_OK);
    assert_int_equal(put("once/empty", TIDE_VIEW("x")), TIDE_REJECT);
    assert_content("once/empty", (struct tide_view){0});
    assert_int_equal(count_entries("once/deep/er/"), 1); /* nothing is left of the attempts */
}

static void a_limit_is_held(void **state)
{
    (void)state;
    struct tide_bytes bytes = {0};
    assert_int_equal(put("limit", TIDE_VIEW("0123456789")), TIDE_OK);
    assert_int_equal(get("limit", &bytes, 9), TIDE_REJECT);
    assert_int_equal(get("limit", &bytes, 10), TIDE_OK);
    assert_int_equal(bytes.size, 10);
    assert_int_equal(get("limit", &bytes, 10), TIDE_OK); /* not appended to */
    assert_int_equal(bytes.size, 10);
    tide_bytes_release(&bytes);
}

static void a_file_is_taken(void **state)
{
    (void)state;
    const char *scratch = write_scratch(TIDE_VIEW("first"));
    assert_int_equal(put_file("files/date=2026-03-08/a", scratch), TIDE_OK);
    assert_false(exists(scratch));
    assert_content("files/date=2026-03-08/a", TIDE_VIEW("first"));
    assert_int_equal(put_file("files/date=2026-03-08/a", scratch), TIDE_OK); /* it was before */
    assert_int_equal(put_file("files/date=2026-03-08/b", scratch), TIDE_FATAL);
    (void)write_scratch(TIDE_VIEW("second, and longer"));
    assert_int_equal(put_file("files/date=2026-03-08/a", scratch), TIDE_OK);
    assert_content("files/date=2026-03-08/a", TIDE_VIEW("second, and longer"));
    (void)write_scratch((struct tide_view){"", 0});
    assert_int_equal(put_file("files/nothing", scratch), TIDE_OK);
    assert_content("files/nothing", (struct tide_view){0});
    assert_int_equal(count_entries("files/date=2026-03-08/"), 1);
}

static void large_objects(void **state)
{
    (void)state;
    struct tide_bytes content = {0};
    uint64_t value = 1;
    assert_true(tide_bytes_reserve(&content, LARGE_BYTES));
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        value = value * UINT64_C(6364136223846793005) + 1442695040888963407U;
        tide_bytes_append_byte(&content, (char)(value >> 56));
    }
    const char *scratch = write_scratch(tide_bytes_view(&content));
    assert_int_equal(put_file("large/file.parquet", scratch), TIDE_OK);
    assert_content("large/file.parquet", tide_bytes_view(&content));
    assert_int_equal(put("large/object", tide_bytes_view(&content)), TIDE_OK);
    assert_content("large/object", tide_bytes_view(&content));
    tide_bytes_release(&content);
}

struct seen {
    bool names[LISTED];
    int object_count;
    int folder_count;
    bool is_wrong;
};

static void see_entry(void *context, const struct tide_store_entry *entry)
{
    struct seen *seen = context;
    const struct tide_instant now = tide_clock_now(tide_clock_os());
    if (entry->is_folder) {
        seen->folder_count++;
        seen->is_wrong |= strcmp(entry->name, "folder") != 0;
        return;
    }
    const int number = (int)strtol(entry->name, NULL, 10);
    seen->object_count++;
    seen->is_wrong |= number < 0 || number >= LISTED || seen->names[number % LISTED];
    seen->is_wrong |= entry->size != (uint64_t)number;
    seen->is_wrong |= llabs(now.us - entry->modified.us) > INT64_C(600000000);
    seen->names[number % LISTED] = true;
    /* A visit may ask the store itself. */
    seen->is_wrong |= count_entries("list/folder/") != 1;
}

static void a_listing_is_complete(void **state)
{
    (void)state;
    char key[TEXT_MAX];
    static const char content[LISTED];
    struct seen seen = {0};
    for (int i = 0; i < LISTED; i++) {
        (void)snprintf(key, sizeof(key), "list/%02d.json", i);
        assert_int_equal(put(key, (struct tide_view){content, (size_t)i}), TIDE_OK);
    }
    assert_int_equal(put("list/folder/x", TIDE_VIEW("x")), TIDE_OK);
    assert_int_equal(
        suite->store.operations->list(suite->store.self, "list/", see_entry, &seen, NULL), TIDE_OK);
    assert_int_equal(seen.object_count, LISTED);
    assert_int_equal(seen.folder_count, 1);
    assert_false(seen.is_wrong);
    assert_true(count_entries("") >= 1);
}

static void see_name(void *context, const struct tide_store_entry *entry)
{
    (void)snprintf(context, TEXT_MAX, "%s", entry->name);
}

static void odd_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "a b+c", "100%41", "it's", "[x]*?{y}", "\xc3\xa9\xe2\x82\xac", "a=b&c=d;e#f", "~._-"};
    const struct tide_store_operations *store = suite->store.operations;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char key[TEXT_MAX];
        char prefix[TEXT_MAX];
        char listed[TEXT_MAX] = "";
        struct tide_bytes path = {0};
        (void)snprintf(prefix, sizeof(prefix), "odd/%zu %s/", i, names[i]);
        (void)snprintf(key, sizeof(key), "odd/%zu %s/%s", i, names[i], names[i]);
        assert_int_equal(put(key, tide_view_of(names[i])), TIDE_OK);
        assert_content(key, tide_view_of(names[i]));
        assert_int_equal(store->list(suite->store.self, prefix, see_name, listed, NULL), TIDE_OK);
        assert_string_equal(listed, names[i]);
        assert_int_equal(store->fetch(suite->store.self, key, &path, NULL), TIDE_OK);
        assert_true(exists(tide_bytes_terminated(&path)));
        store->unpin(suite->store.self, key);
        assert_int_equal(remove_object(key), TIDE_OK);
        tide_bytes_release(&path);
    }
}

static void an_object_is_fetched(void **state)
{
    (void)state;
    const struct tide_store_operations *store = suite->store.operations;
    struct tide_bytes path = {0};
    struct tide_bytes again = {0};
    struct tide_bytes found = {0};
    assert_int_equal(put("fetch/a.parquet", TIDE_VIEW("content")), TIDE_OK);
    for (int i = 0; i < 2; i++) { /* pinned twice, let go twice */
        assert_int_equal(store->fetch(suite->store.self, "fetch/a.parquet", &path, NULL), TIDE_OK);
        assert_int_equal(store->fetch(suite->store.self, "fetch/a.parquet", &again, NULL), TIDE_OK);
        assert_string_equal(tide_bytes_terminated(&path), tide_bytes_terminated(&again));
        assert_int_equal(
            tide_io_read_file(tide_io_os(), tide_bytes_terminated(&path), &found, 100, NULL),
            TIDE_OK);
        assert_true(tide_view_equal(tide_bytes_view(&found), TIDE_VIEW("content")));
        store->unpin(suite->store.self, "fetch/a.parquet");
        store->unpin(suite->store.self, "fetch/a.parquet");
    }
    assert_int_equal(store->fetch(suite->store.self, "fetch", &path, NULL), TIDE_REJECT);
    tide_bytes_release(&path);
    tide_bytes_release(&again);
    tide_bytes_release(&found);
}

static void an_object_is_removed(void **state)
{
    (void)state;
    struct tide_bytes bytes = {0};
    assert_int_equal(put("remove/a", TIDE_VIEW("a")), TIDE_OK);
    assert_int_equal(put("remove/b", TIDE_VIEW("b")), TIDE_OK);
    assert_int_equal(remove_object("remove/a"), TIDE_OK);
    assert_int_equal(remove_object("remove/a"), TIDE_REJECT);
    assert_int_equal(get("remove/a", &bytes, 10), TIDE_REJECT);
    assert_int_equal(count_entries("remove/"), 1);
    assert_int_equal(put("remove/a", TIDE_VIEW("again")), TIDE_OK);
    assert_content("remove/a", TIDE_VIEW("again"));
    tide_bytes_release(&bytes);
}

static void no_key_leads_out(void **state)
{
    (void)state;
    static const char *const keys[] = {"../out", "/out", "a/../../out", "a//b", "", "a/."};
    const struct tide_store_operations *store = suite->store.operations;
    const char *scratch = write_scratch(TIDE_VIEW("secret"));
    struct tide_bytes bytes = {0};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_int_equal(get(keys[i], &bytes, 100), TIDE_FATAL);
        assert_int_equal(put(keys[i], TIDE_VIEW("x")), TIDE_FATAL);
        assert_int_equal(put_file(keys[i], scratch), TIDE_FATAL);
        assert_int_equal(remove_object(keys[i]), TIDE_FATAL);
        assert_int_equal(store->fetch(suite->store.self, keys[i], &bytes, NULL), TIDE_FATAL);
    }
    assert_int_equal(store->list(suite->store.self, "../", ignore_entry, NULL, NULL), TIDE_FATAL);
    assert_true(exists(scratch));
    tide_bytes_release(&bytes);
}

/* ---- a race */

struct racer {
    pthread_barrier_t *barrier;
    char text[16];
    int win_count;
    int bad_count;
};

static void *run_racer(void *argument)
{
    struct racer *racer = argument;
    const struct tide_store store = suite->store;
    for (int round = 0; round < ROUNDS; round++) {
        char key[TEXT_MAX];
        struct tide_bytes found = {0};
        (void)snprintf(key, sizeof(key), "race/%d", round);
        (void)pthread_barrier_wait(racer->barrier);
        const enum tide_status status =
            store.operations->put_if_absent(store.self, key, tide_view_of(racer->text), NULL);
        const enum tide_status got = store.operations->get(store.self, key, &found, 100, NULL);
        const bool is_mine = tide_view_equal(tide_bytes_view(&found), tide_view_of(racer->text));
        racer->win_count += status == TIDE_OK;
        racer->bad_count += status != TIDE_OK && status != TIDE_REJECT;
        racer->bad_count += got != TIDE_OK || is_mine != (status == TIDE_OK);
        tide_bytes_release(&found);
    }
    return NULL;
}

static void one_of_many_wins(void **state)
{
    (void)state;
    pthread_barrier_t barrier;
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    int win_count = 0;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, RACERS), 0);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.barrier = &barrier};
        (void)snprintf(racers[i].text, sizeof(racers[i].text), "racer %d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, run_racer, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(racers[i].bad_count, 0);
        win_count += racers[i].win_count;
    }
    assert_int_equal(win_count, ROUNDS);
    (void)pthread_barrier_destroy(&barrier);
    assert_int_equal(count_entries("race/"), ROUNDS);
}

int store_suite_run(const char *name, const struct store_suite *given)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_there),
        cmocka_unit_test(an_object_is_made_once),
        cmocka_unit_test(a_limit_is_held),
        cmocka_unit_test(a_file_is_taken),
        cmocka_unit_test(large_objects),
        cmocka_unit_test(a_listing_is_complete),
        cmocka_unit_test(odd_names),
        cmocka_unit_test(an_object_is_fetched),
        cmocka_unit_test(an_object_is_removed),
        cmocka_unit_test(no_key_leads_out),
        cmocka_unit_test(one_of_many_wins),
    };
    suite = given;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
