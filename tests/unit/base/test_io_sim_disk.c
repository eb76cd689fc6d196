/* Goal: what a power cut may leave is wide (any subset, torn sectors) and never wider than legal.
 * Method: one small situation each, cut under many seeds; the set of outcomes seen is compared with
 * what must, may and must not occur. */
#include "base/io_sim_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    SEED_COUNT = 4000,
    SECTORS = 4
};

static struct tide_sim_place find(struct tide_sim_disk *disk, const char *path)
{
    struct tide_sim_place place;
    tide_sim_disk_find(disk, path, &place);
    return place;
}

static struct tide_sim_file *create(struct tide_sim_disk *disk, const char *path)
{
    struct tide_sim_place place = find(disk, path);
    assert_non_null(place.parent);
    struct tide_sim_file *file = tide_sim_disk_create_file(disk);
    tide_sim_disk_change(disk, NULL, &place, file);
    return file;
}

static struct tide_sim_directory *root_of(struct tide_sim_disk *disk)
{
    return find(disk, "").self;
}

/* Four sectors of 'a' are durable, then overwritten with 'b', unaligned at both ends. */
static void torn_writes_keep_sectors(void **state)
{
    (void)state;
    bool seen[1 << SECTORS] = {0};
    char text[SECTORS * TIDE_SIM_SECTOR_SIZE];
    for (uint64_t seed = 0; seed < SEED_COUNT; seed++) {
        struct tide_sim_disk disk;
        tide_sim_disk_init(&disk, seed);
        struct tide_sim_file *file = create(&disk, "f");
        memset(text, 'a', sizeof(text));
        tide_sim_disk_write(&disk, file, 0, text, sizeof(text));
        tide_sim_disk_sync(file, true);
        tide_sim_disk_settle(&disk, root_of(&disk), true);
        memset(text, 'b', sizeof(text));
        tide_sim_disk_write(&disk, file, 100, text, sizeof(text) - 200);
        tide_sim_disk_crash(&disk);

        file = find(&disk, "f").file;
        assert_non_null(file);
        assert_int_equal(file->current.size, sizeof(text));
        assert_memory_equal(file->current.data, file->durable.data, sizeof(text));
        unsigned kept = 0;
        for (size_t i = 0; i < sizeof(text); i++) {
            size_t sector = i / TIDE_SIM_SECTOR_SIZE;
            bool is_new = file->current.data[i] == 'b';
            assert_true(is_new || file->current.data[i] == 'a');
            if (i < 100 || i >= sizeof(text) - 100) {
                assert_false(is_new);
            } else if (i == 100 || i % TIDE_SIM_SECTOR_SIZE == 0) {
                kept |= is_new ? 1U << sector : 0;
            } else {
                assert_int_equal(is_new, (kept >> sector) & 1U); /* a sector is not torn itself */
            }
        }
        seen[kept] = true;
        tide_sim_disk_release(&disk);
    }
    for (size_t i = 0; i < sizeof(seen); i++) {
        assert_true(seen[i]); /* none, all, head, tail, holes: every subset of four sectors */
    }
}

/* A write that extends: the size may come without the data, then the gap is zeros. */
static void extended_files_read_as_zeros(void **state)
{
    (void)state;
    bool has_absent = false;
    bool has_zeros = false;
    bool has_data = false;
    for (uint64_t seed = 0; seed < SEED_COUNT; seed++) {
        struct tide_sim_disk disk;
        tide_sim_disk_init(&disk, seed);
        struct tide_sim_file *file = create(&disk, "f");
        tide_sim_disk_settle(&disk, root_of(&disk), true);
        tide_sim_disk_write(&disk, file, 0, "data", 4);
        tide_sim_disk_crash(&disk);
        const struct tide_sim_content *content = &find(&disk, "f").file->current;
        if (content->size == 0) {
            has_absent = true;
        } else {
            assert_int_equal(content->size, 4);
            bool is_data = memcmp(content->data, "data", 4) == 0;
            assert_true(is_data || memcmp(content->data, "\0\0\0\0", 4) == 0);
            has_data = has_data || is_data;
            has_zeros = has_zeros || !is_data;
        }
        tide_sim_disk_release(&disk);
    }
    assert_true(has_absent && has_zeros && has_data);
}

