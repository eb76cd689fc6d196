#include "process/identity.h"

#include "base/arena.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char store_key[] = "_tidemark/identity";
enum {
    FILE_BYTES_MAX = 4096,
    PATH_BYTES_MAX = 4096
};

void tide_identity_format(struct tide_u128 id, char text[TIDE_IDENTITY_TEXT_SIZE])
{
    snprintf(text, TIDE_IDENTITY_TEXT_SIZE, "%016" PRIx64 "%016" PRIx64, id.high, id.low);
}

static bool parse_half(const char *digits, uint64_t *half)
{
    *half = 0;
    for (int i = 0; i < 16; i++) {
        char c = digits[i];
        uint64_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (uint64_t)(c - 'a') + 10;
        } else {
            return false;
        }
        *half = *half << 4 | digit;
    }
    return true;
}

bool tide_identity_parse(struct tide_view text, struct tide_u128 *id)
{
    return text.size == 32 && parse_half(text.data, &id->high) &&
           parse_half(text.data + 16, &id->low);
}

uint64_t tide_identity_seed(const struct tide_identity *identity)
{
    return identity->pipeline.low;
}

static void write_identity(const struct tide_identity *identity, struct tide_bytes *json)
{
    char pipeline[TIDE_IDENTITY_TEXT_SIZE];
    char configuration[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(identity->pipeline, pipeline);
    tide_identity_format(identity->configuration, configuration);
    tide_bytes_append_format(json,
                             "{\"format\": 1, \"pipeline\": \"%s\", \"partitions\": %" PRIu32
                             ", \"configuration\": \"%s\"}\n",
                             pipeline,
                             identity->partition_count,
                             configuration);
}

static enum tide_status read_identity(struct tide_view text,
                                      const char *where,
                                      struct tide_identity *identity,
                                      struct tide_error *error)
{
    struct tide_arena arena;
    tide_arena_init(&arena, 1 << 20);
    struct tide_json *json = NULL;
    struct tide_view pipeline = {0};
    struct tide_view configuration = {0};
    uint64_t partitions = 0;
    enum tide_status status = TIDE_OK;
    if (tide_json_parse(&arena, text, &json, NULL) != TIDE_OK ||
        !tide_json_get_text(json, "pipeline", &pipeline) ||
        !tide_json_get_text(json, "configuration", &configuration) ||
        !tide_json_get_u64(json, "partitions", &partitions) || partitions > UINT32_MAX ||
        !tide_identity_parse(pipeline, &identity->pipeline) ||
        !tide_identity_parse(configuration, &identity->configuration)) {
        status = tide_error_set(error, TIDE_FATAL, "%s is damaged", where);
    }
    identity->partition_count = (uint32_t)partitions;
    tide_arena_release(&arena);
    return status;
}

/* What the configuration decides must not change under a log that was counted with another one. */
static enum tide_status check(const struct tide_identity *found,
                              const struct tide_identity *wanted,
                              const char *where,
                              struct tide_error *error)
{
    if (found->partition_count != wanted->partition_count) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "%s belongs to a pipeline of %u partitions, the configuration says "
                              "%u; the number is fixed for the life of a pipeline",
                              where,
                              found->partition_count,
                              wanted->partition_count);
    }
    if (!tide_u128_equal(found->configuration, wanted->configuration)) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "%s was made with another schema (or another collect.trust_received):"
                              " verdicts, identities or event times would change under numbers that"
                              " were served; use a new data directory and lake",
                              where);
    }
    return TIDE_OK;
}

static enum tide_status create_in_store(struct tide_store store,
                                        const struct tide_identity *identity,
                                        struct tide_error *error)
{
    struct tide_bytes text = {0};
    write_identity(identity, &text);
    enum tide_status status =
        store.operations->put_if_absent(store.self, store_key, tide_bytes_view(&text), error);
    tide_bytes_release(&text);
    return status;
}

static enum tide_status create_local(struct tide_io io,
                                     const char *path,
                                     const struct tide_identity *identity,
                                     struct tide_error *error)
{
    struct tide_bytes text = {0};
    write_identity(identity, &text);
    enum tide_status status = tide_io_create_file(io, path, tide_bytes_view(&text), error);
    tide_bytes_release(&text);
    return status;
}

static void mark(void *context, const struct tide_store_entry *entry)
{
    *(bool *)context |= !entry->is_folder;
}

