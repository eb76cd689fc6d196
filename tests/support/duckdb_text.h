/* The rows of a query in one text: "a|b|NULL;" for each. */
#ifndef TIDE_SUPPORT_DUCKDB_TEXT_H
#define TIDE_SUPPORT_DUCKDB_TEXT_H

#include "base/bytes.h"
#include "lake/duckdb.h"

/* As the visitor of a query; context is the struct tide_bytes that it adds to. */
static inline enum tide_status duckdb_text_add(void *context,
                                               const struct tide_duckdb_value *row,
                                               uint32_t column_count)
{
    struct tide_bytes *text = context;
    for (uint32_t i = 0; i < column_count; i++) {
        tide_bytes_append_text(text, i == 0 ? "" : "|");
        if (!row[i].present) {
            tide_bytes_append_text(text, "NULL");
        } else if (row[i].is_text) {
            tide_bytes_append_view(text, row[i].text);
        } else {
            tide_bytes_append_format(text, "%lld", (long long)row[i].number);
        }
    }
    tide_bytes_append_text(text, ";");
    return TIDE_OK;
}

#endif
