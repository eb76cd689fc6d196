#include "serve/prometheus.h"

#include "base/assert.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

static const int64_t us_per_second = 1000000;

/* Help and label values differ in one escape: quotes. */
static void write_escaped(struct tide_bytes *text, struct tide_view value, bool in_quotes)
{
    for (size_t i = 0; i < value.size; i++) {
        const char c = value.data[i];
        if (c == '\n') {
            tide_bytes_append_text(text, "\\n");
        } else if (c == '\\' || (c == '"' && in_quotes)) {
            tide_bytes_append_byte(text, '\\');
            tide_bytes_append_byte(text, c);
        } else {
            tide_bytes_append_byte(text, c);
        }
    }
}

void tide_prometheus_family(struct tide_bytes *text, enum tide_instrument instrument)
{
    const struct tide_instrument_row *row = tide_instrument_row(instrument);
    tide_bytes_append_format(text, "# HELP %s ", row->name);
    write_escaped(text, tide_view_of(row->help), false);
    tide_bytes_append_format(
        text, "\n# TYPE %s %s\n", row->name, tide_instrument_type_name(row->type));
}

void tide_prometheus_label(struct tide_bytes *text, struct tide_view name, struct tide_view value)
{
    if (text->size > 0 && text->data[text->size - 1] != '{') {
        tide_bytes_append_byte(text, ',');
    }
    tide_bytes_append_view(text, name);
    tide_bytes_append_text(text, "=\"");
    write_escaped(text, value, true);
    tide_bytes_append_byte(text, '"');
}

/* The name, with a suffix, and labels; le: of a bucket, else NULL. */
static void write_name(struct tide_bytes *text,
                       enum tide_instrument instrument,
                       const char *suffix,
                       const struct tide_view *labels,
                       const char *le)
{
    const struct tide_instrument_row *row = tide_instrument_row(instrument);
    const uint32_t count = tide_instrument_label_count(instrument);
    tide_assert((count == 0) == (labels == NULL));
    tide_bytes_append_text(text, row->name);
    tide_bytes_append_text(text, suffix);
    if (count > 0 || le != NULL) {
        tide_bytes_append_byte(text, '{');
        for (uint32_t i = 0; i < count; i++) {
            tide_prometheus_label(text, tide_view_of(row->labels[i]), labels[i]);
        }
        if (le != NULL) {
            tide_prometheus_label(text, TIDE_VIEW("le"), tide_view_of(le));
        }
        tide_bytes_append_byte(text, '}');
    }
    tide_bytes_append_byte(text, ' ');
}

void tide_prometheus_sample(struct tide_bytes *text,
                            enum tide_instrument instrument,
                            const struct tide_view *labels,
                            uint64_t value)
{
    write_name(text, instrument, "", labels, NULL);
    tide_bytes_append_format(text, "%" PRIu64 "\n", value);
}

static void write_seconds(struct tide_bytes *text, int64_t us)
{
    const uint64_t size = us < 0 ? UINT64_C(0) - (uint64_t)us : (uint64_t)us;
    tide_bytes_append_format(text,
                             "%s%" PRIu64 ".%06" PRIu64 "\n",
                             us < 0 ? "-" : "",
                             size / (uint64_t)us_per_second,
                             size % (uint64_t)us_per_second);
}

void tide_prometheus_seconds(struct tide_bytes *text,
                             enum tide_instrument instrument,
                             const struct tide_view *labels,
                             int64_t us)
{
    write_name(text, instrument, "", labels, NULL);
    write_seconds(text, us);
}

void tide_prometheus_histogram(struct tide_bytes *text,
                               enum tide_instrument instrument,
                               const struct tide_view *labels,
                               const struct tide_histogram_reading *reading)
{
    uint64_t count = 0;
    tide_assert(tide_instrument_row(instrument)->type == TIDE_INSTRUMENT_HISTOGRAM);
    for (int i = 0; i <= TIDE_HISTOGRAM_BOUNDS; i++) {
        const bool is_last = i == TIDE_HISTOGRAM_BOUNDS;
        count += reading->counts[i];
        write_name(text,
                   instrument,
                   "_bucket",
                   labels,
                   is_last ? "+Inf" : tide_histogram_bounds[i].seconds);
        tide_bytes_append_format(text, "%" PRIu64 "\n", count);
    }
    write_name(text, instrument, "_sum", labels, NULL);
    write_seconds(text, reading->sum_us > INT64_MAX ? INT64_MAX : (int64_t)reading->sum_us);
    write_name(text, instrument, "_count", labels, NULL);
    tide_bytes_append_format(text, "%" PRIu64 "\n", count);
}

void tide_prometheus_single(struct tide_bytes *text,
                            enum tide_instrument instrument,
                            uint64_t value)
{
    tide_prometheus_family(text, instrument);
    tide_prometheus_sample(text, instrument, NULL, value);
}

void tide_prometheus_single_seconds(struct tide_bytes *text,
                                    enum tide_instrument instrument,
                                    int64_t us)
{
    tide_prometheus_family(text, instrument);
    tide_prometheus_seconds(text, instrument, NULL, us);
}
