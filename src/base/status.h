/* What a call may answer, and the text that goes with it.
 *
 * A status is named by what the caller does next, so policy is a switch of five. The text of an
 * error lives in the caller's memory: nothing is allocated on a path that already failed. */
#ifndef TIDE_BASE_STATUS_H
#define TIDE_BASE_STATUS_H

enum tide_status {
    TIDE_OK,     /* done */
    TIDE_AGAIN,  /* nothing was consumed; call again with the same input when there is room */
    TIDE_RETRY,  /* the world is in the way (full disk, no connection); the same input later */
    TIDE_REJECT, /* this input is wrong for ever */
    TIDE_FATAL,  /* this partition or process must stop and recover from the log */
};

enum {
    TIDE_ERROR_TEXT_MAX = 512
};

/* Zero is "no error". Written only on failure. Lower case, no full stop, value and limit. */
struct tide_error {
    char text[TIDE_ERROR_TEXT_MAX];
};

/* Formats into error (may be NULL) and returns status, so that a failure is one line:
 *     return tide_error_set(error, TIDE_REJECT, "port %d is outside 1..65535", port);        */
__attribute__((format(printf, 3, 4))) enum tide_status tide_error_set(struct tide_error *error,
                                                                      enum tide_status status,
                                                                      const char *format,
                                                                      ...);

/* Puts "prefix: " before the text that is there; for a caller that knows more. */
__attribute__((format(printf, 2, 3))) void tide_error_prefix(struct tide_error *error,
                                                             const char *format,
                                                             ...);

/* The end of a call whose parts may fail though it succeeds: writes why to error unless status is
 * OK, and returns status. */
enum tide_status tide_error_pass(struct tide_error *error,
                                 enum tide_status status,
                                 const struct tide_error *why);

/* "ok", "again", ... for logs and tests. */
const char *tide_status_name(enum tide_status status);

#endif
