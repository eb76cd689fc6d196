#include "cli/spark_fault.h"

#include <string.h>

#include "base/banned.h"

#define NO_JAVA "there is no Java for Spark: install one (17 or newer), or set JAVA_HOME"
#define NO_MEMORY                                                                                  \
    "out of memory: raise spark.driver.memory or spark.executor.memory in batch.spark.properties"
#define NO_FILE                                                                                    \
    "a file of the lake is gone (compacted away meanwhile?), or Spark's machines do not see the "  \
    "lake's disk: run it again"

/* The first that fits counts: causes before what they cause. */
static const struct tide_spark_fault faults[] = {
    {"JAVA_HOME is not set", NO_JAVA, TIDE_EXIT_CONFIGURATION, false},
    {"java: command not found", NO_JAVA, TIDE_EXIT_CONFIGURATION, false},
    {"bin/java: No such file", NO_JAVA, TIDE_EXIT_CONFIGURATION, false},
    {"UnsupportedClassVersionError",
     "this Java is too old for this Spark",
     TIDE_EXIT_CONFIGURATION,
     false},
    {"Master must either be yarn",
     "batch.spark.master is neither local[N] nor spark://host:port",
     TIDE_EXIT_CONFIGURATION,
     false},
    {"Could not parse Master URL",
     "batch.spark.master is neither local[N] nor spark://host:port",
     TIDE_EXIT_CONFIGURATION,
     false},
    {"Cannot run program \"",
     "there is no Python for Spark: set batch.spark.python",
     TIDE_EXIT_CONFIGURATION,
     false},
    {"All masters are unresponsive",
     "the master of batch.spark.master does not answer",
     TIDE_EXIT_CONNECT,
     false},
    {"INVALID_DRIVER_MEMORY", NO_MEMORY, TIDE_EXIT_TEMPORARY, false},
    {"INVALID_EXECUTOR_MEMORY", NO_MEMORY, TIDE_EXIT_TEMPORARY, false},
    {"OutOfMemoryError", NO_MEMORY, TIDE_EXIT_TEMPORARY, false},
    {"GC overhead limit exceeded", NO_MEMORY, TIDE_EXIT_TEMPORARY, false},
    {"CANNOT_ACQUIRE_MEMORY", NO_MEMORY, TIDE_EXIT_TEMPORARY, false},
    {"spark.driver.maxResultSize", NO_MEMORY, TIDE_EXIT_TEMPORARY, false},
    {"No space left on device",
     "the disk is full (of the driver, or of a worker)",
     TIDE_EXIT_TEMPORARY,
     false},
    {"PATH_NOT_FOUND", NO_FILE, TIDE_EXIT_TEMPORARY, true},
    {"FILE_NOT_EXIST", NO_FILE, TIDE_EXIT_TEMPORARY, true},
    {"FileNotFoundException", NO_FILE, TIDE_EXIT_TEMPORARY, true},
    {"failed on connection exception",
     "HDFS does not answer at lake.hdfs.spark_url",
     TIDE_EXIT_CONNECT,
     false},
};

static const struct {
    const char *sign;
    const char *notice;
} notices[] = {
    {"Initial job has not accepted any resources", "waiting: no worker of the cluster has room"},
    {"Failed to connect to master", "the master does not answer yet"},
    {"Lost executor", "an executor is lost; Spark repeats what it had"},
};

static bool contains(struct tide_view line, const char *sign)
{
    return line.size > 0 && memmem(line.data, line.size, sign, strlen(sign)) != NULL;
}

const struct tide_spark_fault *tide_spark_fault_find(struct tide_view line)
{
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (contains(line, faults[i].sign)) {
            return &faults[i];
        }
    }
    return NULL;
}

bool tide_spark_complains(struct tide_view line)
{
    static const char *const signs[] = {"Exception in thread", "Error:", ": No such file"};
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (contains(line, signs[i])) {
            return true;
        }
    }
    return false;
}

const char *tide_spark_notice_find(struct tide_view line)
{
    for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++) {
        if (contains(line, notices[i].sign)) {
            return notices[i].notice;
        }
    }
    return NULL;
}
