/* Names that no column may have. */
#ifndef TIDE_EVENT_RESERVED_H
#define TIDE_EVENT_RESERVED_H

#include "base/bytes.h"

/* A word that DuckDB or Spark reserves. */
bool tide_reserved_word(struct tide_view name);
/* A column that the lake writes itself. */
bool tide_reserved_lake_name(struct tide_view name);

#endif
