/* Texts and names of files as SQL literals of DuckDB. */
#ifndef TIDE_LAKE_SQL_TEXT_H
#define TIDE_LAKE_SQL_TEXT_H

#include "base/bytes.h"

/* 'text', quotes doubled. */
void tide_sql_append_text(struct tide_bytes *sql, struct tide_view text);
/* 'path' of a file that is read: what a reader takes for a pattern stands for itself. */
void tide_sql_append_path(struct tide_bytes *sql, struct tide_view path);

#endif
