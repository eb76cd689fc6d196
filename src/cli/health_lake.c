/* The lake where it lies: whether it can be read, what the cluster or the disk has left. */
#include "base/io.h"
#include "base/json.h"
#include "cli/health_probe.h"
#include "lake/store.h"

#include <string.h>

#include "base/banned.h"

static const int64_t millionth = 1000000;
/* Both beans of a NameNode that have what is wanted. */
static const char namenode_page[] = "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystem*";

static void find_newest(void *context, const struct tide_store_entry *entry)
{
    struct tide_instant *newest = context;
    if (!entry->is_folder && tide_instant_known(entry->modified) &&
        (!tide_instant_known(*newest) || entry->modified.us > newest->us)) {
        *newest = entry->modified;
    }
}

/* Reading is proven by the newest commit of the table that every epoch with events adds to. */
static void ask_store(struct tide_health_probe *probe, struct tide_health_row *row)
{
    struct tide_store_options options = tide_store_options_default();
    struct tide_store store = {0};
    struct tide_error error = {0};
    struct tide_instant newest = TIDE_INSTANT_UNKNOWN;
    options.hdfs.user = probe->config->hdfs_user;
    options.hdfs.hosts = probe->config->hdfs_hosts;
    options.hdfs.patience = probe->timeout;
    enum tide_status status = tide_store_open(probe->config->lake_url, &options, &store, &error);
    if (status == TIDE_OK) {
        status =
            store.operations->list(store.self, "events/_delta_log/", find_newest, &newest, &error);
        store.operations->close(store.self);
    }
    if (status != TIDE_OK) {
        tide_health_worsen(row, TIDE_HEALTH_DOWN, tide_health_text(probe, "%s", error.text));
    } else if (tide_instant_known(newest)) {
        const int64_t age_us = tide_clock_now(tide_clock_os()).us - newest.us;
        tide_health_add_number(row, "newest_commit_age_s", age_us < 0 ? 0 : age_us / millionth);
    }
}

struct cluster {
    bool is_active;
    bool is_safe_mode;
    uint64_t capacity;
    uint64_t remaining;
    uint64_t live_nodes;
    uint64_t dead_nodes;
    uint64_t missing_blocks;
    uint64_t under_replicated_blocks;
};

/* FSNamesystem is a copy that may be some ten seconds old; it alone has two of them. */
static void read_beans(const struct tide_json *json, struct cluster *cluster)
{
    const struct tide_json *beans = tide_json_get(json, "beans");
    for (const struct tide_json *bean = beans == NULL ? NULL : beans->first; bean != NULL;
         bean = bean->next) {
        struct tide_view text;
        (void)tide_json_get_u64(bean, "MissingBlocks", &cluster->missing_blocks);
        if (tide_json_get_text(bean, "tag.HAState", &text)) {
            cluster->is_active = tide_view_equal(text, TIDE_VIEW("active"));
        }
        if (!tide_json_get_text(bean, "FSState", &text)) {
            continue;
        }
        cluster->is_safe_mode = !tide_view_equal(text, TIDE_VIEW("Operational"));
        (void)tide_json_get_u64(bean, "CapacityTotal", &cluster->capacity);
        (void)tide_json_get_u64(bean, "CapacityRemaining", &cluster->remaining);
        (void)tide_json_get_u64(bean, "NumLiveDataNodes", &cluster->live_nodes);
        (void)tide_json_get_u64(bean, "NumDeadDataNodes", &cluster->dead_nodes);
        (void)tide_json_get_u64(bean, "UnderReplicatedBlocks", &cluster->under_replicated_blocks);
    }
}

enum namenode {
    NAMENODE_SILENT,
    NAMENODE_ANSWERS, /* and is not the active one, or does not say */
    NAMENODE_TELLS,
};

static enum namenode ask_namenode(struct tide_health_probe *probe,
                                  const char *scheme,
                                  struct tide_view address,
                                  struct cluster *cluster,
                                  struct tide_error *error)
{
    struct tide_bytes body = {0};
    struct tide_json *json = NULL;
    unsigned status = 0;
    enum namenode result = NAMENODE_SILENT;
    const struct tide_view base =
        tide_health_text(probe, "%s://%.*s", scheme, TIDE_VIEW_ARGUMENTS(address));
    if (tide_health_get(probe, base, namenode_page, &status, &body, error) == TIDE_OK) {
        const struct tide_view text = tide_arena_copy(&probe->arena, tide_bytes_view(&body));
        result = NAMENODE_ANSWERS;
        *cluster = (struct cluster){0};
        if (status == 200 && text.data != NULL &&
            tide_json_parse(&probe->arena, text, &json, NULL) == TIDE_OK) {
            read_beans(json, cluster);
        }
        result = cluster->is_active ? NAMENODE_TELLS : NAMENODE_ANSWERS;
    }
    tide_bytes_release(&body);
    return result;
}

