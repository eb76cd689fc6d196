/* tidemark lake: what lies where, and what an operator does with it. */
#include "base/assert.h"
#include "base/civil.h"
#include "base/diagnostic.h"
#include "cli/lake_session.h"
#include "cli/listing.h"
#include "lake/expiry.h"
#include "lake/vacuum.h"
#include "process/lake_audit.h"
#include "process/promises.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct lake {
    struct tide_lake_session session;
    struct tide_listing listing;
    const char *file; /* of the configuration, or NULL */
};

static enum tide_exit failed(enum tide_status status, const struct tide_error *error)
{
    return tide_fail(tide_exit_of(status), "%s", error->text);
}

static const char *table_name(const struct lake *lake, int table)
{
    return lake->session.tools.layouts[table]->name;
}

static void list_date(struct tide_listing *listing, int32_t date_days)
{
    char date[TIDE_CIVIL_TEXT_MAX];
    if (date_days == TIDE_DATE_UNKNOWN) {
        tide_listing_null(listing);
        return;
    }
    const size_t size = tide_civil_format_date(date_days, date);
    tide_listing_text(listing, (struct tide_view){date, size});
}

/* ---- what lies where */

static const char *const zones[TIDE_TABLE_ALL_COUNT] = {
    [TIDE_TABLE_EVENTS] = "processed",
    [TIDE_TABLE_REJECTED] = "processed",
    [TIDE_TABLE_JOURNEYS] = "processed",
    [TIDE_TABLE_RAW] = "raw",
    [TIDE_TABLE_METRICS] = "historical",
};

static const struct tide_listing_column overview_columns[] = {
    {"table", false},
    {"zone", false},
    {"rows", false},
    {"bytes", true},
    {"files", false},
    {"small_files", false},
    {"oldest_day", false},
    {"newest_day", false},
    {"expired_rows", false},
    {"kept_from", false},
    {"version", false},
    {"location", false},
};

struct overview {
    uint64_t small_bytes; /* a file below it is small */
    uint64_t rows;
    uint64_t bytes;
    uint64_t files;
    uint64_t small_files;
    int32_t oldest_days;
    int32_t newest_days;
    bool has_all_rows;
};

static enum tide_status see_file(void *context, const struct tide_delta_entry *entry)
{
    struct overview *overview = context;
    overview->rows += entry->row_count;
    overview->has_all_rows = overview->has_all_rows && entry->has_row_count;
    overview->bytes += entry->size;
    overview->files++;
    overview->small_files += entry->size < overview->small_bytes;
    if (entry->date_days != TIDE_DATE_UNKNOWN) {
        const bool is_first = overview->oldest_days == TIDE_DATE_UNKNOWN;
        overview->oldest_days = is_first || entry->date_days < overview->oldest_days
                                    ? entry->date_days
                                    : overview->oldest_days;
        overview->newest_days = is_first || entry->date_days > overview->newest_days
                                    ? entry->date_days
                                    : overview->newest_days;
    }
    return TIDE_OK;
}

static void list_overview(struct lake *lake,
                          int table,
                          const struct overview *overview,
                          const struct tide_expired *expired,
                          int64_t version)
{
    struct tide_listing *listing = &lake->listing;
    struct tide_bytes location = {0};
    uint64_t expired_rows = 0;
    for (uint32_t i = 0; i < expired->partition_count; i++) {
        expired_rows += expired->partitions[i].rows;
    }
    tide_bytes_append_view(&location, tide_bytes_view(&lake->session.url));
    tide_bytes_append_format(&location, "/%s", table_name(lake, table));
    tide_listing_begin(listing);
    tide_listing_text(listing, tide_view_of(table_name(lake, table)));
    tide_listing_text(listing, tide_view_of(zones[table]));
    if (overview->has_all_rows) {
        tide_listing_number(listing, overview->rows);
    } else {
        tide_listing_null(listing);
    }
    tide_listing_number(listing, overview->bytes);
    tide_listing_number(listing, overview->files);
    tide_listing_number(listing, overview->small_files);
    list_date(listing, overview->oldest_days);
    list_date(listing, overview->newest_days);
    tide_listing_number(listing, expired_rows);
    list_date(listing, expired->before_days);
    if (version < 0) {
        tide_listing_null(listing);
    } else {
        tide_listing_number(listing, (uint64_t)version);
    }
    tide_listing_text(listing, tide_bytes_view(&location));
    tide_listing_end(listing);
    tide_bytes_release(&location);
}

