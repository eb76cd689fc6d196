// See simdjson_peer.h. A way has three choices, made by template so that none costs a branch:
// how documents are split (iterate_many in batches, or each line by itself), how fields are found
// (in the known order, by key with a fallback, or all of an object with a switch on the key), and
// how a string is taken (unescaped into simdjson's buffer, the raw token, or a slice whose end is
// looked for with SIMD, which is what the decoder makes).
#include "bench/simdjson_peer.h"

#include <cstdio>
#include <cstring>
#include <immintrin.h>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <simdjson.h>

using namespace simdjson;

static_assert(PEER_PADDING >= SIMDJSON_PADDING, "the input has simdjson's padding");

struct peer {
    ondemand::parser on_demand;
    dom::parser tree;
    std::unique_ptr<uint8_t[]> unescaped; // of one event
    peer_batch batch;
    uint32_t row;
    bool refused;
};

namespace {

enum : size_t {
    SMALL_BATCH = 128 << 10,
    LARGE_BATCH = 1 << 20
};

// The key stands before its closing quote (the DOM's: before a zero), and bytes beyond may be read.
template <char END, size_t SIZE> inline bool is(const char *key, const char (&name)[SIZE])
{
    return std::memcmp(key, name, SIZE - 1) == 0 && key[SIZE - 1] == END;
}

inline void put(peer &p, peer_column column, std::string_view text)
{
    p.batch.present[column][p.row] = 1;
    p.batch.texts[column][p.row] = {text.data(), text.size()};
}

inline void put(peer &p, peer_column column, int64_t time)
{
    p.batch.present[column][p.row] = 1;
    p.batch.times[column][p.row] = time;
}

inline void put(peer &p, double duration)
{
    p.batch.present[PEER_DURATION][p.row] = 1;
    p.batch.durations[p.row] = duration;
}

inline void clear_row(peer &p)
{
    for (auto &present : p.batch.present) {
        present[p.row] = 0;
    }
}

// ------- strings

struct unescaped_text {
    static constexpr const char *name = "get_string";
    static inline bool get(peer &, ondemand::value value, std::string_view &text)
    {
        return value.get_string().get(text) == SUCCESS;
    }
};

struct token_text {
    static constexpr const char *name = "raw token";
    static inline bool get(peer &, ondemand::value value, std::string_view &text)
    {
        const std::string_view token = value.raw_json_token();
        if (token[0] != '"') {
            return false;
        }
        if (std::memchr(token.data(), '\\', token.size()) != nullptr) {
            return value.get_string().get(text) == SUCCESS;
        }
        size_t size = token.size();
        while (token[size - 1] != '"') { // white space before the next token
            size--;
        }
        text = token.substr(1, size - 2);
        return true;
    }
};

struct slice_text {
    static constexpr const char *name = "slice";
    static inline bool get(peer &p, ondemand::value value, std::string_view &text)
    {
        ondemand::raw_json_string raw;
        if (value.get_raw_json_string().get(raw) != SUCCESS) {
            return false;
        }
        const char *end = raw.raw();
        if (*find_end(end) == '\\') {
            uint8_t *to = p.unescaped.get();
            return p.on_demand.unescape(raw, to).get(text) == SUCCESS;
        }
        text = {raw.raw(), static_cast<size_t>(end - raw.raw())};
        return true;
    }

  private:
    static inline const char *find_end(const char *&at)
    {
#ifdef __AVX2__
        for (;; at += 32) {
            const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at));
            const __m256i quotes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"'));
            const __m256i escapes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
            const auto found =
                static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(quotes, escapes)));
            if (found != 0) {
                at += __builtin_ctz(found);
                return at;
            }
        }
#else
        at += std::strcspn(at, "\"\\");
        return at;
#endif
    }
};

// ------- values

template <class TEXT> inline void take_text(peer &p, peer_column column, ondemand::value value)
{
    std::string_view text;
    if (TEXT::get(p, value, text)) {
        put(p, column, text);
    }
}

template <class TEXT> inline void take_text(peer &p, peer_column column, dom::element value)
{
    std::string_view text;
    if (value.get_string().get(text) == SUCCESS) {
        put(p, column, text);
    }
}

template <class VALUE> inline void take_time(peer &p, peer_column column, VALUE value)
{
    int64_t time;
    if (value.get_int64().get(time) == SUCCESS) {
        put(p, column, time);
    }
}

