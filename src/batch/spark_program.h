/* The PySpark program: the exact text of spark_program.py. */
#ifndef TIDE_BATCH_SPARK_PROGRAM_H
#define TIDE_BATCH_SPARK_PROGRAM_H

#include "base/embedded.h"

extern const struct tide_embedded_file tide_spark_programs[];

#endif