static enum tide_status look_at(struct lake *lake, int table, struct tide_error *error)
{
    struct tide_delta *delta = NULL;
    struct tide_arena arena = {0};
    struct tide_expired expired = {.before_days = TIDE_DATE_UNKNOWN};
    struct overview overview = {.small_bytes = lake->session.config.compact_target / 2,
                                .oldest_days = TIDE_DATE_UNKNOWN,
                                .newest_days = TIDE_DATE_UNKNOWN,
                                .has_all_rows = true};
    struct tide_delta_options options =
        tide_lake_tools_table(&lake->session.tools, (enum tide_table)table);
    options.keeps_files = true;
    tide_arena_init(&arena, UINT64_C(256) << 20);
    enum tide_status status = tide_delta_open(&options, &delta, error);
    if (status == TIDE_OK) {
        status = tide_delta_entries(delta, (struct tide_delta_visitor){see_file, &overview}, error);
    }
    if (status == TIDE_OK) {
        status = tide_expired_read(options.store, options.layout, delta, &arena, &expired, error);
    }
    if (status == TIDE_OK) {
        list_overview(lake, table, &overview, &expired, tide_delta_version(delta));
    }
    tide_delta_close(delta);
    tide_arena_release(&arena);
    return status;
}

static enum tide_exit show(struct lake *lake)
{
    struct tide_error error = {0};
    enum tide_status status = TIDE_OK;
    tide_listing_init(&lake->listing,
                      lake->session.format,
                      overview_columns,
                      sizeof(overview_columns) / sizeof(overview_columns[0]));
    for (int t = 0; status == TIDE_OK && t < TIDE_TABLE_ALL_COUNT; t++) {
        if (lake->session.tables[t]) {
            status = look_at(lake, t, &error);
        }
    }
    return status == TIDE_OK ? tide_listing_finish(&lake->listing) : failed(status, &error);
}

/* ---- days that leave */

static const struct tide_listing_column leaving_columns[] = {
    {"table", false},
    {"before", false},
    {"days", false},
    {"files", false},
    {"bytes", true},
    {"rows", false},
};

struct leaving { /* of a table */
    int32_t days;
    uint64_t files;
    uint64_t bytes;
    uint64_t rows;
};

static void tell_leaving(const struct lake *lake,
                         int table,
                         const struct tide_expiry_step *step,
                         const char *verb)
{
    char first[TIDE_CIVIL_TEXT_MAX];
    char last[TIDE_CIVIL_TEXT_MAX];
    (void)tide_civil_format_date(step->first_days, first);
    (void)tide_civil_format_date(step->end_days - 1, last);
    tide_lake_progress(table_name(lake, table),
                       "%s .. %s: %" PRIu64 " rows in %" PRIu64 " files %s%s",
                       first,
                       last,
                       step->rows,
                       step->files,
                       verb,
                       step->is_lost ? ": not yet, another writer changed them" : "");
}

static enum tide_status leave(const struct lake *lake,
                              int table,
                              const struct tide_expiry_options *options,
                              struct leaving *leaving,
                              struct tide_error *error)
{
    enum {
        LOST_MAX = 10
    };
    struct tide_expiry_step step = {0};
    enum tide_status status = TIDE_OK;
    int lost = 0;
    while (status == TIDE_OK && !step.is_idle && lost < LOST_MAX) {
        status = tide_expire(options, &step, error);
        if (status == TIDE_OK && !step.is_idle) {
            tell_leaving(lake, table, &step, options->archive != NULL ? "moved" : "removed");
            lost += step.is_lost;
        }
        if (status == TIDE_OK && !step.is_idle && !step.is_lost) {
            leaving->days += step.end_days - step.first_days;
            leaving->files += step.files;
            leaving->bytes += step.bytes;
            leaving->rows += step.rows;
        }
    }
    return status;
}

