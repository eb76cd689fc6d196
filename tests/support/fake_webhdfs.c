#include "support/fake_webhdfs.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FILES_MAX = 512,
    HEAD_MAX = 16 << 10,
    SERVERS = FAKE_NAMENODES + FAKE_DATANODES
};

struct file {
    char *path; /* NULL: free */
    struct tide_bytes data;
    int64_t modified_ms;
};

struct server {
    struct fake_webhdfs *fake;
    int index; /* NameNodes first */
    int listener;
    uint16_t port;
    pthread_t thread;
    bool is_running;
};

struct fake_webhdfs {
    pthread_mutex_t mutex;
    struct server servers[SERVERS];
    char namenodes[64];
    char data_addresses[FAKE_DATANODES][32];
    struct file files[FILES_MAX];
    int next_node;
    struct fake_webhdfs_script script;
    struct fake_webhdfs_seen seen;
};

struct request {
    char method[8];
    char target[4096]; /* as sent */
    char path[2048];   /* decoded, behind /webhdfs/v1 */
    const char *query;
    struct tide_bytes body;
};

/* ---- reading a request */

static int hex(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void decode(const char *text, size_t size, char *into, size_t into_size)
{
    size_t used = 0;
    for (size_t i = 0; i < size && used + 1 < into_size; i++) {
        const bool is_escape = text[i] == '%' && i + 2 < size;
        into[used++] = is_escape ? (char)(hex(text[i + 1]) * 16 + hex(text[i + 2])) : text[i];
        i += is_escape ? 2 : 0;
    }
    into[used] = '\0';
}

/* false: it is not there; then into is "". */
static bool parameter(const struct request *request, const char *name, char *into, size_t into_size)
{
    const size_t name_size = strlen(name);
    const char *at = request->query;
    into[0] = '\0';
    while (at != NULL) {
        const size_t size = strcspn(at, "&");
        if (size > name_size && strncmp(at, name, name_size) == 0 && at[name_size] == '=') {
            decode(at + name_size + 1, size - name_size - 1, into, into_size);
            return true;
        }
        at = at[size] == '&' ? at + size + 1 : NULL;
    }
    return false;
}

static bool read_request(int fd, struct request *request)
{
    char head[HEAD_MAX + 1];
    size_t size = 0;
    char *end = NULL;
    while (end == NULL) {
        const ssize_t got = size < HEAD_MAX ? recv(fd, head + size, HEAD_MAX - size, 0) : -1;
        if (got <= 0) {
            return false;
        }
        size += (size_t)got;
        head[size] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    const char *length = strcasestr(head, "\r\ncontent-length:");
    const size_t body_size = length == NULL ? 0 : (size_t)strtoull(length + 17, NULL, 10);
    const size_t start = (size_t)(end - head) + 4;
    tide_bytes_append(&request->body, head + start, size - start);
    tide_assert(tide_bytes_reserve(&request->body, body_size + 1));
    while (request->body.size < body_size) {
        const ssize_t got =
            recv(fd, request->body.data + request->body.size, body_size - request->body.size, 0);
        if (got <= 0) {
            return false;
        }
        request->body.size += (size_t)got;
    }
    static const char prefix[] = "/webhdfs/v1";
    const size_t method_size = strcspn(head, " ");
    const char *target = head + method_size + (head[method_size] == ' ');
    const size_t target_size = strcspn(target, " \r");
    if (method_size >= sizeof(request->method) || target_size >= sizeof(request->target)) {
        return false;
    }
    memcpy(request->method, head, method_size);
    memcpy(request->target, target, target_size);
    const size_t path_size = strcspn(request->target, "?");
    const size_t skipped =
        strncmp(request->target, prefix, sizeof(prefix) - 1) == 0 ? sizeof(prefix) - 1 : 0;
    decode(request->target + skipped, path_size - skipped, request->path, sizeof(request->path));
    request->query = request->target[path_size] == '?' ? request->target + path_size + 1 : NULL;
    return true;
}

/* ---- answering */

static void send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        data += sent;
        size -= (size_t)sent;
    }
}

static void reply(int fd, int status, const char *headers, struct tide_view body)
{
    char head[HEAD_MAX];
    const int size = snprintf(head,
                              sizeof(head),
                              "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n",
                              status,
                              body.size,
                              headers);
    send_all(fd, head, (size_t)size);
    send_all(fd, body.data, body.size);
}

static void reply_text(int fd, int status, const char *text)
{
    reply(fd, status, "Content-Type: application/json\r\n", tide_view_of(text));
}