template <class VALUE> inline void take_duration(peer &p, VALUE value)
{
    double duration;
    if (value.get_double().get(duration) == SUCCESS) {
        put(p, duration);
    }
}

// ------- fields that are asked for

template <class TEXT>
inline void take_text(peer &p, peer_column column, simdjson_result<ondemand::value> found)
{
    ondemand::value value;
    if (std::move(found).get(value) == SUCCESS) {
        take_text<TEXT>(p, column, value);
    }
}

struct in_order {
    static constexpr const char *name = "find_field in the known order";
    static inline simdjson_result<ondemand::value> find(ondemand::object &object,
                                                        std::string_view key)
    {
        return object.find_field(key);
    }
};

struct in_any_order {
    static constexpr const char *name = "find_field_unordered";
    static inline simdjson_result<ondemand::value> find(ondemand::object &object,
                                                        std::string_view key)
    {
        return object.find_field_unordered(key);
    }
};

// As generate.py writes them; what it does not write is asked for last.
template <class ORDER> struct by_key {
    static constexpr const char *name = ORDER::name;

    template <class TEXT> static inline void extract(peer &p, ondemand::object root)
    {
        ondemand::object inner, client;
        take_text<TEXT>(p, PEER_EVENT_TYPE, ORDER::find(root, "eid"));
        take_time(p, PEER_DEVICE_TIME, ORDER::find(root, "ets"));
        take_text<TEXT>(p, PEER_EVENT_ID, ORDER::find(root, "mid"));
        if (ORDER::find(root, "actor").get_object().get(inner) == SUCCESS) {
            take_text<TEXT>(p, PEER_USER_ID, ORDER::find(inner, "id"));
            take_text<TEXT>(p, PEER_USER_TYPE, ORDER::find(inner, "type"));
        }
        if (ORDER::find(root, "context").get_object().get(inner) == SUCCESS) {
            take_text<TEXT>(p, PEER_CHANNEL, ORDER::find(inner, "channel"));
            if (ORDER::find(inner, "pdata").get_object().get(client) == SUCCESS) {
                take_text<TEXT>(p, PEER_PLATFORM, ORDER::find(client, "id"));
                take_text<TEXT>(p, PEER_APP_VERSION, ORDER::find(client, "ver"));
            }
            take_text<TEXT>(p, PEER_ENVIRONMENT, ORDER::find(inner, "env"));
            take_text<TEXT>(p, PEER_SESSION_ID, ORDER::find(inner, "sid"));
            take_text<TEXT>(p, PEER_DEVICE_ID, ORDER::find(inner, "did"));
        }
        if (ORDER::find(root, "object").get_object().get(inner) == SUCCESS) {
            take_text<TEXT>(p, PEER_CONTENT_ID, ORDER::find(inner, "id"));
            take_text<TEXT>(p, PEER_CONTENT_TYPE, ORDER::find(inner, "type"));
        }
        if (ORDER::find(root, "edata").get_object().get(inner) == SUCCESS) {
            take_text<TEXT>(p, PEER_ACTION, ORDER::find(inner, "type"));
            take_text<TEXT>(p, PEER_PAGE, ORDER::find(inner, "pageid"));
            take_duration(p, ORDER::find(inner, "duration"));
            take_text<TEXT>(p, PEER_TARGET, ORDER::find(inner, "id"));
        }
        take_time(p, PEER_SYNCED_TIME, ORDER::find(root, "syncts"));
    }
};

// ------- fields as they come

// Calls take(key, value) for each field; of what is no object for none.
template <class TAKE> inline void each_field(peer &p, ondemand::object object, TAKE take)
{
    for (auto entry : object) {
        ondemand::field field;
        if (std::move(entry).get(field) != SUCCESS) {
            p.refused = true;
            return;
        }
        take(field.key().raw(), field.value());
    }
}

template <class TAKE> inline void each_field(peer &, dom::object object, TAKE take)
{
    for (const auto field : object) {
        take(field.key.data(), field.value);
    }
}

template <class TAKE> inline void each_field(peer &p, ondemand::value value, TAKE take)
{
    ondemand::object object;
    if (value.get_object().get(object) == SUCCESS) {
        each_field(p, object, take);
    }
}

template <class TAKE> inline void each_field(peer &p, dom::element value, TAKE take)
{
    dom::object object;
    if (value.get_object().get(object) == SUCCESS) {
        each_field(p, object, take);
    }
}