static void list_leaving(struct lake *lake,
                         int table,
                         int32_t before_days,
                         const struct leaving *leaving)
{
    tide_listing_begin(&lake->listing);
    tide_listing_text(&lake->listing, tide_view_of(table_name(lake, table)));
    list_date(&lake->listing, before_days);
    tide_listing_number(&lake->listing, (uint64_t)leaving->days);
    tide_listing_number(&lake->listing, leaving->files);
    tide_listing_number(&lake->listing, leaving->bytes);
    tide_listing_number(&lake->listing, leaving->rows);
    tide_listing_end(&lake->listing);
}

/* Of each table the day before which its days leave: --before or --older for all that are named, or
 * what the configuration keeps. UNKNOWN: nothing leaves. */
static enum tide_exit borders(const struct lake *lake, int32_t days[TIDE_TABLE_ALL_COUNT])
{
    const struct tide_lake_session *session = &lake->session;
    const struct tide_instant now = tide_clock_now(tide_clock_os());
    int32_t given = TIDE_DATE_UNKNOWN;
    bool is_given = false;
    if (!tide_lake_session_before(session->invocation, &given, &is_given)) {
        return TIDE_EXIT_USAGE;
    }
    if (is_given && tide_invocation_count(session->invocation, "--table") == 0) {
        return tide_fail(TIDE_EXIT_USAGE, "say of which tables: --table events ...");
    }
    if (is_given && given > tide_days_of(now)) {
        return tide_fail(TIDE_EXIT_USAGE, "that day is not over yet");
    }
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT; t++) {
        const struct tide_duration keep =
            tide_lake_tools_keep(&session->config, (enum tide_table)t);
        days[t] = TIDE_DATE_UNKNOWN;
        if (session->tables[t] && is_given) {
            days[t] = given;
        } else if (session->tables[t] && keep.us > 0) {
            days[t] = (int32_t)tide_days_of((struct tide_instant){now.us - keep.us});
        }
    }
    return TIDE_EXIT_OK;
}

static enum tide_exit remove_days(struct lake *lake, struct tide_store archive)
{
    struct tide_error error = {0};
    int32_t days[TIDE_TABLE_ALL_COUNT];
    enum tide_status status = TIDE_OK;
    const enum tide_exit exit = borders(lake, days);
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    tide_listing_init(&lake->listing,
                      lake->session.format,
                      leaving_columns,
                      sizeof(leaving_columns) / sizeof(leaving_columns[0]));
    for (int t = 0; status == TIDE_OK && t < TIDE_TABLE_ALL_COUNT; t++) {
        struct leaving leaving = {0};
        if (days[t] == TIDE_DATE_UNKNOWN) {
            continue;
        }
        struct tide_delta_options target =
            tide_lake_tools_table(&lake->session.tools, (enum tide_table)t);
        target.store = archive;
        const struct tide_expiry_options options = {
            .table = tide_lake_tools_table(&lake->session.tools, (enum tide_table)t),
            .rewriter = lake->session.tools.rewriter,
            .before_days = days[t],
            .archive = archive.operations == NULL ? NULL : &target};
        status = leave(lake, t, &options, &leaving, &error);
        list_leaving(lake, t, days[t], &leaving);
    }
    return status == TIDE_OK ? tide_listing_finish(&lake->listing) : failed(status, &error);
}

static enum tide_exit expire(struct lake *lake)
{
    return remove_days(lake, (struct tide_store){0});
}

static enum tide_exit archive(struct lake *lake)
{
    struct tide_lake_place place = {0};
    struct tide_error error = {0};
    const char *to = tide_invocation_text(lake->session.invocation, "--to", NULL);
    if (to == NULL) {
        return tide_fail(TIDE_EXIT_USAGE, "archive needs --to URL: another place for the days");
    }
    if (strcmp(to, tide_bytes_terminated(&lake->session.url)) == 0) {
        return tide_fail(TIDE_EXIT_USAGE, "--to is the lake itself");
    }
    const struct tide_lake_place_options options = {.config = &lake->session.config,
                                                    .url = tide_view_of(to)};
    const enum tide_status status = tide_lake_place_open(&options, &place, &error);
    const enum tide_exit exit =
        status == TIDE_OK ? remove_days(lake, place.store) : failed(status, &error);
    tide_lake_place_close(&place);
    return exit;
}

