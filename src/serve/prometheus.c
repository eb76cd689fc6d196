#include "serve/prometheus.h"

#include "base/assert.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

static const int64_t us_per_second = 1000000;

/* Help and label values differ in one escape: quotes. */
static void write_escaped(struct tide_bytes *text, const char *value, bool in_quotes)
{
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '\n') {
            tide_bytes_append_text(text, "\\n");
        } else if (*p == '\\' || (*p == '"' && in_quotes)) {
            tide_bytes_append_byte(text, '\\');
            tide_bytes_append_byte(text, *p);
        } else {
            tide_bytes_append_byte(text, *p);
        }
    }
}

static bool ends_in_total(const char *name)
{
    static const char end[] = "_total";
    const size_t size = strlen(name);
    return size > strlen(end) && strcmp(name + size - strlen(end), end) == 0;
}

void tide_prometheus_family(struct tide_bytes *text,
                            const char *name,
                            const char *type,
                            const char *help)
{
    tide_assert((strcmp(type, "counter") == 0) == ends_in_total(name));
    tide_bytes_append_format(text, "# HELP %s ", name);
    write_escaped(text, help, false);
    tide_bytes_append_format(text, "\n# TYPE %s %s\n", name, type);
}

static void write_name(struct tide_bytes *text,
                       const char *name,
                       const char *label,
                       const char *label_value)
{
    tide_assert((label == NULL) == (label_value == NULL));
    tide_bytes_append_text(text, name);
    if (label != NULL) {
        tide_bytes_append_format(text, "{%s=\"", label);
        write_escaped(text, label_value, true);
        tide_bytes_append_text(text, "\"}");
    }
    tide_bytes_append_byte(text, ' ');
}

void tide_prometheus_sample(struct tide_bytes *text,
                            const char *name,
                            const char *label,
                            const char *label_value,
                            uint64_t value)
{
    write_name(text, name, label, label_value);
    tide_bytes_append_format(text, "%" PRIu64 "\n", value);
}

void tide_prometheus_seconds(struct tide_bytes *text,
                             const char *name,
                             const char *label,
                             const char *label_value,
                             int64_t us)
{
    const uint64_t size = us < 0 ? UINT64_C(0) - (uint64_t)us : (uint64_t)us;
    write_name(text, name, label, label_value);
    tide_bytes_append_format(text,
                             "%s%" PRIu64 ".%06" PRIu64 "\n",
                             us < 0 ? "-" : "",
                             size / (uint64_t)us_per_second,
                             size % (uint64_t)us_per_second);
}

void tide_prometheus_counter(struct tide_bytes *text,
                             const char *name,
                             const char *help,
                             uint64_t value)
{
    tide_prometheus_family(text, name, "counter", help);
    tide_prometheus_sample(text, name, NULL, NULL, value);
}

void tide_prometheus_gauge(struct tide_bytes *text,
                           const char *name,
                           const char *help,
                           uint64_t value)
{
    tide_prometheus_family(text, name, "gauge", help);
    tide_prometheus_sample(text, name, NULL, NULL, value);
}
