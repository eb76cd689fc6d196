#include "cli/demo_screen.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    NUMBER_TEXT_MAX = 32,
    VERSIONS_SHOWN = 12
};
static const char default_address[] = "127.0.0.1:8080";
static const char bold[] = "\033[1m";
static const char dim[] = "\033[2m";
static const char accent[] = "\033[1;36m";
static const char plain[] = "\033[0m";

static void color(struct tide_demo_screen *screen, const char *code)
{
    if (screen->has_colors) {
        tide_bytes_append_text(&screen->text, code);
    }
}

static void colored(struct tide_demo_screen *screen, const char *code, const char *text)
{
    color(screen, code);
    tide_bytes_append_text(&screen->text, text);
    color(screen, plain);
}

/* 1234567 as 1,234,567. */
static const char *grouped(uint64_t number, char *text)
{
    char digits[NUMBER_TEXT_MAX];
    const int size = snprintf(digits, sizeof(digits), "%" PRIu64, number);
    int used = 0;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) {
            text[used++] = ',';
        }
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

static void append_elapsed(struct tide_bytes *text, struct tide_duration elapsed)
{
    const int64_t seconds = elapsed.us / 1000000;
    tide_bytes_append_format(text, "%3" PRId64 ":%02" PRId64, seconds / 60, seconds % 60);
}

void tide_demo_screen_clear(struct tide_demo_screen *screen)
{
    if (screen->has_status) {
        tide_bytes_append_text(&screen->text, "\r\033[K");
    }
    screen->has_status = false;
}

void tide_demo_screen_address(struct tide_demo_screen *screen,
                              const char *url,
                              const char *folder,
                              bool is_kept)
{
    static const char line[] = "  ==================================================\n";
    tide_demo_screen_clear(screen);
    tide_bytes_append_text(&screen->text, "\n");
    colored(screen, accent, line);
    colored(screen, bold, "   Open   ");
    tide_bytes_append_text(&screen->text, "  ");
    color(screen, accent);
    tide_bytes_append_format(&screen->text, "%s/", url);
    color(screen, plain);
    tide_bytes_append_text(&screen->text, "\n");
    colored(screen, accent, line);
    tide_bytes_append_format(&screen->text,
                             "\n  Ctrl-C ends it, with a summary. Data is in %s, which %s.\n\n",
                             folder,
                             is_kept ? "stays" : "is removed at the end (--keep keeps it)");
}

void tide_demo_screen_remark(struct tide_demo_screen *screen, const char *remark)
{
    tide_demo_screen_clear(screen);
    tide_bytes_append_text(&screen->text, "                   ");
    colored(screen, dim, remark);
    tide_bytes_append_byte(&screen->text, '\n');
}

void tide_demo_screen_beat(struct tide_demo_screen *screen,
                           struct tide_duration elapsed,
                           enum tide_story_beat beat,
                           const char *sentence,
                           const char *where)
{
    struct tide_bytes remark = {0};
    tide_demo_screen_clear(screen);
    append_elapsed(&screen->text, elapsed);
    tide_bytes_append_text(&screen->text, "   ");
    color(screen, bold);
    tide_bytes_append_format(&screen->text, "%-10s", tide_story_beat_name(beat));
    color(screen, plain);
    tide_bytes_append_format(&screen->text, "%s\n", sentence);
    screen->is_told[beat] = true;
    tide_bytes_append_format(&remark, "-> %s", where);
    tide_demo_screen_remark(screen, tide_bytes_terminated(&remark));
    tide_bytes_release(&remark);
}

static void append_rate(struct tide_bytes *text, int width, const struct tide_demo_version *version)
{
    const uint64_t permille = tide_demo_rate_permille(version);
    tide_bytes_append_format(
        text, "%*" PRIu64 ".%" PRIu64 " %%", width, permille / 10, permille % 10);
}

static void append_status(struct tide_bytes *text,
                          struct tide_duration elapsed,
                          const struct tide_demo_plot *plot,
                          const struct tide_demo_facts *facts)
{
    char n[5][NUMBER_TEXT_MAX];
    const struct tide_ledger *ledger = &facts->ledger;
    const struct tide_demo_version *worst = tide_demo_facts_worst(facts);
    append_elapsed(text, elapsed);
    tide_bytes_append_format(text,
                             "   %s events, %s/s; %s late, %s twice, %s rejected",
                             grouped(ledger->verdicts, n[0]),
                             grouped(facts->events_per_second, n[1]),
                             grouped(ledger->late_hot + ledger->late_cold, n[2]),
                             grouped(ledger->duplicate, n[3]),
                             grouped(tide_ledger_rejected(ledger), n[4]));
    if (worst != NULL) {
        tide_bytes_append_format(text, "; highest %s, of %s: ", plot->rate_words, worst->name);
        append_rate(text, 0, worst);
    }
}

