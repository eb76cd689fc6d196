/* Goal: a derived value is that of the first glob that matches, else the default or null, however
 * often and in whatever order the words come. Method: many words, which share the places where
 * they are remembered, in several orders, against the globs themselves. */
#include "decode/derive.h"

#include "event/glob.h"
#include "support/schema_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/banned.h"

static const char schema_yaml[] =
    "name: t\nentity: who\nid: mid\ntime: at_\n"
    "columns: {mid: {path: mid}, who: {path: who}, at_: {path: at, type: time_ms, required: "
    "true},\n"
    "  g: {from: mid, map: [{'*.app': one}, {'[!x]*': two}], default: three},\n"
    "  h: {from: who, map: [{'w?': short}]}}\n";

enum {
    G = 3,
    H = 4,
};

static void check(struct tide_deriver *deriver, struct tide_batch *batch, const char *word)
{
    const struct tide_view view = tide_view_of(word);
    batch->row_count = 1;
    batch->columns[0].present[0] = 1;
    batch->columns[0].strings[0] = view;
    batch->columns[1] = batch->columns[0];
    tide_derive(deriver, batch, 0);
    const char *expected = tide_glob_match(TIDE_VIEW("*.app"), view)   ? "one"
                           : tide_glob_match(TIDE_VIEW("[!x]*"), view) ? "two"
                                                                       : "three";
    assert_true(batch->columns[G].present[0] == 1);
    assert_true(tide_view_equal(batch->columns[G].strings[0], tide_view_of(expected)));
    const bool is_short = tide_glob_match(TIDE_VIEW("w?"), view);
    assert_int_equal(batch->columns[H].present[0], is_short);
    assert_true(!is_short || tide_view_equal(batch->columns[H].strings[0], TIDE_VIEW("short")));
}

static void test_words(void **state)
{
    (void)state;
    struct schema_text text;
    struct tide_batch *batch = NULL;
    struct tide_deriver deriver;
    assert_non_null(schema_text_load(&text, schema_yaml));
    assert_int_equal(tide_batch_create(text.schema, 1, &batch, NULL), TIDE_OK);
    assert_int_equal(tide_deriver_init(&deriver, text.schema), TIDE_OK);
    const struct tide_vector who = batch->columns[1];
    static const char *const words[] = {"",
                                        "x",
                                        "w1",
                                        "w2",
                                        "prod.app",
                                        "prod.web",
                                        "x.app",
                                        "xx",
                                        "a word that is longer than what is remembered of one.app"};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            check(&deriver, batch, words[i]);
            check(&deriver, batch, words[i]);
        }
        for (int i = 0; i < 500; i++) {
            char word[32];
            snprintf(
                word, sizeof word, "%c%d%s", i % 2 == 0 ? 'x' : 'y', i % 97, i % 3 ? "" : ".app");
            check(&deriver, batch, word);
        }
    }
    batch->columns[0].present[0] = 0;
    batch->columns[1].present[0] = 0;
    tide_derive(&deriver, batch, 0);
    assert_int_equal(batch->columns[G].present[0], 0); /* a default is for a word, not for none */
    batch->columns[1] = who;
    tide_deriver_release(&deriver);
    tide_batch_destroy(batch);
    schema_text_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
