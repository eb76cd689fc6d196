/* Goal: every mistake in a metric is told at its place, all at once; what is right becomes the plan
 * that was meant. What only some kinds have is tested with metric_kind.c.
 * Method: tables of metrics under the fixture's schema, messages compared whole. */
#include "metric/metric_parser.h"

#include "base/timezone.h"
#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

static const struct {
    const char *metric;
    const char *message;
} mistakes[] = {
    {"{count: events}",
     "m.yaml:18:3: error: metric 'm' has no window; write 'every: 1h'\n"
     "  m: {count: events}\n"
     "  ^\n"},
    {"{count: events, every: 7}",
     "m.yaml:18:29: error: '7' is not a window; write a unit: 7m\n"
     "  m: {count: events, every: 7}\n"
     "                            ^\n"},
    {"{count: events, every: 0m}",
     "m.yaml:18:29: error: a window must be longer than '0m'\n"
     "  m: {count: events, every: 0m}\n"
     "                            ^~\n"},
    {"{count: events, every: 0}",
     "m.yaml:18:29: error: a window must be longer than '0'\n"
     "  m: {count: events, every: 0}\n"
     "                            ^\n"},
    {"{count: events, every: 2mo}",
     "m.yaml:18:29: error: '2mo' is not a window; a window of months is 1mo\n"
     "  m: {count: events, every: 2mo}\n"
     "                            ^~~\n"},
    {"{count: events, every: 99999999h}",
     "m.yaml:18:29: error: a window of '99999999h' is longer than 100 years\n"
     "  m: {count: events, every: 99999999h}\n"
     "                            ^~~~~~~~~\n"},
    {"{count: events, every: 1x}",
     "m.yaml:18:29: error: '1x' is not a window; write a number and s, m, h, d or w, or 1mo\n"
     "  m: {count: events, every: 1x}\n"
     "                            ^~\n"},
    {"{count: events, every: [1h]}",
     "m.yaml:18:29: error: 'every' must be a window, such as 1h\n"
     "  m: {count: events, every: [1h]}\n"
     "                            ^\n"},
    {"{count: events, every: }",
     "m.yaml:18:29: error: 'every' must be a window, such as 1h\n"
     "  m: {count: events, every: }\n"
     "                            ^\n"},
    {"{count: events, evry: 1h}",
     "m.yaml:18:3: error: metric 'm' has no window; write 'every: 1h'\n"
     "  m: {count: events, evry: 1h}\n"
     "  ^\n"
     "m.yaml:18:22: error: unknown key 'evry' in metric; did you mean 'every'?\n"
     "  m: {count: events, evry: 1h}\n"
     "                     ^~~~\n"},
    {"{count: user_id, every: 1h}",
     "m.yaml:18:14: error: count takes only 'events'\n"
     "  m: {count: user_id, every: 1h}\n"
     "             ^~~~~~~\n"},
    {"{count: [events], every: 1h}",
     "m.yaml:18:14: error: count takes only 'events'\n"
     "  m: {count: [events], every: 1h}\n"
     "             ^\n"},
    {"{every: 1h}",
     "m.yaml:18:3: error: metric 'm' has no kind; write one of count, distinct, sum, mean, min, "
     "max, quantiles, approx_distinct, sessions, funnel, retention, ratio\n"
     "  m: {every: 1h}\n"
     "  ^\n"},
    {"{count: events, sum: n, every: 1h}",
     "m.yaml:18:22: error: metric 'm' has two kinds, count and sum; keep one\n"
     "  m: {count: events, sum: n, every: 1h}\n"
     "                     ^~~\n"},
    {"{count: events, funnel: {}, every: 1h}",
     "m.yaml:18:22: error: metric 'm' has two kinds, count and funnel; keep one\n"
     "  m: {count: events, funnel: {}, every: 1h}\n"
     "                     ^~~~~~\n"},
    {"{sum: kind, every: 1h}",
     "m.yaml:18:12: error: sum needs an int or decimal column, but 'kind' is string\n"
     "  m: {sum: kind, every: 1h}\n"
     "           ^~~~\n"},
    {"{mean: at_, every: 1h}",
     "m.yaml:18:13: error: mean needs an int or decimal column, but 'at_' is time_ms\n"
     "  m: {mean: at_, every: 1h}\n"
     "            ^~~\n"},
    {"{min: b, every: 1h}",
     "m.yaml:18:12: error: min needs an int, decimal or time column, but 'b' is bool\n"
     "  m: {min: b, every: 1h}\n"
     "           ^\n"},
    {"{max: kind, every: 1h}",
     "m.yaml:18:12: error: max needs an int, decimal or time column, but 'kind' is string\n"
     "  m: {max: kind, every: 1h}\n"
     "           ^~~~\n"},
    {"{sum: m, every: 1h}",
     "m.yaml:18:12: error: unknown column 'm'\n"
     "  m: {sum: m, every: 1h}\n"
     "           ^\n"},
    {"{sum: [n], every: 1h}",
     "m.yaml:18:12: error: 'sum' must be the name of a column\n"
     "  m: {sum: [n], every: 1h}\n"
     "           ^\n"},
    {"{distinct: usr, every: 1h}",
     "m.yaml:18:17: error: unknown column 'usr'\n"
     "  m: {distinct: usr, every: 1h}\n"
     "                ^~~\n"},
    {"{count: events, every: 1h, timezone: UTC}",
     "m.yaml:18:33: error: a window in s, m or h takes no timezone; remove it, or write 'every: "
     "1d'\n"
     "  m: {count: events, every: 1h, timezone: UTC}\n"
     "                                ^~~~~~~~\n"},
    {"{count: events, every: 1h, timezone: Europe/Rome}",
     "m.yaml:18:33: error: a window in s, m or h takes no timezone; remove it, or write 'every: "
     "1d'\n"
     "  m: {count: events, every: 1h, timezone: Europe/Rome}\n"
     "                                ^~~~~~~~\n"},
    {"{count: events, every: 1h, top: 0}",
     "m.yaml:18:38: error: top '0' is not a number of 1..1000000\n"
     "  m: {count: events, every: 1h, top: 0}\n"
     "                                     ^\n"},
    {"{count: events, every: 1h, top: -1}",
     "m.yaml:18:38: error: top '-1' is not a number of 1..1000000\n"
     "  m: {count: events, every: 1h, top: -1}\n"
     "                                     ^~\n"},
    {"{count: events, every: 1h, top: many}",
     "m.yaml:18:38: error: top 'many' is not a number of 1..1000000\n"
     "  m: {count: events, every: 1h, top: many}\n"
     "                                     ^~~~\n"},
    {"{count: events, every: 1h, top: 1000001}",
     "m.yaml:18:38: error: top '1000001' is not a number of 1..1000000\n"
     "  m: {count: events, every: 1h, top: 1000001}\n"
     "                                     ^~~~~~~\n"},
    {"{count: events, every: 1h, top: 99999999999999999999}",
     "m.yaml:18:38: error: top '99999999999999999999' is not a number of 1..1000000\n"
     "  m: {count: events, every: 1h, top: 99999999999999999999}\n"
     "                                     ^~~~~~~~~~~~~~~~~~~~\n"},
    {"{count: events, every: 1h, top: [1]}",
     "m.yaml:18:38: error: 'top' must be a number\n"
     "  m: {count: events, every: 1h, top: [1]}\n"
     "                                     ^\n"},
    {"{count: events, every: 1h, by: a}",
     "m.yaml:18:37: error: 'by' must be a list of columns, such as [a]\n"
     "  m: {count: events, every: 1h, by: a}\n"
     "                                    ^\n"},
    {"{count: events, every: 1h, by: {a: b}}",
     "m.yaml:18:37: error: 'by' must be a list of columns, such as [os, region]\n"
     "  m: {count: events, every: 1h, by: {a: b}}\n"
     "                                    ^\n"},
    {"{count: events, every: 1h, by: [a, kind, a]}",
     "m.yaml:18:47: error: column 'a' stands in 'by' twice\n"
     "  m: {count: events, every: 1h, by: [a, kind, a]}\n"
     "                                              ^\n"},
    {"{count: events, every: 1h, by: [aa, [b], knd]}",
     "m.yaml:18:38: error: unknown column 'aa'\n"
     "  m: {count: events, every: 1h, by: [aa, [b], knd]}\n"
     "                                     ^~\n"
     "m.yaml:18:42: error: 'by' must be a list of columns, such as [os, region]\n"
     "  m: {count: events, every: 1h, by: [aa, [b], knd]}\n"
     "                                         ^\n"
     "m.yaml:18:47: error: unknown column 'knd'; did you mean 'kind'?\n"
     "  m: {count: events, every: 1h, by: [aa, [b], knd]}\n"
     "                                              ^~~\n"},
    {"{count: events, every: 1h, by: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a]}",
     "m.yaml:18:37: error: 'by' has 17 columns; at most 16 are possible\n"
     "  m: {count: events, every: 1h, by: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a]}\n"
     "                                    ^\n"},
    {"{count: events, every: 1h, where: 'a == \"it''s\" and user == \"x\"'}",
     "m.yaml:18:58: error: unknown column 'user'; did you mean 'user_id'?\n"
     "  m: {count: events, every: 1h, where: 'a == \"it''s\" and user == \"x\"'}\n"
     "                                                         ^~~~\n"},
    {"{count: events, every: 1h, where: n > 1 or m < 2}",
     "m.yaml:18:49: error: unknown column 'm'\n"
     "  m: {count: events, every: 1h, where: n > 1 or m < 2}\n"
     "                                                ^\n"},
    {"{count: events, every: 1h, where: [b]}",
     "m.yaml:18:40: error: 'where' must be a condition in quotes, such as 'os == \"ios\"'\n"
     "  m: {count: events, every: 1h, where: [b]}\n"
     "                                       ^\n"},
    {"{count: events, every: 1h, where: }",
     "m.yaml:18:40: error: 'where' must be a condition in quotes, such as 'os == \"ios\"'\n"
     "  m: {count: events, every: 1h, where: }\n"
     "                                       ^\n"},
    {"{count: events, of: n, every: 1h}",
     "m.yaml:18:22: error: 'of' does not go with count; remove it\n"
     "  m: {count: events, of: n, every: 1h}\n"
     "                     ^~\n"},
    {"[count, events]",
     "m.yaml:18:6: error: metric 'm' must be a mapping, such as {count: events, every: 1h}\n"
     "  m: [count, events]\n"
     "     ^\n"},
    {"count",
     "m.yaml:18:6: error: metric 'm' must be a mapping, such as {count: events, every: 1h}\n"
     "  m: count\n"
     "     ^~~~~\n"},
    {"{funnel: 1, evry: 1h, wehre: x}",
     "m.yaml:18:3: error: metric 'm' has no window; write 'every: 1h'\n"
     "  m: {funnel: 1, evry: 1h, wehre: x}\n"
     "  ^\n"
     "m.yaml:18:15: error: 'funnel' must be a mapping, such as {per: [user_id], timeout: 30m, "
     "steps: [{open: '..'}, {buy: '..'}]}\n"
     "  m: {funnel: 1, evry: 1h, wehre: x}\n"
     "              ^\n"
     "m.yaml:18:18: error: unknown key 'evry' in metric; did you mean 'every'?\n"
     "  m: {funnel: 1, evry: 1h, wehre: x}\n"
     "                 ^~~~\n"
     "m.yaml:18:28: error: unknown key 'wehre' in metric; did you mean 'where'?\n"
     "  m: {funnel: 1, evry: 1h, wehre: x}\n"
     "                           ^~~~~\n"},
    {"{sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}",
     "m.yaml:18:12: error: sum needs an int or decimal column, but 'kind' is string\n"
     "  m: {sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}\n"
     "           ^~~~\n"
     "m.yaml:18:25: error: '7' is not a window; write a unit: 7m\n"
     "  m: {sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}\n"
     "                        ^\n"
     "m.yaml:18:36: error: column 'a' stands in 'by' twice\n"
     "  m: {sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}\n"
     "                                   ^\n"
     "m.yaml:18:52: error: 'n' is int and cannot be compared with a string\n"
     "  m: {sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}\n"
     "                                                   ^~~\n"
     "m.yaml:18:62: error: top '0' is not a number of 1..1000000\n"
     "  m: {sum: kind, every: 7, by: [a, a], where: n == \"x\", top: 0}\n"
     "                                                             ^\n"},
    {"{count: events, every: 1d, timezone: }",
     "m.yaml:18:43: error: 'timezone' must be a time zone, such as Europe/Berlin\n"
     "  m: {count: events, every: 1d, timezone: }\n"
     "                                          ^\n"},
    {"{count: events, every: 1d, timezone: [UTC]}",
     "m.yaml:18:43: error: 'timezone' must be a time zone, such as Europe/Berlin\n"
     "  m: {count: events, every: 1d, timezone: [UTC]}\n"
     "                                          ^\n"},
    {"{count: events, every: 1d, timezone: Europe/Atlantis}",
     "m.yaml:18:43: error: time zone Europe/Atlantis: cannot open "
     "/usr/share/zoneinfo/Europe/Atlantis: No such file or directory\n"
     "  m: {count: events, every: 1d, timezone: Europe/Atlantis}\n"
     "                                          ^~~~~~~~~~~~~~~\n"},
    {"{count: events, every: 1d, timezone: europe/berlin}",
     "m.yaml:18:43: error: time zone europe/berlin: cannot open "
     "/usr/share/zoneinfo/europe/berlin: No such file or directory\n"
     "  m: {count: events, every: 1d, timezone: europe/berlin}\n"
     "                                          ^~~~~~~~~~~~~\n"},
    {"{count: events, every: 1d, timezone: ../passwd}",
     "m.yaml:18:43: error: '../passwd' is not the name of a time zone (as Europe/Berlin is one)\n"
     "  m: {count: events, every: 1d, timezone: ../passwd}\n"
     "                                          ^~~~~~~~~\n"},
    {"{count: events, every: 1d, timezone: '+02:00'}",
     "m.yaml:18:43: error: '+02:00' is not the name of a time zone (as Europe/Berlin is one)\n"
     "  m: {count: events, every: 1d, timezone: '+02:00'}\n"
     "                                          ^~~~~~~~\n"},
    {"{count: events, every: 24h, timezone: Europe/Atlantis}",
     "m.yaml:18:34: error: a window in s, m or h takes no timezone; remove it, or write 'every: "
     "1d'\n"
     "  m: {count: events, every: 24h, timezone: Europe/Atlantis}\n"
     "                                 ^~~~~~~~\n"
     "m.yaml:18:44: error: time zone Europe/Atlantis: cannot open "
     "/usr/share/zoneinfo/Europe/Atlantis: No such file or directory\n"
     "  m: {count: events, every: 24h, timezone: Europe/Atlantis}\n"
     "                                           ^~~~~~~~~~~~~~~\n"},
    {"{count: events, every: 1h, over: 7}",
     "m.yaml:18:39: error: '7' is not a window; write a unit: 7m\n"
     "  m: {count: events, every: 1h, over: 7}\n"
     "                                      ^\n"},
    {"{count: events, every: 1h, over: }",
     "m.yaml:18:39: error: 'over' must be a length, such as 28d\n"
     "  m: {count: events, every: 1h, over: }\n"
     "                                      ^\n"},
    {"{count: events, every: 1h, over: [2h]}",
     "m.yaml:18:39: error: 'over' must be a length, such as 28d\n"
     "  m: {count: events, every: 1h, over: [2h]}\n"
     "                                      ^\n"},
    {"{count: events, every: 1h, over: 90m}",
     "m.yaml:18:39: error: 'over: 90m' is not a multiple of 'every'\n"
     "  m: {count: events, every: 1h, over: 90m}\n"
     "                                      ^~~\n"},
    {"{count: events, every: 1h, over: 30m}",
     "m.yaml:18:39: error: 'over: 30m' is not a multiple of 'every'\n"
     "  m: {count: events, every: 1h, over: 30m}\n"
     "                                      ^~~\n"},
    {"{count: events, every: 7h, over: 1d}",
     "m.yaml:18:39: error: 'over: 1d' is not a multiple of 'every'\n"
     "  m: {count: events, every: 7h, over: 1d}\n"
     "                                      ^~\n"},
    {"{count: events, every: 1h, over: 1mo}",
     "m.yaml:18:39: error: 'over: 1mo' is no number of days; write such as 'over: 28d'\n"
     "  m: {count: events, every: 1h, over: 1mo}\n"
     "                                      ^~~\n"},
    {"{count: events, every: 1d, over: 1w}",
     "m.yaml:18:39: error: 'over: 1w' is no number of days; write such as 'over: 28d'\n"
     "  m: {count: events, every: 1d, over: 1w}\n"
     "                                      ^~\n"},
    {"{count: events, every: 1d, over: 48h}",
     "m.yaml:18:39: error: 'over: 48h' is no number of days; write such as 'over: 28d'\n"
     "  m: {count: events, every: 1d, over: 48h}\n"
     "                                      ^~~\n"},
    {"{count: events, every: 2d, over: 4d}",
     "m.yaml:18:39: error: 'over' goes with an 'every' in s, m or h, or with 'every: 1d'\n"
     "  m: {count: events, every: 2d, over: 4d}\n"
     "                                      ^~\n"},
    {"{count: events, every: 1w, over: 4w}",
     "m.yaml:18:39: error: 'over' goes with an 'every' in s, m or h, or with 'every: 1d'\n"
     "  m: {count: events, every: 1w, over: 4w}\n"
     "                                      ^~\n"},
    {"{count: events, every: 1mo, over: 1mo}",
     "m.yaml:18:40: error: 'over' goes with an 'every' in s, m or h, or with 'every: 1d'\n"
     "  m: {count: events, every: 1mo, over: 1mo}\n"
     "                                       ^~~\n"},
    {"{count: events, every: 1s, over: 10001s}",
     "m.yaml:18:39: error: 'over' is 10001 times 'every'; at most 10000 are possible\n"
     "  m: {count: events, every: 1s, over: 10001s}\n"
     "                                      ^~~~~~\n"},
    {"{count: events, every: 1d, over: 99999999999999999999d}",
     "m.yaml:18:39: error: a window of '99999999999999999999d' is longer than 100 years\n"
     "  m: {count: events, every: 1d, over: 99999999999999999999d}\n"
     "                                      ^~~~~~~~~~~~~~~~~~~~~\n"},
    {"{distinct: user_id, having: count() > 2, every: 1d, over: 367d}",
     "m.yaml:18:64: error: 'over' is 367 times 'every'; at most 366 are possible with 'having'\n"
     "  m: {distinct: user_id, having: count() > 2, every: 1d, over: 367d}\n"
     "                                                               ^~~~\n"},
    {"{count: events, every: 7, over: 2x, timezone: Mars}",
     "m.yaml:18:29: error: '7' is not a window; write a unit: 7m\n"
     "  m: {count: events, every: 7, over: 2x, timezone: Mars}\n"
     "                            ^\n"
     "m.yaml:18:38: error: '2x' is not a window; write a number and s, m, h, d or w, or 1mo\n"
     "  m: {count: events, every: 7, over: 2x, timezone: Mars}\n"
     "                                     ^~\n"
     "m.yaml:18:52: error: time zone Mars: cannot open /usr/share/zoneinfo/Mars: No such file or "
     "directory\n"
     "  m: {count: events, every: 7, over: 2x, timezone: Mars}\n"
     "                                                   ^~~~\n"},
    {"{distinct: a, having: count() > 2, every: 1h}",
     "m.yaml:18:20: error: 'having' counts entities; write distinct: user_id\n"
     "  m: {distinct: a, having: count() > 2, every: 1h}\n"
     "                   ^~~~~~\n"},
    {"{distinct: aa, having: count() > 2, every: 1h}",
     "m.yaml:18:17: error: unknown column 'aa'\n"
     "  m: {distinct: aa, having: count() > 2, every: 1h}\n"
     "                ^~\n"},
    {"{distinct: user_id, having: , every: 1h}",
     "m.yaml:18:34: error: 'having' must be a condition in quotes, such as 'count() > 2'\n"
     "  m: {distinct: user_id, having: , every: 1h}\n"
     "                                 ^\n"},
    {"{distinct: user_id, having: [count() > 2], every: 1h}",
     "m.yaml:18:34: error: 'having' must be a condition in quotes, such as 'count() > 2'\n"
     "  m: {distinct: user_id, having: [count() > 2], every: 1h}\n"
     "                                 ^\n"},
    {"{distinct: user_id, having: count > 2, every: 1h}",
     "m.yaml:18:34: error: 'having' compares count() or distinct(column)\n"
     "  m: {distinct: user_id, having: count > 2, every: 1h}\n"
     "                                 ^~~~~\n"},
    {"{sum: n, having: n > 2, of: n, every: 1h}",
     "m.yaml:18:15: error: 'having' does not go with sum; remove it\n"
     "  m: {sum: n, having: n > 2, of: n, every: 1h}\n"
     "              ^~~~~~\n"
     "m.yaml:18:30: error: 'of' does not go with sum; remove it\n"
     "  m: {sum: n, having: n > 2, of: n, every: 1h}\n"
     "                             ^~\n"},
    {"{approx_distinct: , every: 1h}",
     "m.yaml:18:24: error: 'approx_distinct' must be the name of a column\n"
     "  m: {approx_distinct: , every: 1h}\n"
     "                       ^\n"},
    {"{every: 7, by: [aa], where: bb, top: 0, over: 2x, having: n > 1}",
     "m.yaml:18:3: error: metric 'm' has no kind; write one of count, distinct, sum, mean, min, "
     "max, quantiles, approx_distinct, sessions, funnel, retention, ratio\n"
     "  m: {every: 7, by: [aa], where: bb, top: 0, over: 2x, having: n > 1}\n"
     "  ^\n"
     "m.yaml:18:14: error: '7' is not a window; write a unit: 7m\n"
     "  m: {every: 7, by: [aa], where: bb, top: 0, over: 2x, having: n > 1}\n"
     "             ^\n"
     "m.yaml:18:22: error: unknown column 'aa'\n"
     "  m: {every: 7, by: [aa], where: bb, top: 0, over: 2x, having: n > 1}\n"
     "                     ^~\n"
     "m.yaml:18:34: error: unknown column 'bb'\n"
     "  m: {every: 7, by: [aa], where: bb, top: 0, over: 2x, having: n > 1}\n"
     "                                 ^~\n"
     "m.yaml:18:43: error: top '0' is not a number of 1..1000000\n"
     "  m: {every: 7, by: [aa], where: bb, top: 0, over: 2x, having: n > 1}\n"
     "                                          ^\n"
     "m.yaml:18:52: error: '2x' is not a window; write a number and s, m, h, d or w, or 1mo\n"
     "  m: {every: 7, by: [aa], where: bb, top: 0, over: 2x, having: n > 1}\n"
     "                                                   ^~\n"
     "m.yaml:18:64: error: 'having' compares count() or distinct(column)\n"
     "  m: {every: 7, by: [aa], where: bb, top: 0, over: 2x, having: n > 1}\n"
     "                                                               ^\n"},
    {"{count: events, sum: n, by: a, over: 2h}",
     "m.yaml:18:22: error: metric 'm' has two kinds, count and sum; keep one\n"
     "  m: {count: events, sum: n, by: a, over: 2h}\n"
     "                     ^~~\n"
     "m.yaml:18:34: error: 'by' must be a list of columns, such as [a]\n"
     "  m: {count: events, sum: n, by: a, over: 2h}\n"
     "                                 ^\n"},
    {"{count: events, every: 1h, every: 2h, top: 1, top: 0}",
     "m.yaml:18:33: error: key 'every' is there already, in line 18\n"
     "  m: {count: events, every: 1h, every: 2h, top: 1, top: 0}\n"
     "                                ^~~~~\n"
     "m.yaml:18:52: error: key 'top' is there already, in line 18\n"
     "  m: {count: events, every: 1h, every: 2h, top: 1, top: 0}\n"
     "                                                   ^~~\n"},
    {"{funnel: {per: [user_id], timeout: 1h, steps: [{s: b, s: b}]}, every: 1d}",
     "m.yaml:18:60: error: key 's' is there already, in line 18\n"
     "  m: {funnel: {per: [user_id], timeout: 1h, steps: [{s: b, s: b}]}, every: 1d}\n"
     "                                                           ^\n"},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_null(fixture_load_metric(&fixture, "m", mistakes[i].metric));
        assert_string_equal(fixture_errors(&fixture), mistakes[i].message);
        fixture_release(&fixture);
    }
}

