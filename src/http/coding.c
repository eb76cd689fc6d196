#include "http/coding.h"

#include "http/gate.h"

#include <string.h>

#include "base/banned.h"

static enum tide_coding coding_of(struct tide_view name)
{
    static const struct {
        const char *name;
        enum tide_coding coding;
    } table[] = {{"", TIDE_CODING_IDENTITY},
                 {"identity", TIDE_CODING_IDENTITY},
                 {"gzip", TIDE_CODING_GZIP},
                 {"x-gzip", TIDE_CODING_GZIP},
                 {"deflate", TIDE_CODING_DEFLATE},
                 {"zstd", TIDE_CODING_ZSTD}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (tide_gate_name_equal(name, table[i].name)) {
            return table[i].coding;
        }
    }
    return TIDE_CODING_OTHER;
}

enum tide_coding tide_coding_add(enum tide_coding before, struct tide_view value)
{
    enum tide_coding coding = before;
    while (value.size > 0) {
        const char *comma = memchr(value.data, ',', value.size);
        const size_t size = comma == NULL ? value.size : (size_t)(comma - value.data);
        const enum tide_coding next = coding_of(tide_gate_trim(tide_view_slice(value, 0, size)));
        if (next != TIDE_CODING_IDENTITY) {
            coding = coding == TIDE_CODING_IDENTITY ? next : TIDE_CODING_OTHER;
        }
        const size_t used = comma == NULL ? size : size + 1;
        value = tide_view_slice(value, used, value.size - used);
    }
    return coding;
}
