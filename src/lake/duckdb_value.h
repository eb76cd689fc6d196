/* Values of every type that DuckDB knows, as text: for people, and as JSON.
 *
 *     BOOLEAN, integers, DECIMAL   3, -1.5: exact to the last digit; JSON numbers
 *     FLOAT, DOUBLE                the shortest text that reads back as the same; JSON numbers, but
 *                                  "NaN", "Infinity", "-Infinity"
 *     TIMESTAMP WITH TIME ZONE     2026-03-08T10:00:00.5Z; without a zone the same without Z
 *     DATE, TIME, INTERVAL         2026-03-08, 10:00:00.5, P1M2DT3.5S; infinity, -infinity
 *     VARCHAR, ENUM, UUID          as they are
 *     BLOB                         printable ASCII as it is, but \; others as \x5C
 *     LIST, ARRAY                  [1, null]
 *     STRUCT, MAP                  {"key": value}
 *     JSON                         in JSON as it is
 *
 * Other types (BIT, UNION, TIME WITH TIME ZONE, ..) must be cast in SQL. One thread. */
#ifndef TIDE_LAKE_DUCKDB_VALUE_H
#define TIDE_LAKE_DUCKDB_VALUE_H

#include "base/bytes.h"
#include "lake/duckdb_api.h"

struct tide_duckdb_shape; /* a type, and the vector of it that is read */

/* Takes the type over, also on failure. REJECT: it has, or holds, a type that must be cast. */
enum tide_status tide_duckdb_shape_create(const struct duckdb_api *api,
                                          struct duckdb_logical *type,
                                          struct tide_duckdb_shape **shape,
                                          struct tide_error *error);
void tide_duckdb_shape_destroy(struct tide_duckdb_shape *shape);
/* Its values are JSON numbers. */
bool tide_duckdb_shape_is_number(const struct tide_duckdb_shape *shape);
/* The vector that the calls below read, until its chunk goes. */
void tide_duckdb_shape_bind(struct tide_duckdb_shape *shape, struct duckdb_vector *vector);
bool tide_duckdb_shape_is_null(const struct tide_duckdb_shape *shape, uint64_t row);
/* Appends the value, which must not be null: what holds others is JSON here too. */
void tide_duckdb_shape_write_text(const struct tide_duckdb_shape *shape,
                                  uint64_t row,
                                  struct tide_bytes *text);
/* Appends the value, or null. */
void tide_duckdb_shape_write_json(const struct tide_duckdb_shape *shape,
                                  uint64_t row,
                                  struct tide_bytes *json);

#endif
