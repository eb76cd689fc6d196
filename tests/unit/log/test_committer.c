/* Goal: with real threads every append that was taken is told once and is in the log, appenders
 * that were sent away come through by asking again, and a failed log ends acknowledgement.
 * Method: many appending threads on a segment log with real files and a tiny limit, a reader thread
 * beside them; also run under ThreadSanitizer. The failing log is a small stub. Threads wait for
 * conditions, never for time. */
#include "log/committer.h"

#include "log/segment.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    THREADS = 6,
    APPENDS = 60,
    PARTITIONS = 2
};

struct appender {
    pthread_t thread;
    struct tide_committer *committer;
    uint32_t number;
    uint32_t again_count;
};

/* One append on its way; its thread waits until done was called. */
struct ticket {
    pthread_mutex_t mutex;
    pthread_cond_t done;
    uint32_t done_count;
    enum tide_status status;
};

static _Atomic uint32_t synced_count;
static _Atomic uint32_t failed_count;
static _Atomic bool is_over;
static _Atomic uint32_t told_count;

static void synced(void *context, enum tide_status status, const struct tide_error *error)
{
    (void)context;
    (void)error;
    atomic_fetch_add(status == TIDE_OK ? &synced_count : &failed_count, 1);
}

static void done(void *context, enum tide_status status, const struct tide_error *error)
{
    struct ticket *ticket = context;
    (void)error;
    pthread_mutex_lock(&ticket->mutex);
    ticket->done_count++;
    ticket->status = status;
    pthread_cond_signal(&ticket->done);
    pthread_mutex_unlock(&ticket->mutex);
    atomic_fetch_add(&told_count, 1);
}

/* Appends one record and waits for its verdict. AGAIN is asked again. */
static enum tide_status append_one(struct appender *appender, uint32_t i)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "%u/%u", appender->number, i);
    struct ticket ticket = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, TIDE_AGAIN};
    struct tide_log_record record = {.text = {text, (size_t)size}};
    struct tide_log_batch batch = {
        .partition = appender->number % PARTITIONS, .records = &record, .record_count = 1};
    struct tide_log_receipt receipt = {0};
    struct tide_log_append append = {.batches = &batch,
                                     .batch_count = 1,
                                     .receipts = &receipt,
                                     .done = done,
                                     .context = &ticket};
    enum tide_status status = TIDE_AGAIN;
    while (status == TIDE_AGAIN) {
        status = tide_committer_append(appender->committer, &append, NULL);
        appender->again_count += status == TIDE_AGAIN;
    }
    if (status == TIDE_OK) {
        pthread_mutex_lock(&ticket.mutex);
        while (ticket.done_count == 0) {
            pthread_cond_wait(&ticket.done, &ticket.mutex);
        }
        status = ticket.status;
        pthread_mutex_unlock(&ticket.mutex);
    }
    return status;
}

static void *append_all(void *argument)
{
    struct appender *appender = argument;
    for (uint32_t i = 0; i < APPENDS; i++) {
        enum tide_status status = append_one(appender, i);
        if (status != TIDE_OK) {
            return appender;
        }
    }
    return NULL;
}

/* Follows one partition until all is appended; counts, and checks the order of each appender. */
struct reader {
    pthread_t thread;
    struct tide_log log;
    uint32_t partition;
    uint32_t count;
    uint32_t next[THREADS];
};

static void *read_all(void *argument)
{
    struct reader *reader = argument;
    const struct tide_log_operations *operations = reader->log.operations;
    struct tide_log_cursor *cursor = NULL;
    struct tide_log_frame frame;
    if (operations->cursor_open(reader->log.self, reader->partition, 0, &cursor, NULL) != TIDE_OK) {
        return reader;
    }
    bool is_right = true;
    bool was_over = false;
    while (is_right) {
        enum tide_status status = operations->read(cursor, &frame, NULL);
        if (status == TIDE_AGAIN && was_over) {
            break;
        }
        was_over = atomic_load(&is_over); /* one more look after the end */
        for (uint32_t r = 0; status == TIDE_OK && r < frame.record_count; r++) {
            char text[64] = {0};
            char *slash = text;
            memcpy(text, frame.records[r].text.data, frame.records[r].text.size);
            unsigned long number = strtoul(text, &slash, 10);
            is_right = is_right && *slash == '/' && number < THREADS &&
                       strtoul(slash + 1, NULL, 10) == reader->next[number]++;
            reader->count++;
        }
        is_right = is_right && (status == TIDE_OK || status == TIDE_AGAIN);
    }
    operations->cursor_close(cursor);
    return is_right ? NULL : reader;
}