static void test_names(void **state)
{
    static const char *const bad[] = {"M", "9a", "a-b", "'a b'", "'\xc3\xa9'", "''"};
    static const char *const good[] = {"m", "_", "a_1", "count", "events"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_null(fixture_load_metric(&fixture, bad[i], "{count: events, every: 1h}"));
        assert_non_null(strstr(fixture_errors(&fixture),
                               "m.yaml:18:3: error: the name of a metric has only a-z, 0-9 and _, "
                               "and no digit first\n"));
        fixture_release(&fixture);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        assert_non_null(fixture_load_metric(&fixture, good[i], "{count: events, every: 1h}"));
        fixture_release(&fixture);
    }
    for (size_t size = 100; size <= 101; size++) {
        char name[102] = "";
        struct fixture fixture;
        fixture_init(&fixture);
        memset(name, 'x', size);
        assert_int_equal(fixture_load_metric(&fixture, name, "{count: events, every: 1h}") != NULL,
                         size == 100);
        fixture_release(&fixture);
    }
}

static const struct {
    const char *metric;
    enum tide_metric_kind kind;
    const char *column;
    const char *by;
    enum tide_window_unit unit;
    int64_t size;
    uint32_t top;
    bool has_where;
} plans[] = {
    {"{count: events, every: 1m}",
     TIDE_METRIC_COUNT,
     "",
     "",
     TIDE_WINDOW_FIXED,
     60000000,
     0,
     false},
    {"{distinct: user_id, by: [b, a], every: 2w, timezone: UTC}",
     TIDE_METRIC_DISTINCT,
     "user_id",
     "b a ",
     TIDE_WINDOW_WEEKS,
     2,
     0,
     false},
    {"{sum: x, by: [], every: 1mo, where: b}",
     TIDE_METRIC_SUM,
     "x",
     "",
     TIDE_WINDOW_MONTHS,
     1,
     0,
     true},
    {"{mean: n, every: 3d, top: 1000000, by: [x]}",
     TIDE_METRIC_MEAN,
     "n",
     "x ",
     TIDE_WINDOW_DAYS,
     3,
     1000000,
     false},
    {"{min: at_, every: 1d}", TIDE_METRIC_MIN, "at_", "", TIDE_WINDOW_DAYS, 1, 0, false},
    {"{max: x, every: 90s, top: 1}",
     TIDE_METRIC_MAX,
     "x",
     "",
     TIDE_WINDOW_FIXED,
     90000000,
     1,
     false},
};