/* What is between "//" and the next '/': one or more NameNodes. */
static struct tide_view authority_of(struct tide_view url)
{
    size_t begin = 0;
    size_t end;
    while (begin + 1 < url.size && memcmp(url.data + begin, "//", 2) != 0) {
        begin++;
    }
    begin = begin + 2 < url.size ? begin + 2 : url.size;
    for (end = begin; end < url.size && url.data[end] != '/';) {
        end++;
    }
    return tide_view_slice(url, begin, end - begin);
}

static void judge_cluster(struct tide_health_probe *probe,
                          struct tide_health_row *row,
                          const struct cluster *cluster)
{
    row->free_bytes = cluster->remaining;
    row->size_bytes = cluster->capacity;
    tide_health_add_number(row, "datanodes", (int64_t)cluster->live_nodes);
    if (cluster->live_nodes == 0) {
        tide_health_worsen(row, TIDE_HEALTH_DOWN, TIDE_VIEW("no DataNode is alive"));
    }
    if (cluster->is_safe_mode) {
        tide_health_worsen(row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("the NameNode is in safe mode"));
    }
    if (cluster->missing_blocks > 0) {
        tide_health_worsen(row,
                           TIDE_HEALTH_DEGRADED,
                           tide_health_text(probe,
                                            "%llu blocks are missing",
                                            (unsigned long long)cluster->missing_blocks));
    }
    if (cluster->dead_nodes > 0) {
        tide_health_worsen(row,
                           TIDE_HEALTH_DEGRADED,
                           tide_health_text(probe,
                                            "%llu DataNodes are dead",
                                            (unsigned long long)cluster->dead_nodes));
    }
    tide_health_add_number(
        row, "under_replicated_blocks", (int64_t)cluster->under_replicated_blocks);
}

/* The first active one tells. A cluster that keeps /jmx to itself tells nothing, and may be fine.
 * false: none answers, which is told. */
static bool ask_cluster(struct tide_health_probe *probe, struct tide_health_row *row)
{
    const struct tide_view url = probe->config->lake_url;
    const char *scheme = tide_view_starts_with(url, TIDE_VIEW("swebhdfs:")) ? "https" : "http";
    struct tide_view rest = authority_of(url);
    struct cluster cluster = {0};
    struct tide_error error = {0};
    enum namenode best = NAMENODE_SILENT;
    while (rest.size > 0 && best != NAMENODE_TELLS) {
        const char *comma = memchr(rest.data, ',', rest.size);
        const size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);
        const size_t used = size < rest.size ? size + 1 : size;
        const enum namenode answer =
            ask_namenode(probe, scheme, tide_view_slice(rest, 0, size), &cluster, &error);
        best = answer > best ? answer : best;
        rest = tide_view_slice(rest, used, rest.size - used);
    }
    if (best == NAMENODE_TELLS) {
        judge_cluster(probe, row, &cluster);
    } else if (best == NAMENODE_SILENT) {
        tide_health_worsen(row, TIDE_HEALTH_DOWN, tide_health_text(probe, "%s", error.text));
    }
    return best != NAMENODE_SILENT;
}

static void ask_disk(struct tide_health_probe *probe, struct tide_health_row *row)
{
    struct tide_bytes path = {0};
    struct tide_io_space space = {0};
    if (tide_store_local_path(probe->config->lake_url, &path, NULL) != TIDE_OK ||
        tide_io_os_space(tide_bytes_terminated(&path), &space, NULL) != TIDE_OK) {
        row->state = TIDE_HEALTH_IDLE;
        row->why = TIDE_VIEW("nothing is there");
    } else {
        row->free_bytes = space.free_bytes;
        row->size_bytes = space.size_bytes;
        ask_store(probe, row);
    }
    tide_bytes_release(&path);
}

void tide_health_ask_lake(struct tide_health_probe *probe)
{
    struct tide_health_row *row = tide_health_add_row(&probe->report, probe->part);
    row->where = probe->config->lake_url;
    if (tide_store_is_remote(probe->config->lake_url)) {
        /* First, because its timeout is ours. */
        if (ask_cluster(probe, row)) {
            ask_store(probe, row);
        }
    } else {
        ask_disk(probe, row);
    }
    tide_health_judge_disk(probe, row);
}
