#include "simdjson_reference.h"

#include <algorithm>
#include <simdjson.h>
#include <string>
#include <string_view>

namespace {

simdjson::dom::parser parser;
simdjson::dom::element document;
std::string written;

struct found {
    simdjson::dom::element element;
    bool is_there = true;
    bool is_twice = false;
};

found find(const reference_key *keys, size_t key_count)
{
    found at;
    at.element = document;
    for (size_t i = 0; i < key_count; i++) {
        simdjson::dom::object object;
        size_t times = 0;
        if (at.element.get(object) != simdjson::SUCCESS) {
            at.is_there = false;
            return at;
        }
        for (auto member : object) {
            if (member.key == std::string_view(keys[i].text, keys[i].size)) {
                at.element = member.value;
                times++;
            }
        }
        at.is_twice = at.is_twice || times > 1;
        if (times == 0) {
            at.is_there = false;
            return at;
        }
    }
    return at;
}

/* By value: a loop over a result's own would outlive the result. */
simdjson::dom::array array_of(simdjson::dom::element element)
{
    return element.get_array().value_unsafe();
}

reference_key write(simdjson::dom::element element)
{
    written = simdjson::minify(element);
    return {written.data(), written.size()};
}

} // namespace

bool reference_parse(const char *text, size_t size)
{
    return parser.parse(text, size).get(document) == simdjson::SUCCESS;
}

reference_value reference_find(const reference_key *keys, size_t key_count)
{
    const found at = find(keys, key_count);
    reference_value value = {};
    value.is_twice = at.is_twice;
    if (!at.is_there) {
        return value;
    }
    using simdjson::dom::element_type;
    switch (at.element.type()) {
    case element_type::NULL_VALUE:
        value.kind = REFERENCE_NULL;
        break;
    case element_type::BOOL:
        value.kind = REFERENCE_BOOL;
        value.integer = at.element.get_bool().value_unsafe();
        break;
    case element_type::INT64:
        value.kind = REFERENCE_INT;
        value.integer = at.element.get_int64().value_unsafe();
        break;
    case element_type::UINT64:
        value.kind = REFERENCE_UINT;
        break;
    case element_type::DOUBLE:
        value.kind = REFERENCE_DOUBLE;
        value.real = at.element.get_double().value_unsafe();
        break;
    case element_type::STRING: {
        const std::string_view text = at.element.get_string().value_unsafe();
        value.kind = REFERENCE_STRING;
        value.text = text.data();
        value.size = text.size();
        break;
    }
    case element_type::ARRAY:
        value.kind = REFERENCE_ARRAY;
        for (auto element : array_of(at.element)) {
            (void)element;
            value.count++;
        }
        break;
    case element_type::OBJECT:
        value.kind = REFERENCE_OBJECT;
        break;
    }
    return value;
}

reference_key reference_element(const reference_key *keys, size_t key_count, size_t index)
{
    const found at = find(keys, key_count);
    for (auto element : array_of(at.element)) {
        if (index-- == 0) {
            return write(element);
        }
    }
    return {nullptr, 0};
}

reference_key reference_document(void)
{
    return write(document);
}

size_t reference_compact(const char *text, size_t size, char *to)
{
    std::string padded(text, size);
    std::string room(size + simdjson::SIMDJSON_PADDING, '\0');
    size_t out_size = 0;
    if (simdjson::minify(padded.data(), padded.size(), room.data(), out_size) !=
        simdjson::SUCCESS) {
        return 0;
    }
    std::copy(room.data(), room.data() + out_size, to);
    return out_size;
}
