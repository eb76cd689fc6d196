#include "lake/webhdfs_nodes.h"

#include "base/assert.h"
#include "base/digits.h"
#include "base/json.h"
#include "http/client.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 64 << 20,
    EXCLUDED_S = 30 /* a NameNode calls a silent DataNode stale after as long */
};

struct tide_webhdfs_node {
    char name[TIDE_WEBHDFS_ADDRESS_MAX]; /* the host as registered */
    char data[TIDE_WEBHDFS_ADDRESS_MAX]; /* ip:port */
    char http[TIDE_WEBHDFS_ADDRESS_MAX]; /* ip:port, "" if there is none */
    char https[TIDE_WEBHDFS_ADDRESS_MAX];
};

static bool same_text(struct tide_view a, struct tide_view b)
{
    return a.size == b.size && (a.size == 0 || strncasecmp(a.data, b.data, a.size) == 0);
}

/* ---- addresses */

static bool is_host(struct tide_view host)
{
    for (size_t i = 0; i < host.size; i++) {
        const char c = host.data[i];
        const bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
        if (!is_fine) {
            return false;
        }
    }
    return host.size > 0;
}

static bool is_port(struct tide_view port)
{
    uint64_t value = 0;
    return port.size <= 5 && tide_digits_parse(port, &value) && value > 0 && value < 65536;
}

bool tide_webhdfs_address_parse(struct tide_view text, struct tide_webhdfs_url *url)
{
    size_t colon = text.size;
    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 || text.size >= TIDE_WEBHDFS_ADDRESS_MAX) {
        return false;
    }
    url->address = text;
    url->port = tide_view_slice(text, colon, text.size - colon);
    url->host = tide_view_slice(text, 0, colon - 1);
    const bool is_bracketed =
        url->host.size > 2 && url->host.data[0] == '[' && url->host.data[url->host.size - 1] == ']';
    if (is_bracketed) {
        url->host = tide_view_slice(url->host, 1, url->host.size - 2);
    }
    const bool has_colon = memchr(url->host.data, ':', url->host.size) != NULL;
    return is_port(url->port) && is_host(url->host) && has_colon == is_bracketed;
}

bool tide_webhdfs_url_parse(struct tide_view text, struct tide_webhdfs_url *url)
{
    static const struct tide_view http = {"http://", 7};
    static const struct tide_view https = {"https://", 8};
    *url = (struct tide_webhdfs_url){.is_secure = tide_view_starts_with(text, https)};
    if (!url->is_secure && !tide_view_starts_with(text, http)) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char byte = (unsigned char)text.data[i];
        if (byte <= 0x20 || byte >= 0x7f || byte == '\\') {
            return false;
        }
    }
    const size_t start = url->is_secure ? https.size : http.size;
    const struct tide_view behind = tide_view_slice(text, start, text.size - start);
    const char *slash = memchr(behind.data, '/', behind.size);
    if (slash == NULL) {
        return false;
    }
    const size_t size = (size_t)(slash - behind.data);
    url->rest = tide_view_slice(behind, size, behind.size - size);
    return tide_webhdfs_address_parse(tide_view_slice(behind, 0, size), url);
}

/* ---- a configured list */

static bool entry_allows(struct tide_view entry, const struct tide_webhdfs_url *url)
{
    const bool is_domain = tide_view_starts_with(entry, TIDE_VIEW("*."));
    if (is_domain) {
        entry = tide_view_slice(entry, 2, entry.size - 2);
    }
    struct tide_webhdfs_url wanted;
    if (!tide_webhdfs_address_parse(entry, &wanted)) {
        wanted = (struct tide_webhdfs_url){.host = entry, .port = url->port};
    }
    const size_t size = wanted.host.size;
    struct tide_view host = url->host;
    if (is_domain) {
        if (size == 0 || host.size < size + 2 || host.data[host.size - size - 1] != '.') {
            return false;
        }
        host = tide_view_slice(host, host.size - size, size);
    }
    return same_text(wanted.host, host) && same_text(wanted.port, url->port);
}

bool tide_webhdfs_list_allows(struct tide_view list, const struct tide_webhdfs_url *url)
{
    size_t start = 0;
    for (size_t i = 0; i <= list.size; i++) {
        if (i < list.size && list.data[i] != ',' && list.data[i] != ' ') {
            continue;
        }
        const struct tide_view entry = tide_view_slice(list, start, i - start);
        start = i + 1;
        if (entry.size > 0 && entry_allows(entry, url)) {
            return true;
        }
    }
    return false;
}

/* ---- the NameNode's list */

static void keep(char *place, struct tide_view text)
{
    const size_t size = text.size < TIDE_WEBHDFS_ADDRESS_MAX ? text.size : 0;
    memcpy(place, size > 0 ? text.data : "", size);
    place[size] = '\0';
}

static void keep_node(struct tide_webhdfs_node *node, const struct tide_json *json)
{
    struct tide_webhdfs_url name = {.host = json->key};
    struct tide_view data = {0};
    struct tide_view http = {0};
    struct tide_view https = {0};
    (void)tide_webhdfs_address_parse(json->key, &name); /* host:port since Hadoop 2.7 */
    (void)tide_json_get_text(json, "xferaddr", &data);
    (void)tide_json_get_text(json, "infoAddr", &http);
    (void)tide_json_get_text(json, "infoSecureAddr", &https);
    keep(node->name, name.host);
    keep(node->data, data);
    keep(node->http, http);
    keep(node->https, https);
}

