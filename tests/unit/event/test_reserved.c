/* Goal: what no column may be called, and what the presets call theirs. Method: samples from each
 * end of the sorted tables (binary search would miss words that are out of order). */
#include "event/reserved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_words(void **state)
{
    (void)state;
    static const char *const reserved[] = {"all",
                                           "analyse",
                                           "and",
                                           "current_date",
                                           "end",
                                           "from",
                                           "group",
                                           "left",
                                           "order",
                                           "select",
                                           "time",
                                           "user",
                                           "where",
                                           "with",
                                           "within"};
    static const char *const free_names[] = {
        "a",      "b",       "n",        "x",    "g",    "id",     "kind",   "at_",
        "who_",   "page",    "os",       "unit", "type", "action", "target", "region",
        "client", "channel", "duration", "wit",  "",     "aal",    "zz",     "platform"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        assert_true(tide_reserved_word(tide_view_of(reserved[i])));
    }
    for (size_t i = 0; i < sizeof free_names / sizeof *free_names; i++) {
        assert_false(tide_reserved_word(tide_view_of(free_names[i])));
        assert_false(tide_reserved_lake_name(tide_view_of(free_names[i])));
    }
}

static void test_lake_names(void **state)
{
    (void)state;
    static const char *const names[] = {"event_time",
                                        "received_time",
                                        "sent_time",
                                        "uid_high",
                                        "uid_low",
                                        "payload",
                                        "event_date",
                                        "received_date",
                                        "reason",
                                        "pointer",
                                        "detail",
                                        "source",
                                        "bytes"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(tide_reserved_lake_name(tide_view_of(names[i])));
    }
    assert_false(tide_reserved_lake_name(TIDE_VIEW("device_time")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_lake_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
