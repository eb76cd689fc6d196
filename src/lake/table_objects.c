#include "lake/table_objects.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    OBJECTS_MAX = 1 << 24,
    FOLDERS_MAX = 1 << 20
};
static const size_t arena_bytes_max = (size_t)4 << 30;

struct walk {
    struct tide_table_objects *objects;
    struct tide_view *folders; /* to be listed; each but the first ends with '/' */
    uint32_t folder_count;
    uint32_t folder_capacity;
    struct tide_view folder; /* that is listed */
    bool is_out_of_memory;
};

static bool grow(void **array, uint32_t count, uint32_t *capacity, size_t size, uint32_t most)
{
    if (count < *capacity) {
        return true;
    }
    const uint32_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = wanted > most ? NULL : reallocarray(*array, wanted, size);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *capacity = wanted;
    return true;
}

static struct tide_view join(struct walk *walk, const char *name, const char *end)
{
    struct tide_bytes text = {0};
    tide_bytes_append_view(&text, walk->folder);
    tide_bytes_append_text(&text, name);
    tide_bytes_append_text(&text, end);
    const struct tide_view kept = tide_arena_copy(&walk->objects->arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    walk->is_out_of_memory = walk->is_out_of_memory || kept.data == NULL;
    return kept;
}

static void add_folder(struct walk *walk, struct tide_view folder)
{
    void *folders = walk->folders;
    if (!grow(&folders,
              walk->folder_count,
              &walk->folder_capacity,
              sizeof(*walk->folders),
              FOLDERS_MAX)) {
        walk->is_out_of_memory = true;
        return;
    }
    walk->folders = folders;
    walk->folders[walk->folder_count++] = folder;
}

static void see_entry(void *context, const struct tide_store_entry *entry)
{
    struct walk *walk = context;
    struct tide_table_objects *objects = walk->objects;
    void *items = objects->items;
    if (entry->name[0] == '_' || entry->name[0] == '.' || walk->is_out_of_memory) {
        return;
    }
    if (entry->is_folder) {
        add_folder(walk, join(walk, entry->name, "/"));
        return;
    }
    if (!grow(&items, objects->count, &objects->capacity, sizeof(*objects->items), OBJECTS_MAX)) {
        walk->is_out_of_memory = true;
        return;
    }
    objects->items = items;
    objects->items[objects->count++] =
        (struct tide_table_object){join(walk, entry->name, ""), entry->size, entry->modified};
}

static int compare_objects(const void *a, const void *b)
{
    const struct tide_table_object *left = a;
    const struct tide_table_object *right = b;
    return tide_view_compare(left->path, right->path);
}

enum tide_status tide_table_objects_list(struct tide_store store,
                                         const char *table_name,
                                         struct tide_table_objects *objects,
                                         struct tide_error *error)
{
    struct walk walk = {.objects = objects};
    enum tide_status status = TIDE_OK;
    *objects = (struct tide_table_objects){0};
    tide_arena_init(&objects->arena, arena_bytes_max);
    add_folder(&walk, TIDE_VIEW("")); /* the table's own */
    for (uint32_t i = 0; status == TIDE_OK && i < walk.folder_count; i++) {
        char prefix[TIDE_STORE_KEY_BYTES_MAX];
        walk.folder = walk.folders[i];
        const int size = snprintf(
            prefix, sizeof(prefix), "%s/%.*s", table_name, TIDE_VIEW_ARGUMENTS(walk.folder));
        status = size < 0 || (size_t)size >= sizeof(prefix)
                     ? tide_error_set(error, TIDE_FATAL, "a folder's name is too long")
                     : store.operations->list(store.self, prefix, see_entry, &walk, error);
    }
    if (status == TIDE_OK && walk.is_out_of_memory) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for the files of %s", table_name);
    }
    free(walk.folders);
    if (status != TIDE_OK) {
        tide_table_objects_release(objects);
    } else if (objects->count > 0) {
        qsort(objects->items, objects->count, sizeof(*objects->items), compare_objects);
    }
    return status;
}

void tide_table_objects_release(struct tide_table_objects *objects)
{
    free(objects->items);
    tide_arena_release(&objects->arena);
    *objects = (struct tide_table_objects){0};
}

const struct tide_table_object *tide_table_objects_find(const struct tide_table_objects *objects,
                                                        struct tide_view path)
{
    const struct tide_table_object wanted = {.path = path};
    return objects->count == 0 ? NULL
                               : bsearch(&wanted,
                                         objects->items,
                                         objects->count,
                                         sizeof(*objects->items),
                                         compare_objects);
}
