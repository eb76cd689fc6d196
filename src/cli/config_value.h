/* One value of the configuration: substitution, then its type. */
#ifndef TIDE_CLI_CONFIG_VALUE_H
#define TIDE_CLI_CONFIG_VALUE_H

#include "cli/config.h"

/* Between the members of a MAP: whatever a reference gives, a key in PEM say, has none of it. A
 * text with one in it is put together already, and not taken apart at other places. */
#define TIDE_CONFIG_SEPARATOR '\x1e'

enum tide_config_type {
    TIDE_CONFIG_TEXT,
    TIDE_CONFIG_OPTIONAL, /* text, or nothing */
    TIDE_CONFIG_SECRET,   /* likewise; never printed, and in a file only as ${..} */
    TIDE_CONFIG_NUMBER,   /* uint64_t within min..max */
    TIDE_CONFIG_BYTES,    /* uint64_t: 20GiB, 64MiB, 4096 */
    TIDE_CONFIG_DURATION, /* struct tide_duration: 5ms, 30s */
    TIDE_CONFIG_BOOL,
    TIDE_CONFIG_LISTEN, /* struct tide_listen: 127.0.0.1:8080 */
    TIDE_CONFIG_LIST,   /* struct tide_view: "a,b"; a sequence or that text */
    TIDE_CONFIG_MAP,    /* struct tide_view: members "key=value"; a mapping, or that text with
                           ';' or a new line between; TIDE_CONFIG_SEPARATOR once it is stored */
};

struct tide_config_key {
    const char *name; /* "log.embedded.partitions" */
    enum tide_config_type type;
    size_t offset;        /* in struct tide_config */
    const char *fallback; /* the default, as text */
    uint64_t min;         /* numbers, bytes, and microseconds of durations */
    uint64_t max;
    const char *help;
};

extern const struct tide_config_key tide_config_keys[];
extern const size_t tide_config_key_count;

/* docs/reference/configuration.md, on stdout. */
void tide_config_print_reference(void);

/* Whether all of text is one ${VAR} or ${file:/path}, which gives nothing away. */
bool tide_config_value_is_reference(struct tide_view text);
/* Substitutes ${..} in text and stores it; false after a diagnostic at position. */
bool tide_config_value_set(struct tide_config *config,
                           const struct tide_config_key *key,
                           struct tide_view text,
                           struct tide_position position,
                           struct tide_diagnostics *diagnostics);

/* Whether a member of a MAP by that name must be a reference in a file, and is never printed: a
 * password, a secret, a token, a private key; not the place of one. */
bool tide_config_is_secret_name(struct tide_view name);
/* The next item of a LIST's value, without blanks around it; *rest moves on. false: no more. */
bool tide_config_list_next(struct tide_view *rest, struct tide_view *item);
/* The next member of a MAP's value; *rest moves on. false: no more. */
bool tide_config_map_next(struct tide_view *rest, struct tide_view *name, struct tide_view *value);

#endif
