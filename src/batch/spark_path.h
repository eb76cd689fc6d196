/* The lake's place as Spark names it. */
#ifndef TIDE_BATCH_SPARK_PATH_H
#define TIDE_BATCH_SPARK_PATH_H

#include "base/bytes.h"

/* Of a lake on local disk: directory is an absolute path. "/var/lake" gives "file:/var/lake".
 * Of hdfs://namenode:9870/path, which is the address of WebHDFS: Spark speaks to the NameNode
 * itself. spark_url is its address, "hdfs://namenode:9000", or with a path the whole lake's; empty:
 * the same host at port 9000. No '/' at the end. */
void tide_spark_local_url(struct tide_view directory, struct tide_bytes *url);
/* REJECT: one of the two is not hdfs://host[:port][/path]. */
enum tide_status tide_spark_hdfs_url(struct tide_view lake_url,
                                     struct tide_view spark_url,
                                     struct tide_bytes *url,
                                     struct tide_error *error);

#endif