static void reply_exception(int fd, int status, const char *exception, const char *message)
{
    char text[1024];
    (void)snprintf(text,
                   sizeof(text),
                   "{\"RemoteException\":{\"exception\":\"%s\",\"javaClassName\":\"x.%s\","
                   "\"message\":\"%s\\n\\tat org.apache.hadoop.Secret(Secret.java:1)\"}}",
                   exception,
                   exception,
                   message);
    reply_text(fd, status, text);
}

static void reply_missing(int fd, const struct request *request)
{
    (void)request;
    reply_exception(fd, 404, "FileNotFoundException", "File does not exist");
}

/* ---- files; under the lock */

static struct file *find(struct fake_webhdfs *fake, const char *path)
{
    for (int i = 0; i < FILES_MAX; i++) {
        if (fake->files[i].path != NULL && strcmp(fake->files[i].path, path) == 0) {
            return &fake->files[i];
        }
    }
    return NULL;
}

static bool is_folder(const struct fake_webhdfs *fake, const char *path)
{
    const size_t size = strcmp(path, "/") == 0 ? 0 : strlen(path);
    for (int i = 0; i < FILES_MAX; i++) {
        const char *other = fake->files[i].path;
        if (other != NULL && strncmp(other, path, size) == 0 && other[size] == '/') {
            return true;
        }
    }
    return false;
}

static void drop(struct file *file)
{
    free(file->path);
    tide_bytes_release(&file->data);
    *file = (struct file){0};
}

static void store(struct fake_webhdfs *fake, const char *path, struct tide_view data)
{
    struct file *file = find(fake, path);
    for (int i = 0; file == NULL && i < FILES_MAX; i++) {
        file = fake->files[i].path == NULL ? &fake->files[i] : NULL;
    }
    tide_assert(file != NULL);
    free(file->path);
    file->path = strdup(path);
    file->modified_ms = tide_clock_now(tide_clock_os()).us / 1000;
    tide_bytes_reset(&file->data);
    tide_bytes_append_view(&file->data, data);
}

static bool take(int *count)
{
    const bool is_left = *count > 0;
    *count -= is_left;
    return is_left;
}

/* ---- NameNode */

static void answer_status(struct fake_webhdfs *fake, int fd, const struct request *request)
{
    char text[256];
    const struct file *file = find(fake, request->path);
    if (file == NULL && !is_folder(fake, request->path) && strcmp(request->path, "/") != 0) {
        reply_missing(fd, request);
        return;
    }
    (void)snprintf(text,
                   sizeof(text),
                   "{\"FileStatus\":{\"length\":%zu,\"modificationTime\":%" PRId64
                   ",\"pathSuffix\":\"\",\"type\":\"%s\"}}",
                   file == NULL ? 0 : file->data.size,
                   file == NULL ? 0 : file->modified_ms,
                   file == NULL ? "DIRECTORY" : "FILE");
    reply_text(fd, 200, text);
}

