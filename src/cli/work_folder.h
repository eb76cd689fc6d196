/* Folders for what a command needs while it works: made, found again, removed with all in them. */
#ifndef TIDE_CLI_WORK_FOLDER_H
#define TIDE_CLI_WORK_FOLDER_H

#include "base/io.h"

/* A new directory for this process alone, below parent, which is made if need be. path: absolute,
 * ends with name and random letters. Blocks. */
enum tide_status tide_work_folder_create(struct tide_io io,
                                         const char *parent,
                                         const char *name,
                                         struct tide_bytes *path,
                                         struct tide_error *error);

/* A directory and everything below it; one that is not there is fine. The first failure ends it.
 * Blocks. */
enum tide_status tide_work_folder_remove(struct tide_io io,
                                         const char *path,
                                         struct tide_error *error);

/* Removes those folders below path, which may not be there, for which is_old says so. */
enum tide_status tide_work_folder_sweep(struct tide_io io,
                                        const char *path,
                                        bool (*is_old)(void *context, const char *folder_path),
                                        void *context,
                                        struct tide_error *error);

#endif
