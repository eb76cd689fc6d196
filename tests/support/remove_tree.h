/* Removes a directory and all that is in it. */
#ifndef TIDE_SUPPORT_REMOVE_TREE_H
#define TIDE_SUPPORT_REMOVE_TREE_H

#include <ftw.h>
#include <stdio.h>

static inline int remove_entry(const char *path,
                               const struct stat *status,
                               int kind,
                               struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* 0, or as nftw says. */
static inline int remove_tree(const char *directory)
{
    enum {
        DESCRIPTORS_MAX = 16
    };
    return nftw(directory, remove_entry, DESCRIPTORS_MAX, FTW_DEPTH | FTW_PHYS);
}

#endif