/* ---- files that nobody names */

static const struct tide_listing_column vacuum_columns[] = {
    {"table", false},
    {"files", false},
    {"bytes", true},
    {"kept_young", false},
};

static enum tide_status vacuum_table(struct lake *lake,
                                     int table,
                                     struct tide_duration older,
                                     const struct tide_promises *promises,
                                     struct tide_error *error)
{
    struct tide_promised promised = {promises, (enum tide_table)table};
    struct tide_vacuum_report report;
    const struct tide_vacuum_options options = {
        .table = tide_lake_tools_table(&lake->session.tools, (enum tide_table)table),
        .older = older,
        .is_dry = tide_invocation_has(lake->session.invocation, "--dry-run"),
        .is_promised = tide_promised_has,
        .context = &promised};
    const enum tide_status status = tide_vacuum(&options, &report, error);
    if (status == TIDE_OK) {
        tide_listing_begin(&lake->listing);
        tide_listing_text(&lake->listing, tide_view_of(table_name(lake, table)));
        tide_listing_number(&lake->listing, report.files);
        tide_listing_number(&lake->listing, report.bytes);
        tide_listing_number(&lake->listing, report.kept_young);
        tide_listing_end(&lake->listing);
    }
    return status;
}

static enum tide_exit vacuum(struct lake *lake)
{
    struct tide_error error = {0};
    struct tide_promises *promises = NULL;
    struct tide_duration older = lake->session.config.vacuum_after;
    const char *text = tide_invocation_text(lake->session.invocation, "--older", NULL);
    if (text != NULL && (!tide_duration_parse(tide_view_of(text), &older) ||
                         older.us < INT64_C(3600000000) * TIDE_VACUUM_HOURS_MIN)) {
        return tide_fail(TIDE_EXIT_USAGE,
                         "--older %s is not a duration of at least 1h: who is writing a file, or "
                         "reading one, needs it",
                         text);
    }
    tide_listing_init(&lake->listing,
                      lake->session.format,
                      vacuum_columns,
                      sizeof(vacuum_columns) / sizeof(vacuum_columns[0]));
    enum tide_status status = tide_promises_read(
        lake->session.place.store, lake->session.tools.identity.partition_count, &promises, &error);
    for (int t = 0; status == TIDE_OK && t < TIDE_TABLE_ALL_COUNT; t++) {
        if (lake->session.tables[t]) {
            status = vacuum_table(lake, t, older, promises, &error);
        }
    }
    tide_promises_destroy(promises);
    return status == TIDE_OK ? tide_listing_finish(&lake->listing) : failed(status, &error);
}

/* ---- whether it is whole */

static const struct tide_listing_column check_columns[] = {
    {"table", false},
    {"files", false},
    {"bytes", true},
    {"rows", false},
    {"expired_rows", false},
    {"unnamed_files", false},
    {"problems", false},
};

static void print_problem(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "problem: %s\n", text);
}

static void print_progress(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

static enum tide_exit check(struct lake *lake)
{
    struct tide_error error = {0};
    struct tide_lake_audit_report report;
    struct tide_lake_audit_options options = {
        .rewriter = lake->session.tools.rewriter,
        .identity = lake->session.tools.identity,
        .skips_rows = tide_invocation_has(lake->session.invocation, "--quick"),
        .problem = print_problem,
        .progress = print_progress};
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT; t++) {
        options.tables[t] = tide_lake_tools_table(&lake->session.tools, (enum tide_table)t);
    }
    const enum tide_status status = tide_lake_audit(&options, &report, &error);
    if (status != TIDE_OK) {
        return failed(status, &error);
    }
    tide_listing_init(&lake->listing,
                      lake->session.format,
                      check_columns,
                      sizeof(check_columns) / sizeof(check_columns[0]));
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT; t++) {
        const struct tide_lake_audit_table *table = &report.tables[t];
        tide_listing_begin(&lake->listing);
        tide_listing_text(&lake->listing, tide_view_of(table_name(lake, t)));
        tide_listing_number(&lake->listing, table->files);
        tide_listing_number(&lake->listing, table->bytes);
        if (options.skips_rows) {
            tide_listing_null(&lake->listing);
        } else {
            tide_listing_number(&lake->listing, table->rows);
        }
        tide_listing_number(&lake->listing, table->expired);
        tide_listing_number(&lake->listing, table->unnamed);
        tide_listing_number(&lake->listing, table->problems);
        tide_listing_end(&lake->listing);
    }
    fprintf(stderr,
            "%" PRIu64 " manifests, %" PRIu64 " commits still to be made, %" PRIu64
            " problems: the lake is %s\n",
            report.manifests,
            report.pending,
            report.problems,
            report.problems == 0 ? "whole" : "NOT whole");
    const enum tide_exit exit = tide_listing_finish(&lake->listing);
    return exit == TIDE_EXIT_OK && report.problems > 0 ? TIDE_EXIT_CHECK_FAILED : exit;
}