struct name {
    char text[512];
    const struct file *file; /* NULL: a folder */
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* The names directly below a folder, sorted, each once. */
static int collect_names(const struct fake_webhdfs *fake, const char *folder, struct name *names)
{
    const size_t size = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    int count = 0;
    for (int i = 0; i < FILES_MAX; i++) {
        const char *path = fake->files[i].path;
        if (path == NULL || strncmp(path, folder, size) != 0 || path[size] != '/') {
            continue;
        }
        const char *rest = path + size + 1;
        const size_t name_size = strcspn(rest, "/");
        struct name name = {.file = rest[name_size] == '/' ? NULL : &fake->files[i]};
        (void)snprintf(name.text, sizeof(name.text), "%.*s", (int)name_size, rest);
        bool is_known = false;
        for (int k = 0; k < count; k++) {
            is_known = is_known || strcmp(names[k].text, name.text) == 0;
        }
        if (!is_known) {
            names[count++] = name;
        }
    }
    qsort(names, (size_t)count, sizeof(names[0]), compare_names);
    return count;
}

static void answer_list(struct fake_webhdfs *fake, int fd, const struct request *request)
{
    static struct name names[FILES_MAX]; /* under the lock */
    char after[512];
    struct tide_bytes text = {0};
    if (!is_folder(fake, request->path)) {
        reply_missing(fd, request);
        return;
    }
    (void)parameter(request, "startAfter", after, sizeof(after));
    const int count = collect_names(fake, request->path, names);
    int first = 0;
    while (first < count && strcmp(names[first].text, after) <= 0) {
        first++;
    }
    const int end = first + FAKE_PAGE < count ? first + FAKE_PAGE : count;
    tide_bytes_append_text(
        &text, "{\"DirectoryListing\":{\"partialListing\":{\"FileStatuses\":{\"FileStatus\":[");
    for (int i = first; i < end; i++) {
        const struct file *file = names[i].file;
        tide_bytes_append_text(&text, i > first ? ",{\"pathSuffix\":" : "{\"pathSuffix\":");
        tide_json_write_string(&text, tide_view_of(names[i].text));
        tide_bytes_append_format(&text,
                                 ",\"type\":\"%s\",\"length\":%zu,\"modificationTime\":%" PRId64
                                 "}",
                                 file == NULL ? "DIRECTORY" : "FILE",
                                 file == NULL ? 0 : file->data.size,
                                 file == NULL ? 0 : file->modified_ms);
    }
    tide_bytes_append_format(&text, "]}},\"remainingEntries\":%d}}", count - end);
    reply(fd, 200, "", tide_bytes_view(&text));
    tide_bytes_release(&text);
}

static void answer_rename(struct fake_webhdfs *fake, int fd, const struct request *request)
{
    char to[2048];
    char options[32];
    (void)parameter(request, "destination", to, sizeof(to));
    const bool overwrites = parameter(request, "renameoptions", options, sizeof(options));
    struct file *from = find(fake, request->path);
    struct file *target = find(fake, to);
    if (from != NULL && take(&fake->script.ignore_renames)) {
        drop(from);
        from = NULL;
    }
    if (from == NULL && overwrites) {
        reply_missing(fd, request);
        return;
    }
    const bool is_done = from != NULL && (target == NULL || overwrites);
    if (is_done && target != NULL) {
        drop(target);
    }
    if (is_done) {
        free(from->path);
        from->path = strdup(to);
    }
    if (!is_done || !take(&fake->script.lose_renames)) {
        reply_text(fd,
                   200,
                   overwrites ? ""
                   : is_done  ? "{\"boolean\":true}"
                              : "{\"boolean\":false}");
    }
}

static void answer_delete(struct fake_webhdfs *fake, int fd, const struct request *request)
{
    struct file *file = find(fake, request->path);
    const bool is_there = file != NULL;
    if (is_there) {
        drop(file);
    }
    if (!is_there || !take(&fake->script.lose_deletes)) {
        reply_text(fd, 200, is_there ? "{\"boolean\":true}" : "{\"boolean\":false}");
    }
}

static void answer_redirect(struct fake_webhdfs *fake,
                            int fd,
                            const struct request *request,
                            const char *operation)
{
    char header[HEAD_MAX / 2];
    char address[32];
    int node = -1;
    (void)parameter(request, "excludedatanodes", fake->seen.excluded, sizeof(fake->seen.excluded));
    if (strcmp(operation, "OPEN") == 0 && find(fake, request->path) == NULL) {
        reply_missing(fd, request);
        return;
    }
    for (int i = 0; i < FAKE_DATANODES && node < 0; i++) {
        const int one = (fake->next_node + i) % FAKE_DATANODES;
        node = strstr(fake->seen.excluded, fake->data_addresses[one]) == NULL ? one : -1;
    }
    if (node < 0) {
        reply_exception(fd, 403, "IOException", "Failed to find datanode");
        return;
    }
    fake->next_node = node + 1;
    (void)snprintf(
        address, sizeof(address), "127.0.0.1:%u", fake->servers[FAKE_NAMENODES + node].port);
    const char *to = fake->script.redirect_to;
    (void)snprintf(header,
                   sizeof(header),
                   "Location: %s%s%s\r\n",
                   to != NULL && strstr(to, "://") != NULL ? "" : "http://",
                   to == NULL ? address : to,
                   request->target);
    reply(fd, 307, header, (struct tide_view){0});
}

static void answer_nodes(struct fake_webhdfs *fake, int fd)
{
    char text[1024];
    char *at = text;
    fake->seen.lists++;
    if (fake->script.has_no_list) {
        reply_text(fd, 200, "{\"beans\":[]}");
        return;
    }
    at += snprintf(at, sizeof(text), "{\"beans\":[{\"name\":\"NameNodeInfo\",\"LiveNodes\":\"{");
    for (int i = 0; i < FAKE_DATANODES; i++) {
        at += snprintf(at,
                       256,
                       "%s\\\"node%d.example:%d\\\":{\\\"infoAddr\\\":\\\"127.0.0.1:%u\\\","
                       "\\\"infoSecureAddr\\\":\\\"127.0.0.1:0\\\",\\\"xferaddr\\\":\\\"%s\\\"}",
                       i > 0 ? "," : "",
                       i,
                       9866 + i,
                       fake->servers[FAKE_NAMENODES + i].port,
                       fake->data_addresses[i]);
    }
    (void)snprintf(at, 16, "}\"}]}");
    reply_text(fd, 200, text);
}

static void answer_namenode(struct fake_webhdfs *fake, int index, int fd, struct request *request)
{
    struct fake_webhdfs_script *script = &fake->script;
    char operation[32];
    if (strcmp(request->path, "/jmx") == 0) {
        answer_nodes(fake, fd);
        return;
    }
    fake->seen.questions++;
    (void)parameter(request, "op", operation, sizeof(operation));
    (void)parameter(request, "user.name", fake->seen.user, sizeof(fake->seen.user));
    if (script->is_standby[index]) {
        fake->seen.standby_asked++;
        reply_exception(fd, 403, "StandbyException", "Operation is not supported in state standby");
    } else if ((script->refuse_operation == NULL ||
                strcmp(script->refuse_operation, operation) == 0) &&
               take(&script->refuse_count)) {
        reply_exception(fd, 403, script->exception, "told by the script");
    } else if (script->is_gibberish && strcmp(operation, "CREATE") != 0) {
        reply_text(fd, 200, "<html>");
    } else if (strcmp(operation, "GETFILESTATUS") == 0) {
        answer_status(fake, fd, request);
    } else if (strcmp(operation, "LISTSTATUS_BATCH") == 0) {
        answer_list(fake, fd, request);
    } else if (strcmp(operation, "RENAME") == 0) {
        answer_rename(fake, fd, request);
    } else if (strcmp(operation, "DELETE") == 0) {
        answer_delete(fake, fd, request);
    } else if (strcmp(operation, "CREATE") == 0 || strcmp(operation, "OPEN") == 0) {
        answer_redirect(fake, fd, request, operation);
    } else {
        reply_exception(fd, 400, "IllegalArgumentException", "no such op");
    }
}

/* ---- DataNode */

static void take_upload(struct fake_webhdfs *fake, int fd, const struct request *request)
{
    struct tide_view data = tide_bytes_view(&request->body);
    const bool is_cut = take(&fake->script.cut_uploads);
    if (is_cut || take(&fake->script.short_uploads)) {
        data.size /= 2;
    }
    store(fake, request->path, data);
    if (!is_cut) {
        reply(fd, 201, "", (struct tide_view){0});
    }
}

static void give_download(struct fake_webhdfs *fake, int fd, const struct request *request)
{
    char text[32];
    char head[128];
    const struct file *file = find(fake, request->path);
    (void)parameter(request, "offset", text, sizeof(text));
    const size_t offset = (size_t)strtoull(text, NULL, 10);
    if (take(&fake->script.refuse_downloads)) {
        reply_exception(fd, 403, fake->script.exception, "told by the script");
        return;
    }
    if (file == NULL || offset > file->data.size) {
        reply_missing(fd, request);
        return;
    }
    const struct tide_view rest =
        tide_view_slice(tide_bytes_view(&file->data), offset, file->data.size - offset);
    if (take(&fake->script.unmeasured_downloads)) {
        (void)snprintf(head, sizeof(head), "HTTP/1.0 200 X\r\nConnection: close\r\n\r\n");
        send_all(fd, head, strlen(head));
        send_all(fd, rest.data, rest.size / 2);
    } else if (take(&fake->script.cut_downloads)) {
        (void)snprintf(
            head, sizeof(head), "HTTP/1.1 200 X\r\nContent-Length: %zu\r\n\r\n", rest.size);
        send_all(fd, head, strlen(head));
        send_all(fd, rest.data, rest.size / 2);
    } else {
        reply(fd, 200, "", rest);
    }
}

static void answer_datanode(struct fake_webhdfs *fake, int node, int fd, struct request *request)
{
    char operation[32];
    fake->seen.transfers++;
    (void)parameter(request, "op", operation, sizeof(operation));
    if (fake->script.is_mute[node]) {
        return;
    }
    if (strcmp(operation, "CREATE") == 0) {
        take_upload(fake, fd, request);
    } else {
        give_download(fake, fd, request);
    }
}

/* ---- servers */

static void *serve(void *argument)
{
    struct server *server = argument;
    struct fake_webhdfs *fake = server->fake;
    for (;;) {
        const int fd = accept(server->listener, NULL, NULL);
        if (fd < 0) {
            return NULL; /* shut down */
        }
        struct request request = {0};
        if (read_request(fd, &request)) {
            (void)pthread_mutex_lock(&fake->mutex);
            if (server->index < FAKE_NAMENODES) {
                answer_namenode(fake, server->index, fd, &request);
            } else {
                answer_datanode(fake, server->index - FAKE_NAMENODES, fd, &request);
            }
            (void)pthread_mutex_unlock(&fake->mutex);
        }
        tide_bytes_release(&request.body);
        (void)close(fd);
    }
}

static void start_server(struct fake_webhdfs *fake, int index)
{
    struct server *server = &fake->servers[index];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    *server = (struct server){.fake = fake, .index = index, .is_running = true};
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tide_assert(server->listener >= 0);
    tide_assert(bind(server->listener, (const struct sockaddr *)&address, size) == 0);
    tide_assert(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0);
    tide_assert(listen(server->listener, 64) == 0);
    server->port = ntohs(address.sin_port);
    tide_assert(pthread_create(&server->thread, NULL, serve, server) == 0);
}

static void stop_server(struct server *server)
{
    if (server->is_running) {
        (void)shutdown(server->listener, SHUT_RDWR);
        (void)pthread_join(server->thread, NULL);
        (void)close(server->listener);
        server->is_running = false;
    }
}

struct fake_webhdfs *fake_webhdfs_start(void)
{
    struct fake_webhdfs *fake = calloc(1, sizeof(*fake));
    tide_assert(fake != NULL && pthread_mutex_init(&fake->mutex, NULL) == 0);
    for (int i = 0; i < FAKE_DATANODES; i++) { /* before there is a thread that reads them */
        (void)snprintf(
            fake->data_addresses[i], sizeof(fake->data_addresses[i]), "127.0.0.1:%d", 40001 + i);
    }
    for (int i = SERVERS - 1; i >= 0; i--) {
        start_server(fake, i);
    }
    (void)snprintf(fake->namenodes,
                   sizeof(fake->namenodes),
                   "127.0.0.1:%u,127.0.0.1:%u",
                   fake->servers[0].port,
                   fake->servers[1].port);
    return fake;
}

void fake_webhdfs_stop(struct fake_webhdfs *fake)
{
    for (int i = 0; i < SERVERS; i++) {
        stop_server(&fake->servers[i]);
    }
    for (int i = 0; i < FILES_MAX; i++) {
        drop(&fake->files[i]);
    }
    (void)pthread_mutex_destroy(&fake->mutex);
    free(fake);
}

const char *fake_webhdfs_namenodes(const struct fake_webhdfs *fake)
{
    return fake->namenodes;
}

const char *fake_webhdfs_node_data_address(const struct fake_webhdfs *fake, int node)
{
    return fake->data_addresses[node];
}

void fake_webhdfs_kill_node(struct fake_webhdfs *fake, int node)
{
    stop_server(&fake->servers[FAKE_NAMENODES + node]);
}

struct fake_webhdfs_script fake_webhdfs_script(struct fake_webhdfs *fake)
{
    (void)pthread_mutex_lock(&fake->mutex);
    const struct fake_webhdfs_script script = fake->script;
    (void)pthread_mutex_unlock(&fake->mutex);
    return script;
}

void fake_webhdfs_set_script(struct fake_webhdfs *fake, const struct fake_webhdfs_script *script)
{
    (void)pthread_mutex_lock(&fake->mutex);
    fake->script = *script;
    (void)pthread_mutex_unlock(&fake->mutex);
}

struct fake_webhdfs_seen fake_webhdfs_seen(struct fake_webhdfs *fake)
{
    (void)pthread_mutex_lock(&fake->mutex);
    const struct fake_webhdfs_seen seen = fake->seen;
    (void)pthread_mutex_unlock(&fake->mutex);
    return seen;
}

int fake_webhdfs_file_count(struct fake_webhdfs *fake)
{
    int count = 0;
    (void)pthread_mutex_lock(&fake->mutex);
    for (int i = 0; i < FILES_MAX; i++) {
        count += fake->files[i].path != NULL;
    }
    (void)pthread_mutex_unlock(&fake->mutex);
    return count;
}

void fake_webhdfs_put(struct fake_webhdfs *fake, const char *path, const char *text)
{
    (void)pthread_mutex_lock(&fake->mutex);
    store(fake, path, tide_view_of(text));
    (void)pthread_mutex_unlock(&fake->mutex);
}