void tide_demo_screen_status(struct tide_demo_screen *screen,
                             struct tide_duration elapsed,
                             const struct tide_demo_plot *plot,
                             const struct tide_demo_facts *facts)
{
    struct tide_bytes line = {0};
    tide_demo_screen_clear(screen);
    append_status(&line, elapsed, plot, facts);
    if (screen->is_terminal && screen->width > 0 && line.size >= screen->width) {
        line.size = screen->width - 1;
    }
    colored(screen, dim, tide_bytes_terminated(&line));
    if (screen->is_terminal) {
        screen->has_status = true;
    } else {
        tide_bytes_append_byte(&screen->text, '\n');
    }
    tide_bytes_release(&line);
}

/* ---- the end */

static void begin_row(struct tide_demo_screen *screen, const char *key)
{
    color(screen, bold);
    tide_bytes_append_format(&screen->text, "  %-12s", key);
    color(screen, plain);
}

/* Of what goes wrong in the story, what was told, or what was not. */
static bool append_beats(struct tide_demo_screen *screen, bool is_told, const char *begin)
{
    const size_t size = screen->text.size;
    for (int beat = TIDE_STORY_RELEASE; beat < TIDE_STORY_BEATS; beat++) {
        if (screen->is_told[beat] == is_told) {
            tide_bytes_append_format(
                &screen->text, "%s%s", begin, tide_story_beat_name((enum tide_story_beat)beat));
            begin = ", ";
        }
    }
    return screen->text.size > size;
}

static void append_rejected(struct tide_demo_screen *screen, const struct tide_ledger *ledger)
{
    char n[NUMBER_TEXT_MAX];
    const char *separator = ": ";
    tide_bytes_append_text(&screen->text, grouped(tide_ledger_rejected(ledger), n));
    for (int r = 0; r < TIDE_REASON_COUNT; r++) {
        if (ledger->rejected[r] > 0) {
            tide_bytes_append_format(&screen->text,
                                     "%s%s %s",
                                     separator,
                                     tide_reason_name((enum tide_reason)r),
                                     grouped(ledger->rejected[r], n));
            separator = ", ";
        }
    }
    tide_bytes_append_byte(&screen->text, '\n');
}

/* Of many versions those that most were seen with are shown. */
static void append_versions(struct tide_demo_screen *screen,
                            const struct tide_demo_plot *plot,
                            const struct tide_demo_facts *facts)
{
    char n[NUMBER_TEXT_MAX];
    const char *key = plot->rate_words;
    for (uint32_t i = 0; i < facts->version_count; i++) {
        const struct tide_demo_version *version = &facts->versions[i];
        uint32_t larger = 0;
        for (uint32_t k = 0; k < facts->version_count; k++) {
            larger += facts->versions[k].seen > version->seen ||
                      (facts->versions[k].seen == version->seen && k < i);
        }
        if (larger < VERSIONS_SHOWN) {
            begin_row(screen, key);
            tide_bytes_append_format(&screen->text, "%-8s ", version->name);
            append_rate(&screen->text, 2, version);
            tide_bytes_append_format(
                &screen->text, " of %s %s\n", grouped(version->seen, n), plot->actors);
            key = "";
        }
    }
}

void tide_demo_screen_summary(struct tide_demo_screen *screen,
                              struct tide_duration elapsed,
                              const struct tide_demo_plot *plot,
                              const struct tide_demo_facts *facts,
                              const char *proof)
{
    char n[3][NUMBER_TEXT_MAX];
    const struct tide_ledger *ledger = &facts->ledger;
    tide_demo_screen_clear(screen);
    color(screen, bold);
    tide_bytes_append_format(&screen->text,
                             "\nWhat happened in %" PRId64 ":%02" PRId64 "\n\n",
                             elapsed.us / 60000000,
                             elapsed.us / 1000000 % 60);
    color(screen, plain);
    begin_row(screen, "story");
    append_beats(screen, false, append_beats(screen, true, "") ? "; not yet: " : "not yet: ");
    tide_bytes_append_byte(&screen->text, '\n');
    begin_row(screen, "processed");
    tide_bytes_append_format(&screen->text,
                             "%s = %s on time + %s late, none dropped\n",
                             grouped(ledger->processed, n[0]),
                             grouped(ledger->on_time, n[1]),
                             grouped(ledger->late_hot + ledger->late_cold, n[2]));
    begin_row(screen, "duplicates");
    tide_bytes_append_format(
        &screen->text, "%s, each counted once\n", grouped(ledger->duplicate, n[0]));
    begin_row(screen, "rejected");
    append_rejected(screen, ledger);
    begin_row(screen, "ledger");
    tide_bytes_append_format(&screen->text,
                             "%s verdicts = processed + duplicates + rejected: %s\n",
                             grouped(ledger->verdicts, n[0]),
                             facts->holds ? "holds" : "DOES NOT HOLD");
    begin_row(screen, "peak");
    tide_bytes_append_format(
        &screen->text, "%s events/s\n", grouped(facts->events_per_second_max, n[0]));
    append_versions(screen, plot, facts);
    begin_row(screen, "proof");
    tide_bytes_append_format(&screen->text, "%s\n", proof);
}