static void test_plans(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        struct fixture fixture;
        char by[100] = "";
        fixture_init(&fixture);
        const struct tide_definitions *definitions =
            fixture_load_metric(&fixture, "m", plans[i].metric);
        assert_non_null(definitions);
        assert_int_equal(definitions->metric_count, 1);
        const struct tide_metric *metric = &definitions->metrics[0];
        const struct tide_column *columns = definitions->schema->columns;
        assert_int_equal(metric->kind, plans[i].kind);
        const struct tide_view column =
            metric->column == TIDE_COLUMN_NONE ? TIDE_VIEW("") : columns[metric->column].name;
        assert_true(tide_view_equal(column, tide_view_of(plans[i].column)));
        for (uint32_t k = 0; k < metric->by_count; k++) {
            const size_t size = strlen(by);
            (void)snprintf(by + size,
                           sizeof(by) - size,
                           "%.*s ",
                           TIDE_VIEW_ARGUMENTS(columns[metric->by[k]].name));
        }
        assert_string_equal(by, plans[i].by);
        assert_int_equal(metric->every.unit, plans[i].unit);
        assert_int_equal(metric->every.size, plans[i].size);
        assert_int_equal(metric->top, plans[i].top);
        assert_int_equal(metric->where != NULL, plans[i].has_where);
        assert_int_equal(metric->position.line, 18);
        assert_int_equal(metric->position.column, 3);
        fixture_release(&fixture);
    }
}