template <class TEXT, char END, class VALUE>
inline void take_context(peer &p, const char *key, VALUE value)
{
    if (is<END>(key, "channel")) {
        take_text<TEXT>(p, PEER_CHANNEL, value);
    } else if (is<END>(key, "pdata")) {
        each_field(p, value, [&p](const char *name, auto inner) {
            if (is<END>(name, "id")) {
                take_text<TEXT>(p, PEER_PLATFORM, inner);
            } else if (is<END>(name, "ver")) {
                take_text<TEXT>(p, PEER_APP_VERSION, inner);
            }
        });
    } else if (is<END>(key, "env")) {
        take_text<TEXT>(p, PEER_ENVIRONMENT, value);
    } else if (is<END>(key, "sid")) {
        take_text<TEXT>(p, PEER_SESSION_ID, value);
    } else if (is<END>(key, "did")) {
        take_text<TEXT>(p, PEER_DEVICE_ID, value);
    }
}

template <class TEXT, char END, class VALUE>
inline void take_data(peer &p, const char *key, VALUE value)
{
    if (is<END>(key, "type")) {
        take_text<TEXT>(p, PEER_ACTION, value);
    } else if (is<END>(key, "pageid")) {
        take_text<TEXT>(p, PEER_PAGE, value);
    } else if (is<END>(key, "duration")) {
        take_duration(p, value);
    } else if (is<END>(key, "id")) {
        take_text<TEXT>(p, PEER_TARGET, value);
    }
}

template <class TEXT, char END, class VALUE>
inline void take_named(peer &p, VALUE value, peer_column id, peer_column type)
{
    each_field(p, value, [&p, id, type](const char *key, auto inner) {
        if (is<END>(key, "id")) {
            take_text<TEXT>(p, id, inner);
        } else if (is<END>(key, "type")) {
            take_text<TEXT>(p, type, inner);
        }
    });
}

template <class TEXT, char END, class VALUE>
inline void take_root(peer &p, const char *key, VALUE value)
{
    switch (key[0]) {
    case 'e':
        if (is<END>(key, "eid")) {
            take_text<TEXT>(p, PEER_EVENT_TYPE, value);
        } else if (is<END>(key, "ets")) {
            take_time(p, PEER_DEVICE_TIME, value);
        } else if (is<END>(key, "edata")) {
            each_field(p, value, [&p](const char *name, auto inner) {
                take_data<TEXT, END>(p, name, inner);
            });
        }
        break;
    case 'm':
        if (is<END>(key, "mid")) {
            take_text<TEXT>(p, PEER_EVENT_ID, value);
        }
        break;
    case 's':
        if (is<END>(key, "syncts")) {
            take_time(p, PEER_SYNCED_TIME, value);
        }
        break;
    case 'a':
        if (is<END>(key, "actor")) {
            take_named<TEXT, END>(p, value, PEER_USER_ID, PEER_USER_TYPE);
        }
        break;
    case 'c':
        if (is<END>(key, "context")) {
            each_field(p, value, [&p](const char *name, auto inner) {
                take_context<TEXT, END>(p, name, inner);
            });
        }
        break;
    case 'o':
        if (is<END>(key, "object")) {
            take_named<TEXT, END>(p, value, PEER_CONTENT_ID, PEER_CONTENT_TYPE);
        }
        break;
    default:
        break;
    }
}

struct by_switch {
    static constexpr const char *name = "fields and a switch";

    template <class TEXT> static inline void extract(peer &p, ondemand::object root)
    {
        each_field(p, root, [&p](const char *key, ondemand::value value) {
            take_root<TEXT, '"'>(p, key, value);
        });
    }
};

// ------- documents

template <class FIELDS, class TEXT, class DOCUMENT>
inline void take_document(peer &p, DOCUMENT &&document, peer_use use, void *context)
{
    clear_row(p);
    ondemand::object root;
    if (document.get_object().get(root) != SUCCESS) {
        p.refused = true;
        return;
    }
    FIELDS::template extract<TEXT>(p, root);
    if (use != nullptr) {
        use(context, &p.batch, p.row);
    }
    p.row = (p.row + 1) % PEER_ROWS;
}

template <class FIELDS, class TEXT, size_t BATCH>
uint64_t many(peer &p, peer_text input, peer_use use, void *context)
{
    ondemand::document_stream documents;
    if (p.on_demand.iterate_many(input.data, input.size, BATCH).get(documents) != SUCCESS) {
        return 0;
    }
    uint64_t count = 0;
    for (auto document : documents) {
        take_document<FIELDS, TEXT>(p, document, use, context);
        count++;
    }
    return documents.truncated_bytes() == 0 && !p.refused ? count : 0;
}

