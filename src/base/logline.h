/* Log lines for people and their collectors: one line each on stderr,
 *     2026-11-24T04:01:00.123Z info collect: listening on 127.0.0.1:8080
 * Control bytes are escaped, so a value cannot forge a line. An error is logged once, where it is
 * decided. Any thread. */
#ifndef TIDE_BASE_LOGLINE_H
#define TIDE_BASE_LOGLINE_H

enum tide_logline_level {
    TIDE_LOGLINE_DEBUG,
    TIDE_LOGLINE_INFO,
    TIDE_LOGLINE_WARNING,
    TIDE_LOGLINE_ERROR,
};

/* Lines below the level are not written; INFO at start. */
void tide_logline_set_level(enum tide_logline_level level);
__attribute__((format(printf, 3, 4))) void tide_logline(enum tide_logline_level level,
                                                        const char *room,
                                                        const char *format,
                                                        ...);

#endif
