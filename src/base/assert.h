/* Assertions stay on in every build: errors are for the world, assertions for us. A wrong number is
 * worse than a crash. The condition must have no side effect. */
#ifndef TIDE_BASE_ASSERT_H
#define TIDE_BASE_ASSERT_H

#define tide_assert(condition)                                                                     \
    (__builtin_expect(!!(condition), 1) ? (void)0                                                  \
                                        : tide_assert_failed(#condition, __FILE__, __LINE__))

/* Writes one line to stderr and aborts. */
_Noreturn void tide_assert_failed(const char *condition, const char *file, int line);

#endif
