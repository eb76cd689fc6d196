/* The lake's place as Spark names it. */
#ifndef TIDE_BATCH_SPARK_PATH_H
#define TIDE_BATCH_SPARK_PATH_H

#include "base/bytes.h"

/* Of a lake on local disk: directory is an absolute path. "/var/lake" gives "file:/var/lake". */
void tide_spark_local_url(struct tide_view directory, struct tide_bytes *url);
/* Of one behind WebHDFS, "hdfs://namenode:9870/path": Spark speaks to the NameNode itself.
 * spark_url is what it calls it, "hdfs://namenode:9000", or with a path the whole lake's; empty:
 * the same host at port 9000. The answer has no '/' at its end. REJECT: one of the two is no such
 * URL, or there are several NameNodes and no spark_url. */
enum tide_status tide_spark_hdfs_url(struct tide_view lake_url,
                                     struct tide_view spark_url,
                                     struct tide_bytes *url,
                                     struct tide_error *error);

#endif
