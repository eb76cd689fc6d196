#include "cli/service_door.h"

#include "cli/config_value.h"

#include <stdio.h>
#include <string.h>

enum {
    PATH_BYTES_MAX = 4096,
    BURST_SECONDS = 10, /* of the rate, where no burst is said */
};

static enum tide_status read_origins(struct tide_view list,
                                     const char *key,
                                     struct tide_cors *cors,
                                     struct tide_error *error)
{
    struct tide_view origin;
    enum tide_status status = TIDE_OK;
    while (status == TIDE_OK && tide_config_list_next(&list, &origin)) {
        status = tide_cors_add(cors, origin, error);
    }
    if (status != TIDE_OK) {
        tide_error_prefix(error, "%s", key);
    }
    return status;
}

static struct tide_limit limit_of(uint64_t rate, uint64_t burst)
{
    struct tide_limit limit = {rate, burst > 0 ? burst : rate * BURST_SECONDS};
    if (limit.burst > TIDE_LIMITER_RATE_MAX) {
        limit.burst = TIDE_LIMITER_RATE_MAX;
    }
    return limit;
}

static enum tide_status load_keys(const struct tide_config *config,
                                  struct tide_service_door *door,
                                  struct tide_error *error)
{
    char path[PATH_BYTES_MAX];
    if (config->http.keys.size == 0) {
        return TIDE_OK;
    }
    if (config->http.keys.size >= sizeof(path)) {
        return tide_error_set(error, TIDE_REJECT, "the path of collect.http.keys is too long");
    }
    (void)snprintf(path, sizeof(path), "%.*s", TIDE_VIEW_ARGUMENTS(config->http.keys));
    return tide_keys_load(tide_io_os(), path, &door->keys, error);
}

static enum tide_status create_admission(const struct tide_config *config,
                                         struct tide_service_door *door,
                                         struct tide_error *error)
{
    const struct tide_http_config *http = &config->http;
    const struct tide_admission_options options = {
        .keys = door->keys,
        .address = limit_of(http->address_rate, http->address_burst),
        .key = limit_of(http->key_rate, http->key_burst),
        .clock = tide_clock_os(),
        .io = tide_io_os(),
    };
    if (options.key.rate > 0 && options.keys == NULL) {
        return tide_error_set(
            error, TIDE_REJECT, "collect.http.limit.key.rate needs keys: set collect.http.keys");
    }
    if (options.keys == NULL && options.address.rate == 0) {
        return TIDE_OK;
    }
    return tide_admission_create(&options, &door->admission, error);
}

enum tide_status tide_service_door_open(const struct tide_config *config,
                                        struct tide_service_door *door,
                                        struct tide_error *error)
{
    enum tide_status status =
        read_origins(config->http.cors, "collect.http.cors", &door->collect_cors, error);
    if (status == TIDE_OK) {
        status = read_origins(config->serve_cors, "serve.cors", &door->serve_cors, error);
    }
    if (status == TIDE_OK) {
        status = load_keys(config, door, error);
    }
    if (status == TIDE_OK) {
        status = create_admission(config, door, error);
    }
    door->collector.admission = door->admission;
    door->collector.cors = config->http.cors.size > 0 ? &door->collect_cors : NULL;
    return status;
}

void tide_service_door_close(struct tide_service_door *door)
{
    tide_admission_destroy(door->admission);
    tide_keys_destroy(door->keys);
    *door = (struct tide_service_door){0};
}

void tide_service_door_share(const struct tide_service_door *door,
                             struct tide_http_route *routes,
                             size_t route_count)
{
    const bool is_shared = door->serve_cors.origin_count > 0 || door->serve_cors.allows_any;
    for (size_t i = 0; is_shared && i < route_count; i++) {
        if (strcmp(routes[i].method, "GET") == 0) {
            routes[i].cors = &door->serve_cors;
        }
    }
}
