/* The PySpark program that runs statements: the exact text of hive_program.py. */
#ifndef TIDE_BATCH_HIVE_PROGRAM_H
#define TIDE_BATCH_HIVE_PROGRAM_H

#include "base/embedded.h"

extern const struct tide_embedded_file tide_hive_programs[];

#endif