static void remove_name(void *context, const char *name, bool is_directory)
{
    char path[512];
    (void)is_directory;
    snprintf(path, sizeof(path), "%s/%s", (const char *)context, name);
    unlink(path);
}

static void remove_directory(char *directory)
{
    struct tide_io io = tide_io_os();
    assert_int_equal(io.operations->list(io.self, directory, remove_name, directory, NULL),
                     TIDE_OK);
    assert_int_equal(rmdir(directory), 0);
}

static void check_meter(const struct tide_produce_meter *meter)
{
    const struct tide_produce_topic *topic = &meter->topics[0];
    struct tide_histogram_reading elapsed = {0};
    struct tide_histogram_reading syncs = {0};
    tide_histogram_read(&topic->elapsed, &elapsed);
    tide_histogram_read(&meter->syncs, &syncs);
    assert_int_equal(topic->records, THREADS * APPENDS);
    assert_int_equal(topic->bytes, THREADS * (10 * 3 + (APPENDS - 10) * 4)); /* "0/7", "0/42" */
    assert_int_equal(topic->failures, 0);
    assert_int_equal(tide_histogram_count(&elapsed), THREADS * APPENDS);
    assert_int_equal(tide_histogram_count(&syncs), atomic_load(&synced_count));
}

static void run_threads(struct tide_log log, struct tide_duration delay)
{
    struct tide_produce_meter meter = {0};
    struct tide_committer_options options = {.log = log,
                                             .clock = tide_clock_os(),
                                             .commit_delay = delay,
                                             .synced = synced,
                                             .meter = &meter,
                                             .meter_topic =
                                                 tide_produce_meter_topic(&meter, "embedded")};
    struct tide_committer *committer = NULL;
    struct appender appenders[THREADS] = {0};
    struct reader readers[PARTITIONS] = {0};
    void *result = NULL;
    uint32_t again_count = 0;
    atomic_store(&is_over, false);
    atomic_store(&synced_count, 0);
    atomic_store(&told_count, 0);
    assert_int_equal(tide_committer_start(&options, &committer, NULL), TIDE_OK);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        readers[p].log = log;
        readers[p].partition = p;
        assert_int_equal(pthread_create(&readers[p].thread, NULL, read_all, &readers[p]), 0);
    }
    for (uint32_t t = 0; t < THREADS; t++) {
        appenders[t].committer = committer;
        appenders[t].number = t;
        assert_int_equal(pthread_create(&appenders[t].thread, NULL, append_all, &appenders[t]), 0);
    }
    for (uint32_t t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(appenders[t].thread, &result), 0);
        assert_null(result);
        again_count += appenders[t].again_count;
    }
    tide_committer_stop(committer);
    atomic_store(&is_over, true);
    uint32_t count = 0;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(pthread_join(readers[p].thread, &result), 0);
        assert_null(result);
        count += readers[p].count;
    }
    assert_int_equal(count, THREADS * APPENDS);
    assert_int_equal(atomic_load(&told_count), THREADS * APPENDS);
    assert_true(atomic_load(&synced_count) > 0);
    assert_true(again_count > 0);
    assert_int_equal(atomic_load(&failed_count), 0);
    check_meter(&meter);
}