static void test_windows(void **state)
{
    static const struct {
        const char *metric;
        enum tide_window_unit unit;
        int64_t size;
        uint32_t pane_count;
        const char *zone;
    } cases[] = {
        {"{count: events, every: 1h, over: 1h}", TIDE_WINDOW_FIXED, 3600000000, 1, ""},
        {"{sum: n, every: 10m, over: 2h}", TIDE_WINDOW_FIXED, 600000000, 12, ""},
        {"{mean: n, every: 6h, over: 1w}", TIDE_WINDOW_FIXED, 21600000000, 28, ""},
        {"{min: n, every: 1s, over: 10000s, top: 2}", TIDE_WINDOW_FIXED, 1000000, 10000, ""},
        {"{max: n, every: 1d, over: 10000d}", TIDE_WINDOW_DAYS, 1, 10000, ""},
        {"{approx_distinct: a, every: 1d, over: 28d, timezone: America/New_York}",
         TIDE_WINDOW_DAYS,
         1,
         28,
         "America/New_York"},
        {"{distinct: user_id, having: 'count() > 2', every: 1d, over: 366d, timezone: UTC}",
         TIDE_WINDOW_DAYS,
         1,
         366,
         ""},
        {"{count: events, every: 1w, timezone: Asia/Kolkata}",
         TIDE_WINDOW_WEEKS,
         1,
         1,
         "Asia/Kolkata"},
        {"{count: events, every: 1mo, timezone: Etc/UTC}", TIDE_WINDOW_MONTHS, 1, 1, "Etc/UTC"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        const struct tide_definitions *definitions =
            fixture_load_metric(&fixture, "m", cases[i].metric);
        assert_string_equal(fixture_errors(&fixture), "");
        const struct tide_metric *metric = &definitions->metrics[0];
        const struct tide_timezone *zone = metric->every.zone;
        assert_int_equal(metric->every.unit, cases[i].unit);
        assert_int_equal(metric->every.size, cases[i].size);
        assert_int_equal(metric->pane_count, cases[i].pane_count);
        assert_int_equal(zone != NULL, cases[i].zone[0] != '\0');
        if (zone != NULL) {
            assert_true(tide_view_equal(tide_timezone_name(zone), tide_view_of(cases[i].zone)));
        }
        fixture_release(&fixture);
    }
}

/* A column of every type and a derived one, wherever a column may stand. */
static void test_columns_of_every_type(void **state)
{
    static const char *const columns[] = {"id", "kind", "at_", "user_id", "a", "b", "n", "x", "g"};
    static const char *const metrics[] = {
        "{count: events, by: [%s], where: '%s is not null', every: 1h}",
        "{distinct: %s, by: [%s], every: 1h}",
        "{approx_distinct: %s, by: [%s], every: 1h}",
        "{distinct: user_id, having: 'distinct(%s) > 1', by: [%s], every: 1h}",
        "{sessions: {per: user_id, timeout: 1h}, by: [%s], where: '%s is null', every: 1d}",
    };
    (void)state;
    for (size_t i = 0; i < 9 * (sizeof(metrics) / sizeof(metrics[0])); i++) {
        const struct tide_view column = tide_view_of(columns[i % 9]);
        const char *rest = metrics[i / 9];
        struct tide_bytes text = {0};
        struct fixture fixture;
        fixture_init(&fixture);
        for (const char *at = strstr(rest, "%s"); at != NULL; at = strstr(rest, "%s")) {
            tide_bytes_append_view(&text, (struct tide_view){rest, (size_t)(at - rest)});
            tide_bytes_append_view(&text, column);
            rest = at + 2;
        }
        tide_bytes_append_text(&text, rest);
        const struct tide_definitions *definitions =
            fixture_load_metric(&fixture, "m", tide_bytes_terminated(&text));
        assert_string_equal(fixture_errors(&fixture), "");
        assert_int_equal(definitions->metrics[0].by[0],
                         tide_schema_find(definitions->schema, column));
        tide_bytes_release(&text);
        fixture_release(&fixture);
    }
}

/* Names are in answers and in requests. */
static void test_kind_names(void **state)
{
    static const char *const names[] = {"count",
                                        "distinct",
                                        "sum",
                                        "mean",
                                        "min",
                                        "max",
                                        "quantiles",
                                        "approx_distinct",
                                        "sessions",
                                        "funnel",
                                        "retention",
                                        "ratio"};
    (void)state;
    for (int kind = TIDE_METRIC_COUNT; kind <= TIDE_METRIC_RATIO; kind++) {
        assert_string_equal(tide_metric_kind_name((enum tide_metric_kind)kind), names[kind]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_columns_of_every_type),
        cmocka_unit_test(test_kind_names),
    };
    unsetenv("TZDIR"); /* the messages name the folder */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
