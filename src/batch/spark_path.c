#include "batch/spark_path.h"

#include <string.h>

#include "base/banned.h"

static const struct tide_view scheme = {"hdfs://", 7};
static const char default_port[] = ":9000";

struct place {
    struct tide_view host;
    struct tide_view port; /* with its colon; or empty */
    struct tide_view path; /* from its '/' on, without the last one; or empty */
};

static struct tide_view without_slash(struct tide_view text)
{
    while (text.size > 0 && text.data[text.size - 1] == '/') {
        text.size--;
    }
    return text;
}

static struct tide_view from(struct tide_view text, size_t start)
{
    return tide_view_slice(text, start, text.size - start);
}

static size_t find(struct tide_view text, char c)
{
    const char *found = text.size == 0 ? NULL : memchr(text.data, c, text.size);
    return found == NULL ? text.size : (size_t)(found - text.data);
}

static enum tide_status parse(struct tide_view url, struct place *place, struct tide_error *error)
{
    if (tide_view_starts_with(url, scheme)) {
        const struct tide_view rest = from(url, scheme.size);
        const struct tide_view authority = tide_view_slice(rest, 0, find(rest, '/'));
        const size_t colon = find(authority, ':');
        place->host = tide_view_slice(authority, 0, colon);
        place->port = from(authority, colon);
        place->path = without_slash(from(rest, authority.size));
        if (colon > 0 && place->port.size != 1) {
            return TIDE_OK;
        }
    }
    return tide_error_set(
        error, TIDE_REJECT, "'%.*s' is not hdfs://namenode:port/path", TIDE_VIEW_ARGUMENTS(url));
}

void tide_spark_local_url(struct tide_view directory, struct tide_bytes *url)
{
    tide_bytes_append_text(url, "file:");
    tide_bytes_append_view(url, without_slash(directory));
}

enum tide_status tide_spark_hdfs_url(struct tide_view lake_url,
                                     struct tide_view spark_url,
                                     struct tide_bytes *url,
                                     struct tide_error *error)
{
    struct place lake = {0};
    struct place spark = {0};
    enum tide_status status = parse(lake_url, &lake, error);
    if (status == TIDE_OK && spark_url.size > 0) {
        status = parse(spark_url, &spark, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    if (spark_url.size == 0 && find(lake_url, ',') < lake_url.size) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "'%.*s' names several NameNodes: say in lake.hdfs.spark_url what "
                              "Spark calls them",
                              TIDE_VIEW_ARGUMENTS(lake_url));
    }
    if (spark_url.size == 0) {
        spark = (struct place){lake.host, tide_view_of(default_port), lake.path};
    }
    tide_bytes_append_view(url, scheme);
    tide_bytes_append_view(url, spark.host);
    tide_bytes_append_view(url, spark.port);
    tide_bytes_append_view(url, spark.path.size > 0 ? spark.path : lake.path);
    return TIDE_OK;
}