static void test_many_appenders(void **state)
{
    (void)state;
    static const int64_t delays_us[] = {0, 500};
    for (size_t i = 0; i < sizeof(delays_us) / sizeof(delays_us[0]); i++) {
        char directory[] = "/tmp/tide-committer-XXXXXX";
        struct tide_segment_log_options options = tide_segment_log_options_default();
        struct tide_log log = {0};
        assert_non_null(mkdtemp(directory));
        options.io = tide_io_os();
        options.directory = directory;
        options.partition_count = PARTITIONS;
        options.segment_bytes = 4000;
        options.pending_bytes_max = 250; /* two frames wait, the third is sent away */
        assert_int_equal(tide_segment_log_open(&options, &log, NULL), TIDE_OK);
        run_threads(log, (struct tide_duration){delays_us[i]});
        log.operations->close(log.self);
        assert_int_equal(tide_segment_log_open(&options, &log, NULL), TIDE_OK);
        assert_int_equal(log.operations->end(log.self, 0) + log.operations->end(log.self, 1),
                         THREADS * APPENDS);
        log.operations->close(log.self);
        remove_directory(directory);
    }
}

/* ---- a log of which the sync fails ---- */

struct stub {
    pthread_mutex_t mutex;
    struct tide_log_append *waiting;
    enum tide_status sync_status;
    bool is_failed;
};

static enum tide_status stub_append(void *self,
                                    struct tide_log_append *append,
                                    struct tide_error *error)
{
    struct stub *stub = self;
    enum tide_status status = TIDE_OK;
    (void)error;
    pthread_mutex_lock(&stub->mutex);
    if (stub->is_failed) {
        status = TIDE_FATAL;
    } else if (stub->waiting != NULL) {
        status = TIDE_AGAIN;
    } else {
        stub->waiting = append;
    }
    pthread_mutex_unlock(&stub->mutex);
    return status;
}

static enum tide_status stub_sync(void *self, struct tide_error *error)
{
    struct stub *stub = self;
    struct tide_error none = {0};
    pthread_mutex_lock(&stub->mutex);
    enum tide_status status = stub->sync_status;
    struct tide_log_append *append = stub->waiting;
    stub->waiting = NULL;
    stub->is_failed = status == TIDE_FATAL;
    stub->sync_status = TIDE_FATAL; /* the next one */
    pthread_mutex_unlock(&stub->mutex);
    if (append != NULL) {
        append->done(append->context, status, &none);
    }
    return status == TIDE_OK ? status : tide_error_set(error, status, "stub");
}

static size_t stub_pending_bytes(void *self)
{
    struct stub *stub = self;
    pthread_mutex_lock(&stub->mutex);
    size_t size = stub->waiting != NULL;
    pthread_mutex_unlock(&stub->mutex);
    return size;
}

static void test_full_then_failed_log(void **state)
{
    (void)state;
    static const struct tide_log_operations operations = {
        .append = stub_append, .sync = stub_sync, .pending_bytes = stub_pending_bytes};
    struct stub stub = {PTHREAD_MUTEX_INITIALIZER, NULL, TIDE_RETRY, false};
    struct tide_produce_meter meter = {0};
    struct tide_committer_options options = {.log = {&operations, &stub, PARTITIONS},
                                             .clock = tide_clock_os(),
                                             .synced = synced,
                                             .meter = &meter,
                                             .meter_topic =
                                                 tide_produce_meter_topic(&meter, "embedded")};
    struct appender appender = {0};
    atomic_store(&failed_count, 0);
    atomic_store(&synced_count, 0);
    assert_int_equal(tide_committer_start(&options, &appender.committer, NULL), TIDE_OK);
    assert_int_equal(append_one(&appender, 0), TIDE_RETRY); /* full: the thread goes on */
    assert_int_equal(append_one(&appender, 1), TIDE_FATAL);
    assert_int_equal(append_one(&appender, 2), TIDE_FATAL);
    tide_committer_stop(appender.committer);
    assert_int_equal(atomic_load(&failed_count), 1);
    assert_int_equal(atomic_load(&synced_count), 0);
    assert_int_equal(meter.topics[0].failures, 2); /* the third was not taken */
    assert_int_equal(meter.topics[0].records, 0);
    tide_committer_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_appenders),
        cmocka_unit_test(test_full_then_failed_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
