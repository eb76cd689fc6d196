#include "lake/sql_text.h"

#include "base/banned.h"

static void append(struct tide_bytes *sql, struct tide_view text, bool is_path)
{
    tide_bytes_append_byte(sql, '\'');
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.data[i];
        const bool is_pattern = is_path && (c == '*' || c == '?' || c == '[');
        if (is_pattern) { /* a class of one character is that character */
            tide_bytes_append_format(sql, "[%c]", c);
            continue;
        }
        tide_bytes_append_text(sql, c == '\'' ? "'" : "");
        tide_bytes_append_byte(sql, c);
    }
    tide_bytes_append_byte(sql, '\'');
}

void tide_sql_append_text(struct tide_bytes *sql, struct tide_view text)
{
    append(sql, text, false);
}

void tide_sql_append_path(struct tide_bytes *sql, struct tide_view path)
{
    append(sql, path, true);
}
