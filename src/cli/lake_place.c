#include "cli/lake_place.h"

#include <stdio.h>

enum {
    DIRECTORIES_MAX = 64 /* commands at once on one data directory */
};
static const struct tide_duration service_patience = {2 * 1000000};

static enum tide_status no_memory(struct tide_error *error)
{
    return tide_error_set(error, TIDE_RETRY, "no memory for the lake's place");
}

static enum tide_status place_local(struct tide_view url,
                                    struct tide_lake_place *place,
                                    struct tide_error *error)
{
    const enum tide_status status = tide_store_local_path(url, &place->where, error);
    tide_bytes_append_format(
        &place->directory, "%s/_tidemark", tide_bytes_terminated(&place->where));
    return status;
}

/* The first data/remote/<n> whose lock is free. */
static enum tide_status place_remote(const struct tide_lake_place_options *options,
                                     struct tide_lake_place *place,
                                     struct tide_error *error)
{
    const struct tide_io io = tide_io_os();
    struct tide_bytes lock = {0};
    enum tide_status status = TIDE_REJECT;
    tide_bytes_append_view(&place->where, options->url);
    tide_bytes_append_view(&place->url, options->url);
    for (int i = 0; i < DIRECTORIES_MAX && status == TIDE_REJECT; i++) {
        tide_bytes_reset(&place->directory);
        tide_bytes_append_format(
            &place->directory, "%.*s/remote/%d", TIDE_VIEW_ARGUMENTS(options->config->data), i);
        tide_bytes_reset(&lock);
        tide_bytes_append_format(&lock, "%s/lock", tide_bytes_terminated(&place->directory));
        status =
            io.operations->make_directory(io.self, tide_bytes_terminated(&place->directory), error);
        if (status == TIDE_OK) {
            status = tide_io_os_lock(tide_bytes_terminated(&lock), &place->lock, error);
        }
    }
    tide_bytes_release(&lock);
    return status;
}

enum tide_status tide_lake_place_open(const struct tide_lake_place_options *options,
                                      struct tide_lake_place *place,
                                      struct tide_error *error)
{
    const struct tide_config *config = options->config;
    const bool is_remote = tide_store_is_remote(options->url);
    struct tide_store_options store = tide_store_options_default();
    struct tide_bytes cache = {0};
    *place = (struct tide_lake_place){0};
    enum tide_status status =
        is_remote ? place_remote(options, place, error) : place_local(options->url, place, error);
    const char *directory = tide_bytes_terminated(&place->directory);
    tide_bytes_append_format(&place->scratch, "%s/scratch", directory);
    tide_bytes_append_format(&cache, "%s/cache", directory);
    (void)tide_bytes_terminated(&place->scratch);
    if (status == TIDE_OK && (place->where.failed || place->scratch.failed || cache.failed)) {
        status = no_memory(error);
    }
    if (status == TIDE_OK) {
        store.must_exist = options->must_exist;
        store.cache_directory = tide_bytes_terminated(&cache);
        store.cache_bytes_max = config->cache_bytes;
        store.hdfs.user = config->hdfs_user;
        store.hdfs.hosts = config->hdfs_hosts;
        store.hdfs.patience = config->hdfs_patience;
        if (options->is_service && store.hdfs.patience.us > service_patience.us) {
            store.hdfs.patience = service_patience;
        }
        status = tide_store_open(options->url, &store, &place->store, error);
        place->is_missing = status == TIDE_REJECT && options->must_exist;
    }
    if (status == TIDE_OK && !is_remote) { /* whoever is told the URL may stand elsewhere */
        tide_bytes_append_text(&place->url, "file:");
        status = tide_io_os_absolute(tide_bytes_terminated(&place->where), &place->url, error);
    }
    tide_bytes_release(&cache);
    return status == TIDE_OK && place->url.failed ? no_memory(error) : status;
}

void tide_lake_place_close(struct tide_lake_place *place)
{
    const struct tide_io io = tide_io_os();
    if (place->store.operations != NULL) {
        place->store.operations->close(place->store.self);
    }
    io.operations->close(io.self, &place->lock);
    tide_bytes_release(&place->url);
    tide_bytes_release(&place->where);
    tide_bytes_release(&place->directory);
    tide_bytes_release(&place->scratch);
    *place = (struct tide_lake_place){0};
}