/* {"beans": [{.., "LiveNodes": "{\"host:port\": {..}, ..}"}]}: JSON within a string. */
static enum tide_status parse_live(struct tide_arena *arena,
                                   struct tide_view reply,
                                   struct tide_json **live,
                                   struct tide_error *error)
{
    struct tide_json *json = NULL;
    struct tide_view text = {0};
    enum tide_status status = tide_json_parse(arena, reply, &json, error);
    if (status != TIDE_OK) {
        return status;
    }
    const struct tide_json *beans = tide_json_get(json, "beans");
    if (beans == NULL || beans->first == NULL ||
        !tide_json_get_text(beans->first, "LiveNodes", &text)) {
        return tide_error_set(error, TIDE_REJECT, "the NameNode does not list its DataNodes");
    }
    status = tide_json_parse(arena, text, live, error);
    if (status == TIDE_OK &&
        ((*live)->kind != TIDE_JSON_OBJECT || (*live)->count > TIDE_WEBHDFS_NODES_MAX)) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the NameNode's list of DataNodes is none, or longer than %d",
                              TIDE_WEBHDFS_NODES_MAX);
    }
    return status;
}

enum tide_status tide_webhdfs_nodes_learn(struct tide_webhdfs_nodes *nodes,
                                          struct tide_view reply,
                                          struct tide_error *error)
{
    struct tide_json *live = NULL;
    struct tide_arena arena;
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    enum tide_status status = parse_live(&arena, reply, &live, error);
    struct tide_webhdfs_node *made = NULL;
    if (status == TIDE_OK) {
        made = calloc(live->count + 1U, sizeof(*made));
        status =
            made == NULL ? tide_error_set(error, TIDE_RETRY, "no memory for DataNodes") : TIDE_OK;
    }
    if (status == TIDE_OK) {
        free(nodes->nodes);
        nodes->nodes = made;
        nodes->node_count = 0;
        for (const struct tide_json *node = live->first; node != NULL; node = node->next) {
            keep_node(&made[nodes->node_count++], node);
        }
    }
    tide_arena_release(&arena);
    return status;
}

void tide_webhdfs_nodes_release(struct tide_webhdfs_nodes *nodes)
{
    free(nodes->nodes);
    *nodes = (struct tide_webhdfs_nodes){0};
}

/* By its ip, or by its name with the ip's port. */
static bool is_node(const struct tide_webhdfs_node *node, const struct tide_webhdfs_url *url)
{
    struct tide_webhdfs_url known;
    const char *address = url->is_secure ? node->https : node->http;
    return tide_webhdfs_address_parse(tide_view_of(address), &known) &&
           same_text(known.port, url->port) &&
           (same_text(known.host, url->host) || same_text(tide_view_of(node->name), url->host));
}

static const struct tide_webhdfs_node *find(const struct tide_webhdfs_nodes *nodes,
                                            const struct tide_webhdfs_url *url)
{
    for (uint32_t i = 0; i < nodes->node_count; i++) {
        if (is_node(&nodes->nodes[i], url)) {
            return &nodes->nodes[i];
        }
    }
    return NULL;
}

bool tide_webhdfs_nodes_know(const struct tide_webhdfs_nodes *nodes,
                             const struct tide_webhdfs_url *url)
{
    return find(nodes, url) != NULL;
}

/* ---- who is left alone */

static void drop_excluded(struct tide_webhdfs_nodes *nodes, uint32_t index)
{
    tide_assert(index < nodes->excluded_count);
    nodes->excluded_count--;
    memmove(&nodes->excluded[index],
            &nodes->excluded[index + 1],
            (nodes->excluded_count - index) * sizeof(nodes->excluded[0]));
}

void tide_webhdfs_nodes_exclude(struct tide_webhdfs_nodes *nodes,
                                const struct tide_webhdfs_url *url,
                                struct tide_monotonic now)
{
    const struct tide_webhdfs_node *node = find(nodes, url);
    struct tide_webhdfs_excluded made = {.until = {now.ns + EXCLUDED_S * INT64_C(1000000000)}};
    keep(made.address,
         node != NULL && node->data[0] != '\0' ? tide_view_of(node->data) : url->host);
    for (uint32_t i = nodes->excluded_count; i > 0; i--) {
        if (strcmp(nodes->excluded[i - 1].address, made.address) == 0) {
            drop_excluded(nodes, i - 1);
        }
    }
    if (nodes->excluded_count == TIDE_WEBHDFS_EXCLUDED_MAX) {
        drop_excluded(nodes, 0);
    }
    nodes->excluded[nodes->excluded_count++] = made;
}

void tide_webhdfs_nodes_forgive(struct tide_webhdfs_nodes *nodes)
{
    nodes->excluded_count = 0;
}

void tide_webhdfs_nodes_write_excluded(struct tide_webhdfs_nodes *nodes,
                                       struct tide_monotonic now,
                                       struct tide_bytes *query)
{
    while (nodes->excluded_count > 0 && nodes->excluded[0].until.ns <= now.ns) {
        drop_excluded(nodes, 0); /* the oldest comes first */
    }
    for (uint32_t i = 0; i < nodes->excluded_count; i++) {
        tide_bytes_append_text(query, i == 0 ? "&excludedatanodes=" : ",");
        tide_http_encode(tide_view_of(nodes->excluded[i].address), query);
    }
}
