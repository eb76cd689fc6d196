/* What goes wrong with Spark, in a sentence: from lines of its log to what a person can do. */
#ifndef TIDE_CLI_SPARK_FAULT_H
#define TIDE_CLI_SPARK_FAULT_H

#include "cli/command.h"

#include "base/bytes.h"

struct tide_spark_fault {
    const char *sign;     /* in a line */
    const char *sentence; /* what it means, and what to do */
    enum tide_exit exit;
    bool is_of_snapshot; /* the same files will not be there the next time either */
};

/* NULL: the line says nothing of the kind. */
const struct tide_spark_fault *tide_spark_fault_find(struct tide_view line);
/* Whether the line looks like the reason of a failure that is not known here. */
bool tide_spark_complains(struct tide_view line);
/* What is worth telling while Spark goes on waiting; NULL: nothing. */
const char *tide_spark_notice_find(struct tide_view line);

#endif