/* ---- the command */

static const struct {
    const char *name;
    enum tide_exit (*run)(struct lake *lake);
} actions[] = {
    {"show", show},
    {"check", check},
    {"expire", expire},
    {"archive", archive},
    {"vacuum", vacuum},
};
enum {
    ACTION_COUNT = sizeof(actions) / sizeof(actions[0])
};

/* ACTION, FILE, both or neither: a file has a point or a slash in its name. */
static enum tide_exit find_action(const struct tide_invocation *invocation,
                                  struct lake *lake,
                                  enum tide_exit (**action)(struct lake *lake))
{
    struct tide_view words[ACTION_COUNT];
    const char *word = invocation->operand_count > 0 ? invocation->operands[0] : "show";
    *action = show;
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        words[i] = tide_view_of(actions[i].name);
        if (strcmp(word, actions[i].name) == 0) {
            *action = actions[i].run;
            lake->file = invocation->operand_count > 1 ? invocation->operands[1] : NULL;
            return TIDE_EXIT_OK;
        }
    }
    if (invocation->operand_count == 1 && strpbrk(word, "./") != NULL) {
        lake->file = word;
        return TIDE_EXIT_OK;
    }
    const struct tide_view nearest = tide_nearest(tide_view_of(word), words, ACTION_COUNT);
    if (nearest.size > 0) {
        return tide_fail(TIDE_EXIT_USAGE,
                         "lake has no '%s'; did you mean '%.*s'?",
                         word,
                         TIDE_VIEW_ARGUMENTS(nearest));
    }
    return tide_fail(
        TIDE_EXIT_USAGE, "lake has no '%s', but show, check, expire, archive, vacuum", word);
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    static struct lake lake; /* large, and there is one */
    enum tide_exit (*action)(struct lake *lake) = NULL;
    enum tide_exit exit = find_action(invocation, &lake, &action);
    if (exit == TIDE_EXIT_OK) {
        exit = tide_lake_session_open(invocation, lake.file, &lake.session);
    }
    if (exit == TIDE_EXIT_OK) {
        exit = action(&lake);
    }
    tide_listing_release(&lake.listing);
    tide_lake_session_close(&lake.session);
    return exit;
}

static const struct tide_option options[] = {
    TIDE_LAKE_SESSION_OPTIONS,
    {"--before", NULL, "DATE", "expire, archive: days before this one, of the tables named"},
    {"--older", NULL, "DURATION", "likewise days older than 400d; vacuum: files"},
    {"--to", NULL, "URL", "archive: the other lake"},
    {"--dry-run", NULL, NULL, "vacuum: only count"},
    {"--quick", NULL, NULL, "check: do not read the data files"},
};

const struct tide_command tide_command_lake = {
    .name = "lake",
    .summary = "what lies in the lake; check it, move or remove old days, delete unnamed files",
    .operands = "[show|check|expire|archive|vacuum] [FILE]",
    .examples = "  tidemark lake --preset sunbird                 what lies where\n"
                "  tidemark lake check tidemark.yaml              is it whole?\n"
                "  tidemark lake expire tidemark.yaml             what lake.keep says, now\n"
                "  tidemark lake expire --preset device --table rejected --older 14d\n"
                "  tidemark lake archive tidemark.yaml --table events --older 90d --to "
                "file:/cold/lake\n"
                "  tidemark lake vacuum tidemark.yaml --dry-run   files that no table names\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 2,
    .run = run,
};
