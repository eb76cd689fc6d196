#include "serve/live_message.h"

#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

void live_message_retry(uint32_t ms, struct tide_bytes *text)
{
    tide_bytes_append_format(text, "retry: %" PRIu32 "\n\n", ms);
}

static void begin(const char *event, struct tide_view id, struct tide_bytes *text)
{
    tide_bytes_append_format(text, "event: %s\nid: ", event);
    tide_bytes_append_view(text, id);
    tide_bytes_append_text(text, "\ndata: ");
}

void live_message_write(const char *event,
                        struct tide_view id,
                        struct tide_view json,
                        struct tide_bytes *text)
{
    begin(event, id, text);
    for (size_t at = 0; at < json.size;) {
        const char *line_end = memchr(json.data + at, '\n', json.size - at);
        const size_t end = line_end == NULL ? json.size : (size_t)(line_end - json.data);
        tide_bytes_append_view(text, tide_view_slice(json, at, end - at));
        if (line_end != NULL && end + 1 < json.size) {
            tide_bytes_append_text(text, "\ndata: ");
        }
        at = end + 1;
    }
    tide_bytes_append_text(text, "\n\n");
}

bool live_message_cells(struct tide_view id,
                        struct tide_view metric,
                        const struct live_row *rows,
                        uint32_t row_count,
                        struct live_cut cut,
                        struct tide_bytes *text)
{
    bool has_rows = false;
    for (uint32_t i = 0; i < row_count; i++) {
        const struct live_row *row = &rows[i];
        if (row->window >= cut.windows || row->rank >= cut.groups || row->look <= cut.after) {
            continue;
        }
        if (!has_rows) {
            begin("cells", id, text);
            tide_bytes_append_byte(text, '{');
            tide_json_write_text_member(text, "metric", metric);
            tide_json_write_key(text, "cells");
            tide_bytes_append_byte(text, '[');
        } else {
            tide_bytes_append_byte(text, ',');
        }
        tide_bytes_append_view(text, row->text);
        has_rows = true;
    }
    if (has_rows) {
        tide_bytes_append_text(text, "]}\n\n");
    }
    return has_rows;
}