template <class FIELDS, class TEXT, size_t>
uint64_t lines(peer &p, peer_text input, peer_use use, void *context)
{
    const char *at = input.data;
    const char *end = input.data + input.size;
    uint64_t count = 0;
    while (at < end && !p.refused) {
        const void *found = std::memchr(at, '\n', static_cast<size_t>(end - at));
        const char *stop = found != nullptr ? static_cast<const char *>(found) : end;
        const padded_string_view line(
            at, static_cast<size_t>(stop - at), static_cast<size_t>(end - at) + PEER_PADDING);
        ondemand::document document;
        if (p.on_demand.iterate(line).get(document) != SUCCESS) {
            return 0;
        }
        take_document<FIELDS, TEXT>(p, document, use, context);
        count++;
        at = stop + 1;
    }
    return p.refused ? 0 : count;
}

template <size_t BATCH> uint64_t trees(peer &p, peer_text input, peer_use use, void *context)
{
    dom::document_stream documents;
    if (p.tree.parse_many(input.data, input.size, BATCH).get(documents) != SUCCESS) {
        return 0;
    }
    uint64_t count = 0;
    for (auto document : documents) {
        clear_row(p);
        dom::object root;
        if (document.get_object().get(root) != SUCCESS) {
            return 0;
        }
        each_field(p, root, [&p](const char *key, dom::element value) {
            take_root<unescaped_text, '\0'>(p, key, value);
        });
        if (use != nullptr) {
            use(context, &p.batch, p.row);
        }
        p.row = (p.row + 1) % PEER_ROWS;
        count++;
    }
    return documents.truncated_bytes() == 0 ? count : 0;
}

struct way {
    const char *split;
    const char *fields;
    const char *text;
    uint64_t (*run)(peer &, peer_text, peer_use, void *);
};

#define WAYS_OF(FIELDS, TEXT)                                                                      \
    {"iterate_many of 128 KiB", FIELDS::name, TEXT::name, many<FIELDS, TEXT, SMALL_BATCH>},        \
        {"iterate_many of 1 MiB", FIELDS::name, TEXT::name, many<FIELDS, TEXT, LARGE_BATCH>},      \
    {                                                                                              \
        "iterate each line", FIELDS::name, TEXT::name, lines<FIELDS, TEXT, 0>                      \
    }

const way ways[] = {
    {"parse_many of 128 KiB", "DOM", "fields and a switch", trees<SMALL_BATCH>},
    {"parse_many of 1 MiB", "DOM", "fields and a switch", trees<LARGE_BATCH>},
    WAYS_OF(by_key<in_order>, unescaped_text),
    WAYS_OF(by_key<in_order>, token_text),
    WAYS_OF(by_key<in_order>, slice_text),
    WAYS_OF(by_key<in_any_order>, unescaped_text),
    WAYS_OF(by_key<in_any_order>, slice_text),
    WAYS_OF(by_switch, unescaped_text),
    WAYS_OF(by_switch, token_text),
    WAYS_OF(by_switch, slice_text),
};

} // namespace

peer *peer_create(void)
{
    auto *p = new peer();
    p->unescaped = std::make_unique<uint8_t[]>(LARGE_BATCH + SIMDJSON_PADDING);
#ifdef SIMDJSON_THREADS_ENABLED
    p->on_demand.threaded = false;
    p->tree.threaded = false;
#endif
    return p;
}

void peer_destroy(peer *p)
{
    delete p;
}

unsigned peer_way_count(void)
{
    return sizeof ways / sizeof *ways;
}

const char *peer_way_name(unsigned index)
{
    static char name[128];
    const way &it = ways[index];
    std::snprintf(name, sizeof name, "%s, %s, %s", it.split, it.fields, it.text);
    return name;
}

bool peer_way_is_dom(unsigned index)
{
    return std::strcmp(ways[index].fields, "DOM") == 0;
}

const char *peer_kernel(void)
{
    static std::string name;
    name = get_active_implementation()->name() + ", header " +
           SIMDJSON_STRINGIFY(SIMDJSON_BUILTIN_IMPLEMENTATION);
    return name.c_str();
}

uint64_t peer_run(peer *p, unsigned index, peer_text input, peer_use use, void *context)
{
    p->row = 0;
    p->refused = false;
    return ways[index].run(*p, input, use, context);
}