static void mark_log(void *context, const char *name, bool is_directory)
{
    if (is_directory && strcmp(name, "log") == 0) {
        *(bool *)context = true;
    }
}

/* Data without a name, or a name without its data, is somebody's mistake with files. */
static enum tide_status check_orphans(struct tide_io io,
                                      const char *data_directory,
                                      bool have_local,
                                      struct tide_store store,
                                      bool have_store,
                                      struct tide_error *error)
{
    bool has_log = false;
    bool has_tables = false;
    if (!have_local) {
        enum tide_status status =
            io.operations->list(io.self, data_directory, mark_log, &has_log, error);
        if (status != TIDE_OK && status != TIDE_REJECT) {
            return status;
        }
    }
    if (has_log) {
        return tide_error_set(
            error, TIDE_REJECT, "%s holds a log but its identity file is lost", data_directory);
    }
    if (!have_local && have_store) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the lake belongs to a pipeline whose log is not in %s",
                              data_directory);
    }
    if (have_local && !have_store) {
        enum tide_status status =
            store.operations->list(store.self, "events/_delta_log/", mark, &has_tables, error);
        if (status != TIDE_OK) {
            return status;
        }
    }
    return has_tables ? tide_error_set(
                            error, TIDE_REJECT, "the lake holds tables but its identity is lost")
                      : TIDE_OK;
}

enum tide_status tide_identity_open(struct tide_io io,
                                    const char *data_directory,
                                    struct tide_store store,
                                    const struct tide_identity *wanted,
                                    struct tide_identity *identity,
                                    struct tide_error *error)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof(path), "%s/identity", data_directory);
    struct tide_bytes local = {0};
    struct tide_bytes remote = {0};
    struct tide_identity in_store = {0};
    enum tide_status have_local = tide_io_read_file(io, path, &local, FILE_BYTES_MAX, error);
    if (have_local == TIDE_OK) {
        /* A name that is seen need not be durable: its maker may have been killed before that. */
        have_local = io.operations->sync_directory(io.self, data_directory, error);
    }
    enum tide_status have_store =
        store.operations->get(store.self, store_key, &remote, FILE_BYTES_MAX, error);
    enum tide_status status = TIDE_OK;
    *identity = *wanted;
    if (have_local != TIDE_OK && have_local != TIDE_REJECT) {
        status = have_local;
    } else if (have_store != TIDE_OK && have_store != TIDE_REJECT) {
        status = have_store;
    } else {
        status = check_orphans(
            io, data_directory, have_local == TIDE_OK, store, have_store == TIDE_OK, error);
    }
    if (status == TIDE_OK && have_local == TIDE_OK) {
        status = read_identity(tide_bytes_view(&local), path, identity, error);
        status = status == TIDE_OK ? check(identity, wanted, data_directory, error) : status;
    } else if (status == TIDE_OK) {
        io.operations->random(io.self, &identity->pipeline, sizeof(identity->pipeline));
    }
    if (status == TIDE_OK && have_store == TIDE_OK) {
        status = read_identity(tide_bytes_view(&remote), "the lake's identity", &in_store, error);
        if (status == TIDE_OK && !tide_u128_equal(in_store.pipeline, identity->pipeline)) {
            status = tide_error_set(
                error, TIDE_REJECT, "the lake belongs to another pipeline than %s", data_directory);
        }
    }
    if (status == TIDE_OK && have_local != TIDE_OK) {
        status = create_local(io, path, identity, error); /* first: a lake without it is refused */
    }
    if (status == TIDE_OK && have_store != TIDE_OK) {
        status = create_in_store(store, identity, error);
    }
    tide_bytes_release(&local);
    tide_bytes_release(&remote);
    return status;
}

enum tide_status tide_identity_read(struct tide_store store,
                                    struct tide_identity *identity,
                                    struct tide_error *error)
{
    struct tide_bytes text = {0};
    enum tide_status status =
        store.operations->get(store.self, store_key, &text, FILE_BYTES_MAX, error);
    if (status == TIDE_REJECT) {
        status = tide_error_set(error, TIDE_REJECT, "there is no lake: it has no %s", store_key);
    }
    if (status == TIDE_OK) {
        status = read_identity(tide_bytes_view(&text), "the lake's identity", identity, error);
    }
    tide_bytes_release(&text);
    return status;
}
