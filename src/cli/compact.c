/* tidemark compact: what the service does when it is quiet, until nothing is left to do. It may run
 * beside a service: whoever commits first has the files, the other finds that they are gone. */
#include "base/civil.h"
#include "cli/lake_session.h"
#include "cli/listing.h"
#include "lake/compaction.h"

#include <inttypes.h>

enum {
    LOST_MAX = 100 /* steps that another writer was faster with */
};

struct total { /* of a table */
    uint64_t steps;
    uint64_t files_before;
    uint64_t files_after;
    uint64_t bytes_before;
    uint64_t bytes_after;
    uint64_t rows;
    uint64_t rows_dropped;
};

static void add(struct total *total, const struct tide_compaction_step *step)
{
    total->steps++;
    total->files_before += step->files_before;
    total->files_after += step->files_after;
    total->bytes_before += step->bytes_before;
    total->bytes_after += step->bytes_after;
    total->rows += step->rows_after;
    total->rows_dropped += step->rows_before - step->rows_after;
}

static void tell(const char *table, const struct tide_compaction_step *step)
{
    char date[TIDE_CIVIL_TEXT_MAX] = "without a date";
    char before[24];
    char after[24];
    if (step->date_days != TIDE_DATE_UNKNOWN) {
        (void)tide_civil_format_date(step->date_days, date);
    }
    tide_size_format(step->bytes_before, before);
    tide_size_format(step->bytes_after, after);
    tide_lake_progress(table,
                       "%s: %" PRIu32 " files, %s -> %" PRIu32 ", %s%s",
                       date,
                       step->files_before,
                       before,
                       step->files_after,
                       after,
                       step->is_lost ? " (another writer was faster)" : "");
}

static enum tide_status compact_table(struct tide_lake_session *session,
                                      enum tide_table table,
                                      struct total *total,
                                      struct tide_error *error)
{
    struct tide_compactor *compactor = NULL;
    struct tide_compaction_step step = {0};
    struct tide_compaction_options options;
    int lost = 0;
    tide_compaction_options_default(&options, table);
    options.table = tide_lake_tools_table(&session->tools, table);
    options.rewriter = session->tools.rewriter;
    options.target_bytes = session->config.compact_target;
    if (table != TIDE_TABLE_METRICS) {
        options.files_min = (uint32_t)session->config.compact_files;
    }
    enum tide_status status = tide_compactor_open(&options, &compactor, error);
    while (status == TIDE_OK && !step.is_idle && lost < LOST_MAX) {
        status = tide_compactor_step(compactor, &step, error);
        if (status == TIDE_OK && !step.is_idle) {
            tell(options.table.layout->name, &step);
            lost += step.is_lost;
        }
        if (status == TIDE_OK && !step.is_idle && !step.is_lost) {
            add(total, &step);
        }
    }
    tide_compactor_close(compactor);
    return status;
}

static const struct tide_listing_column columns[] = {
    {"table", false},
    {"steps", false},
    {"files_before", false},
    {"files_after", false},
    {"bytes_before", true},
    {"bytes_after", true},
    {"rows", false},
    {"rows_dropped", false},
};

static enum tide_exit compact_all(struct tide_lake_session *session, struct tide_listing *listing)
{
    struct tide_error error = {0};
    enum tide_status status = TIDE_OK;
    for (int t = 0; status == TIDE_OK && t < TIDE_TABLE_ALL_COUNT; t++) {
        struct total total = {0};
        if (!session->tables[t]) {
            continue;
        }
        status = compact_table(session, (enum tide_table)t, &total, &error);
        tide_listing_begin(listing);
        tide_listing_text(listing, tide_view_of(session->tools.layouts[t]->name));
        tide_listing_number(listing, total.steps);
        tide_listing_number(listing, total.files_before);
        tide_listing_number(listing, total.files_after);
        tide_listing_number(listing, total.bytes_before);
        tide_listing_number(listing, total.bytes_after);
        tide_listing_number(listing, total.rows);
        tide_listing_number(listing, total.rows_dropped);
        tide_listing_end(listing);
    }
    return status == TIDE_OK ? TIDE_EXIT_OK : tide_fail(tide_exit_of(status), "%s", error.text);
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    static struct tide_lake_session session; /* large, and there is one */
    struct tide_listing listing = {0};
    const char *file = invocation->operand_count > 0 ? invocation->operands[0] : NULL;
    enum tide_exit exit = tide_lake_session_open(invocation, file, &session);
    if (exit == TIDE_EXIT_OK) {
        tide_listing_init(&listing, session.format, columns, sizeof(columns) / sizeof(columns[0]));
        exit = compact_all(&session, &listing);
    }
    if (exit == TIDE_EXIT_OK) {
        exit = tide_listing_finish(&listing);
    }
    tide_listing_release(&listing);
    tide_lake_session_close(&session);
    return exit;
}

static const struct tide_option options[] = {
    TIDE_LAKE_SESSION_OPTIONS,
};

const struct tide_command tide_command_compact = {
    .name = "compact",
    .summary = "merge the small files of the lake; of metrics drop what newer runs computed again",
    .operands = "[FILE]",
    .examples = "  tidemark compact --preset sunbird\n"
                "  tidemark compact tidemark.yaml --table events --set lake.compact.files=2\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1,
    .run = run,
};
