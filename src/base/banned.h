/* Calls that have no place here: no bounds, hidden state, or errors that cannot be seen. Using one
 * does not compile. Include this last: a system header that comes after it may mention the names.
 *
 *     strcpy strcat sprintf ...   tide_bytes_append_*, snprintf, memcpy with a checked size
 *     strtok                      tide_view_slice
 *     atoi atol atof ...          tide_decimal_parse_*, strtol with its end checked
 *     localtime gmtime ctime ...  tide_civil_*
 *     alloca                      an arena, or an array with a maximum
 *     rand random                 tide_io's random                                               */
#ifndef TIDE_BASE_BANNED_H
#define TIDE_BASE_BANNED_H

/* Some of them are macros in some library or build; poisoning those wants them gone first. */
#undef strcpy
#undef strncpy
#undef stpcpy
#undef strcat
#undef strncat
#undef sprintf
#undef vsprintf
#undef alloca
#undef strdupa
#undef strndupa

#pragma GCC poison strcpy strncpy stpcpy strcat strncat sprintf vsprintf gets
#pragma GCC poison strtok strtok_r
#pragma GCC poison atoi atol atoll atof
#pragma GCC poison localtime localtime_r gmtime gmtime_r ctime ctime_r asctime asctime_r mktime
#pragma GCC poison alloca strdupa strndupa
#pragma GCC poison rand srand random srandom tmpnam mktemp

#endif
