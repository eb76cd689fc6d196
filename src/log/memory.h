/* A log in memory behind log.h, for tests: durable means appended and synced. */
#ifndef TIDE_LOG_MEMORY_H
#define TIDE_LOG_MEMORY_H

#include "log/log.h"

/* RETRY: out of memory. */
enum tide_status tide_memory_log_create(uint32_t partition_count,
                                        struct tide_log *log,
                                        struct tide_error *error);

#endif
