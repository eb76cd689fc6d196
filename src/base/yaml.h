/* The one door to libyaml: a document as a tree with positions, in an arena.
 * Anchors, aliases, tags and a key twice in a mapping are errors: definitions are data, not
 * programs. */
#ifndef TIDE_BASE_YAML_H
#define TIDE_BASE_YAML_H

#include "base/diagnostic.h"

enum tide_yaml_kind {
    TIDE_YAML_SCALAR,
    TIDE_YAML_SEQUENCE,
    TIDE_YAML_MAPPING,
};

struct tide_yaml {
    enum tide_yaml_kind kind;
    bool is_plain;         /* a scalar without quotes: 1, true, 1d are told apart by use */
    struct tide_view text; /* of a scalar */
    struct tide_position position;
    struct tide_view key; /* where this is the value of a mapping's member */
    struct tide_position key_position;
    struct tide_yaml *first;
    struct tide_yaml *next;
    uint32_t count;
};

/* source must outlive the arena. An empty document is an empty mapping. false: it is not YAML or
 * uses what is not wanted here; the diagnostics say what, *root is then NULL. */
bool tide_yaml_parse(struct tide_arena *arena,
                     const struct tide_source *source,
                     struct tide_diagnostics *diagnostics,
                     struct tide_yaml **root);
/* NULL if absent or not a mapping. */
struct tide_yaml *tide_yaml_get(const struct tide_yaml *mapping, const char *key);
/* Reports each key of mapping that is not among known (with a suggestion). */
void tide_yaml_check_keys(const struct tide_yaml *mapping,
                          const struct tide_view *known,
                          size_t known_count,
                          const char *what,
                          struct tide_diagnostics *diagnostics);
/* A plain scalar true/false; anything else is reported. */
bool tide_yaml_bool(const struct tide_yaml *node,
                    bool *value,
                    struct tide_diagnostics *diagnostics);

#endif
