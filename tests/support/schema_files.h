/* A folder of JSON Schemas in memory. */
#ifndef TIDE_SUPPORT_SCHEMA_FILES_H
#define TIDE_SUPPORT_SCHEMA_FILES_H

#include "event/validation.h"

enum {
    SCHEMA_FILES_MAX = 4
};

struct schema_files {
    struct tide_schema_file items[SCHEMA_FILES_MAX];
    struct tide_schema_files files;
};

/* names and texts alternate, up to a NULL; in the order of names. */
static inline const struct tide_schema_files *schema_files_of(struct schema_files *it,
                                                              const char *const *names_and_texts)
{
    it->files = (struct tide_schema_files){.items = it->items};
    for (; names_and_texts[0] != NULL; names_and_texts += 2) {
        it->items[it->files.count++] = (struct tide_schema_file){tide_view_of(names_and_texts[0]),
                                                                 tide_view_of(names_and_texts[1])};
    }
    return &it->files;
}

#endif
