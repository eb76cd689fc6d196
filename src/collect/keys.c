#include "collect/keys.h"

#include "base/digits.h"
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    FILE_BYTES_MAX = 1 << 20,
    ARENA_BYTES_MAX = 4 << 20,
};

struct tide_keys {
    struct tide_arena arena; /* names */
    size_t count;
    struct tide_key items[TIDE_KEYS_MAX];
};

static bool read_digest(struct tide_view text, unsigned char digest[TIDE_SHA256_SIZE])
{
    if (text.size != (size_t)2 * TIDE_SHA256_SIZE) {
        return false;
    }
    for (size_t i = 0; i < TIDE_SHA256_SIZE; i++) {
        uint64_t byte = 0;
        if (!tide_digits_parse_hex(tide_view_slice(text, 2 * i, 2), &byte)) {
            return false;
        }
        digest[i] = (unsigned char)byte;
    }
    return true;
}

static bool is_name(struct tide_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        const char byte = text.data[i];
        const char folded = (char)(byte | 0x20);
        if (!(folded >= 'a' && folded <= 'z') && !(byte >= '0' && byte <= '9') &&
            (byte == '\0' || strchr("-_.", byte) == NULL)) {
            return false;
        }
    }
    return text.size > 0 && text.size <= TIDE_KEY_NAME_BYTES_MAX;
}

static bool has_digest(const struct tide_keys *keys, const unsigned char digest[TIDE_SHA256_SIZE])
{
    for (size_t i = 0; i < keys->count; i++) {
        if (tide_sha256_equal(keys->items[i].digest, digest)) {
            return true;
        }
    }
    return false;
}

/* What is wrong with a member of the file; NULL: it was added. */
static const char *add(struct tide_keys *keys, const struct tide_yaml *node)
{
    struct tide_key key = {0};
    if (!is_name(node->key)) {
        return "a name has 1 to 64 letters, digits and -_.";
    }
    if (node->kind != TIDE_YAML_SCALAR || !read_digest(node->text, key.digest)) {
        return "behind a name stands a SHA-256, 64 digits of 0-9 and a-f";
    }
    if (has_digest(keys, key.digest)) {
        return "this hash stands twice";
    }
    if (keys->count == TIDE_KEYS_MAX) {
        return "there are more than 1000 keys";
    }
    key.name = tide_arena_copy(&keys->arena, node->key);
    if (key.name.data == NULL) {
        return "out of memory";
    }
    keys->items[keys->count++] = key;
    return NULL;
}

static enum tide_status parse(struct tide_keys *keys,
                              const char *path,
                              const struct tide_source *source,
                              struct tide_error *error)
{
    struct tide_diagnostics diagnostics = {0};
    struct tide_yaml *root = NULL;
    tide_diagnostics_init(&diagnostics, &keys->arena);
    if (!tide_yaml_parse(&keys->arena, source, &diagnostics, &root)) {
        const unsigned line = diagnostics.count > 0 ? diagnostics.items[0].position.line : 0;
        return tide_error_set(error, TIDE_REJECT, "%s:%u: this is not YAML", path, line);
    }
    for (const struct tide_yaml *node = root->first; node != NULL; node = node->next) {
        const char *why =
            root->kind == TIDE_YAML_MAPPING ? add(keys, node) : "write name: SHA-256, line by line";
        if (why != NULL) {
            return tide_error_set(error, TIDE_REJECT, "%s:%u: %s", path, node->position.line, why);
        }
    }
    return keys->count > 0 ? TIDE_OK
                           : tide_error_set(error, TIDE_REJECT, "%s: there is no key in it", path);
}

enum tide_status tide_keys_load(struct tide_io io,
                                const char *path,
                                struct tide_keys **keys,
                                struct tide_error *error)
{
    struct tide_bytes text = {0};
    struct tide_keys *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for the keys");
    }
    tide_arena_init(&made->arena, ARENA_BYTES_MAX);
    enum tide_status status = tide_io_read_file(io, path, &text, FILE_BYTES_MAX, error);
    if (status == TIDE_OK) {
        const struct tide_source source = {tide_view_of(path), tide_bytes_view(&text)};
        status = parse(made, path, &source, error);
    }
    tide_bytes_release(&text);
    if (status != TIDE_OK) {
        tide_keys_destroy(made);
        return status;
    }
    *keys = made;
    return TIDE_OK;
}

void tide_keys_destroy(struct tide_keys *keys)
{
    if (keys != NULL) {
        tide_arena_release(&keys->arena);
        free(keys);
    }
}

size_t tide_keys_count(const struct tide_keys *keys)
{
    return keys->count;
}

const struct tide_key *tide_keys_find(const struct tide_keys *keys, struct tide_view key)
{
    const struct tide_key *found = NULL;
    unsigned char digest[TIDE_SHA256_SIZE];
    if (key.size < TIDE_KEY_BYTES_MIN || key.size > TIDE_KEY_BYTES_MAX ||
        !tide_sha256(key, digest)) {
        return NULL;
    }
    for (size_t i = 0; i < keys->count; i++) { /* to the end: time says nothing */
        found = tide_sha256_equal(keys->items[i].digest, digest) ? &keys->items[i] : found;
    }
    return found;
}