/* As the shell reads it. */
static void append_word(struct tide_bytes *text, const char *word)
{
    static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "_-./:=,+@%";
    if (word[0] != '\0' && strspn(word, harmless) == strlen(word)) {
        tide_bytes_append_text(text, word);
        return;
    }
    tide_bytes_append_byte(text, '\'');
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '\'') {
            tide_bytes_append_text(text, "'\\''");
        } else {
            tide_bytes_append_byte(text, *c);
        }
    }
    tide_bytes_append_byte(text, '\'');
}

static void append_words(struct tide_bytes *text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        tide_bytes_append_byte(text, ' ');
        append_word(text, words[i]);
    }
}

static void begin_command(struct tide_demo_screen *screen,
                          const struct tide_demo_commands *commands,
                          const char *const *words)
{
    tide_bytes_append_text(&screen->text, "  ");
    append_word(&screen->text, commands->program);
    append_words(&screen->text, words);
}

/* commented with why one would. */
static void end_command(struct tide_demo_screen *screen, const char *comment)
{
    tide_bytes_append_text(&screen->text, "   ");
    color(screen, dim);
    tide_bytes_append_format(&screen->text, "# %s", comment);
    color(screen, plain);
    tide_bytes_append_byte(&screen->text, '\n');
}

void tide_demo_screen_commands(struct tide_demo_screen *screen,
                               const struct tide_demo_plot *plot,
                               const struct tide_demo_commands *commands)
{
    struct tide_bytes file = {0};
    const bool is_kept = commands->folder != NULL;
    const char *folder = is_kept ? commands->folder : "./tidemark-demo";
    const char *address = commands->url + strlen("http://");
    const char *server = strcmp(address, default_address) == 0 ? NULL : "--server";
    const char *listen = server == NULL ? NULL : "--listen";
    tide_assert(strncmp(commands->url, "http://", strlen("http://")) == 0);
    tide_bytes_append_format(&file, "%s/demo.yaml", folder);
    const char *definitions = tide_bytes_terminated(&file);
    const char *const run_kept[] = {"run", definitions, "--data", folder, listen, address, NULL};
    const char *const run_new[] = {
        "run", "--preset", plot->name, "--data", folder, listen, address, NULL};
    const char *const generate[] = {"generate",
                                    "--preset",
                                    plot->name,
                                    "--rate",
                                    "0",
                                    "--count",
                                    "2000",
                                    "--to",
                                    commands->url,
                                    NULL};
    const char *const query[] = {"query", plot->query, server, commands->url, NULL};
    const char *const verify[] = {"verify", server, commands->url, NULL};
    const char *const sql_kept[] = {"sql", "-c", definitions, "--data", folder, plot->sql, NULL};
    const char *const sql_new[] = {
        "sql", "--preset", plot->name, "--data", folder, plot->sql, NULL};

    color(screen, bold);
    tide_bytes_append_text(&screen->text, "\nBy hand\n\n");
    color(screen, plain);
    begin_command(screen, commands, is_kept ? run_kept : run_new);
    tide_bytes_append_text(&screen->text, " &");
    end_command(screen, is_kept ? "the service, with all that it knew" : "the service");
    begin_command(screen, commands, generate);
    end_command(screen, "events, some of them late, twice or broken; --story for this story");
    begin_command(screen, commands, query);
    end_command(screen, "a number, live");
    begin_command(screen, commands, verify);
    end_command(screen, "every number again, from the lake");
    begin_command(screen, commands, is_kept ? sql_kept : sql_new);
    end_command(screen, "the lake is Parquet and Delta");
    tide_bytes_append_format(&screen->text, "  curl -s %s/api/v1/ledger", commands->url);
    end_command(screen, "the API; /docs describes it");
    tide_bytes_append_text(&screen->text, "  kill %1");
    end_command(screen, "drains and stops");
    tide_bytes_append_byte(&screen->text, '\n');
    tide_bytes_release(&file);
}
