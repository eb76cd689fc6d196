#include "batch/spark_path.h"

#include <string.h>

#include "base/banned.h"

struct place {
    struct tide_view scheme; /* "hdfs" */
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
    const size_t end = find(url, ':');
    place->scheme = tide_view_slice(url, 0, end);
    if (end > 0 && tide_view_starts_with(from(url, end), TIDE_VIEW("://"))) {
        const struct tide_view rest = from(url, end + 3);
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
    } else if (status == TIDE_OK && find(lake_url, ',') < lake_url.size) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "'%.*s' names several NameNodes: say in lake.hdfs.spark_url what "
                              "Spark calls them",
                              TIDE_VIEW_ARGUMENTS(lake_url));
    } else {
        spark = (struct place){TIDE_VIEW("hdfs"), lake.host, TIDE_VIEW(":9000"), lake.path};
    }
    if (status != TIDE_OK) {
        return status;
    }
    tide_bytes_append_format(url,
                             "%.*s://%.*s%.*s",
                             TIDE_VIEW_ARGUMENTS(spark.scheme),
                             TIDE_VIEW_ARGUMENTS(spark.host),
                             TIDE_VIEW_ARGUMENTS(spark.port));
    tide_bytes_append_view(url, spark.path.size > 0 ? spark.path : lake.path);
    return TIDE_OK;
}