/* A rename between directories, nothing synced: the file is in one of them, not in none or both. */
static void renames_are_atomic(void **state)
{
    (void)state;
    int moved = 0;
    for (uint64_t seed = 0; seed < SEED_COUNT; seed++) {
        struct tide_sim_disk disk;
        tide_sim_disk_init(&disk, seed);
        tide_sim_disk_make_directory(&disk, "a/b");
        struct tide_sim_file *file = create(&disk, "a/f");
        tide_sim_disk_settle(&disk, find(&disk, "a").self, true);
        struct tide_sim_place from = find(&disk, "a/f");
        struct tide_sim_place to = find(&disk, "a/b/g");
        tide_sim_disk_change(&disk, &from, &to, file);
        assert_null(find(&disk, "a/f").file);
        tide_sim_disk_crash(&disk);
        bool is_old = find(&disk, "a/f").file == file;
        bool is_new = find(&disk, "a/b/g").file == file;
        assert_true(is_old != is_new);
        moved += is_new ? 1 : 0;
        tide_sim_disk_release(&disk);
    }
    assert_in_range(moved, SEED_COUNT / 5, SEED_COUNT * 4 / 5);
}

/* Older changes of the other directory come along with a rename: never replayed over it later. */
static void a_sync_keeps_the_order_across_directories(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEED_COUNT; seed++) {
        struct tide_sim_disk disk;
        tide_sim_disk_init(&disk, seed);
        tide_sim_disk_make_directory(&disk, "a");
        tide_sim_disk_make_directory(&disk, "b");
        struct tide_sim_file *old = create(&disk, "b/x");
        struct tide_sim_file *new = create(&disk, "a/y");
        assert_ptr_not_equal(old, new);
        struct tide_sim_place from = find(&disk, "a/y");
        struct tide_sim_place to = find(&disk, "b/x");
        tide_sim_disk_change(&disk, &from, &to, new);
        tide_sim_disk_settle(&disk, from.parent, true);
        tide_sim_disk_crash(&disk);
        assert_ptr_equal(find(&disk, "b/x").file, new);
        assert_null(find(&disk, "a/y").file);
        assert_null(disk.files->next); /* the old one has no name left and is gone */
        tide_sim_disk_release(&disk);
    }
}

/* After a failed sync the living system shows the names and bytes it had or reverts, and no later
 * sync makes good what was lost. */
static void failed_syncs_lose_for_good(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEED_COUNT; seed++) {
        struct tide_sim_disk disk;
        tide_sim_disk_init(&disk, seed);
        struct tide_sim_file *kept = create(&disk, "kept");
        tide_sim_disk_write(&disk, kept, 0, "old", 3);
        tide_sim_disk_sync(kept, true);
        tide_sim_disk_settle(&disk, root_of(&disk), true);

        tide_sim_disk_write(&disk, kept, 0, "new", 3);
        tide_sim_disk_sync(kept, false);
        assert_memory_equal(kept->current.data, "old", 3);
        tide_sim_disk_sync(kept, true);
        (void)create(&disk, "lost");
        tide_sim_disk_settle(&disk, root_of(&disk), false);
        assert_non_null(find(&disk, "lost").file);
        tide_sim_disk_settle(&disk, root_of(&disk), true);
        tide_sim_disk_crash(&disk);
        assert_null(find(&disk, "lost").file);
        assert_memory_equal(find(&disk, "kept").file->current.data, "old", 3);
        tide_sim_disk_release(&disk);
    }
}

static void paths_are_normal(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *normal;
    } cases[] = {
        {"/a/f", "a/f"},
        {"a//f", "a/f"},
        {"./a/./f/", "a/f"},
        {"f", "f"},
        {"/", ""},
        {".", ""},
    };
    struct tide_sim_disk disk;
    tide_sim_disk_init(&disk, 1);
    tide_sim_disk_make_directory(&disk, "a");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_sim_place place = find(&disk, cases[i].path);
        assert_string_equal(place.path, cases[i].normal);
        assert_non_null(place.parent);
    }
    assert_non_null(find(&disk, "a/").self);
    assert_null(find(&disk, "b/f").parent);
    tide_sim_disk_release(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torn_writes_keep_sectors),
        cmocka_unit_test(extended_files_read_as_zeros),
        cmocka_unit_test(renames_are_atomic),
        cmocka_unit_test(a_sync_keeps_the_order_across_directories),
        cmocka_unit_test(failed_syncs_lose_for_good),
        cmocka_unit_test(paths_are_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
