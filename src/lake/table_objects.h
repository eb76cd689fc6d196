/* The data files that lie in a table's folders, whoever put them there and whether or not the log
 * names them. */
#ifndef TIDE_LAKE_TABLE_OBJECTS_H
#define TIDE_LAKE_TABLE_OBJECTS_H

#include "base/arena.h"
#include "lake/store.h"

struct tide_table_object {
    struct tide_view path; /* in the table */
    uint64_t size;
    struct tide_instant modified; /* or unknown */
};

/* All zero is valid to release. */
struct tide_table_objects {
    struct tide_table_object *items; /* by path */
    uint32_t count;
    uint32_t capacity;
    struct tide_arena arena;
};

/* Folder by folder. Names that begin with '_' or '.' are not data. RETRY: the store, memory. */
enum tide_status tide_table_objects_list(struct tide_store store,
                                         const char *table_name,
                                         struct tide_table_objects *objects,
                                         struct tide_error *error);
void tide_table_objects_release(struct tide_table_objects *objects);
/* NULL: it is not there. */
const struct tide_table_object *tide_table_objects_find(const struct tide_table_objects *objects,
                                                        struct tide_view path);

#endif
