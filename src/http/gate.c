#include "http/gate.h"

#include "base/assert.h"
#include "base/digits.h"

#include <string.h>

#include "base/banned.h"

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* RFC 9110, 5.6.2. */
static bool is_token_byte(char byte)
{
    const char folded = lower(byte);
    return (folded >= 'a' && folded <= 'z') || tide_is_digit(byte) ||
           (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

static bool is_token(struct tide_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_token_byte(text.data[i])) {
            return false;
        }
    }
    return text.size > 0;
}

struct tide_view tide_gate_trim(struct tide_view text)
{
    while (text.size > 0 && is_space(text.data[0])) {
        text = tide_view_slice(text, 1, text.size - 1);
    }
    while (text.size > 0 && is_space(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

static bool equal_folded(struct tide_view a, struct tide_view b)
{
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

bool tide_gate_name_equal(struct tide_view name, const char *other)
{
    return equal_folded(name, tide_view_of(other));
}

/* Control bytes but the tab, and DEL, have no place in a value. */
static bool is_clean_value(struct tide_view value)
{
    for (size_t i = 0; i < value.size; i++) {
        const unsigned char byte = (unsigned char)value.data[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Digits alone, at most 18 of them, so that it fits. */
static bool parse_length(struct tide_view value, uint64_t *length)
{
    return value.size <= 18 && tide_digits_parse(value, length);
}

/* A name or an address with a port: no list, no path, no user. */
static bool is_host(struct tide_view value)
{
    for (size_t i = 0; i < value.size; i++) {
        const unsigned char byte = (unsigned char)value.data[i];
        if (byte <= 0x20 || byte >= 0x7f || strchr(",/\\@?#\"<>", byte) != NULL) {
            return false;
        }
    }
    return value.size > 0;
}

/* Origin form, visible ASCII; "*", absolute and authority forms are for proxies. */
static unsigned check_line(const struct tide_gate_request *request, const char **why)
{
    if (!is_token(request->method)) {
        *why = "the method is not a token";
        return 400;
    }
    if (!tide_view_equal(request->version, TIDE_VIEW("HTTP/1.1")) &&
        !tide_view_equal(request->version, TIDE_VIEW("HTTP/1.0"))) {
        *why = "the version is neither HTTP/1.1 nor HTTP/1.0";
        return 400;
    }
    if (request->target.size > TIDE_GATE_TARGET_BYTES_MAX) {
        *why = "the request target is too long";
        return 414;
    }
    if (request->target.size == 0 || request->target.data[0] != '/') {
        *why = "the request target does not start with a slash";
        return 400;
    }
    for (size_t i = 0; i < request->target.size; i++) {
        const unsigned char byte = (unsigned char)request->target.data[i];
        if (byte <= 0x20 || byte >= 0x7f || strchr("#\"<>\\^`{|}", byte) != NULL) {
            *why = "the request target holds a byte that must be percent-encoded";
            return 400;
        }
    }
    return 0;
}

/* What must stand at most once is counted while walking. */
struct counts {
    unsigned host;
    unsigned length;
    unsigned transfer_encoding;
    unsigned content_type;
};

/* The headers that decide where the request ends, and what it holds. */
static unsigned note_header(const struct tide_gate_header *header,
                            struct counts *counts,
                            struct tide_gate_facts *facts,
                            const char **why)
{
    const struct tide_view value = tide_gate_trim(header->value);
    if (tide_gate_name_equal(header->name, "host")) {
        counts->host++;
        *why = "the Host header is malformed";
        return is_host(value) ? 0 : 400;
    }
    if (tide_gate_name_equal(header->name, "content-length")) {
        counts->length++;
        facts->has_length = true;
        *why = "Content-Length is not a number of at most 18 digits";
        return parse_length(value, &facts->length) ? 0 : 400;
    }
    if (tide_gate_name_equal(header->name, "transfer-encoding")) {
        counts->transfer_encoding++;
        facts->is_chunked = true;
        *why = "Transfer-Encoding is not exactly \"chunked\"";
        return tide_view_equal(value, TIDE_VIEW("chunked")) ? 0 : 400;
    }
    if (tide_gate_name_equal(header->name, "content-type")) {
        counts->content_type++;
        facts->has_content_type = true;
        facts->content_type = value;
    } else if (tide_gate_name_equal(header->name, "content-encoding")) {
        facts->coding = tide_coding_add(facts->coding, value);
    } else if (tide_gate_name_equal(header->name, "expect")) {
        *why = "the only expectation that is met is 100-continue";
        return equal_folded(value, TIDE_VIEW("100-continue")) ? 0 : 417;
    }
    return 0;
}

static const char *framing_fault(const struct tide_gate_request *request,
                                 const struct counts *counts)
{
    if (counts->host != 1) {
        return "there must be one Host header";
    }
    if (counts->length > 1) {
        return "Content-Length stands more than once";
    }
    if (counts->transfer_encoding > 1) {
        return "Transfer-Encoding stands more than once";
    }
    if (counts->transfer_encoding > 0 && counts->length > 0) {
        return "Transfer-Encoding and Content-Length stand together";
    }
    if (counts->transfer_encoding > 0 && tide_view_equal(request->version, TIDE_VIEW("HTTP/1.0"))) {
        return "HTTP/1.0 has no Transfer-Encoding";
    }
    if (counts->content_type > 1) {
        return "Content-Type stands more than once";
    }
    return NULL;
}

unsigned tide_gate_check(const struct tide_gate_request *request,
                         struct tide_gate_facts *facts,
                         const char **why)
{
    *facts = (struct tide_gate_facts){0};
    const unsigned line_status = check_line(request, why);
    if (line_status != 0) {
        return line_status;
    }
    struct counts counts = {0};
    size_t bytes = 0;
    unsigned status = 0; /* of the first header that is refused; framing faults come before it */
    const char *header_why = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct tide_gate_header *header = &request->headers[i];
        bytes += header->name.size + header->value.size;
        if (i >= TIDE_GATE_HEADERS_MAX || bytes > TIDE_GATE_HEADER_BYTES_MAX) {
            *why = "too many or too large headers";
            return 431;
        }
        if (!is_token(header->name)) {
            *why = "a header name is not a token";
            return 400;
        }
        if (!is_clean_value(header->value)) {
            *why = "a header value holds a control byte";
            return 400;
        }
        const char *reason = NULL;
        const unsigned refused = note_header(header, &counts, facts, &reason);
        if (refused != 0 && (status == 0 || status == 417)) {
            status = refused;
            header_why = reason;
        }
    }
    const char *fault = framing_fault(request, &counts);
    *why = status == 400 || fault == NULL ? header_why : fault;
    return fault != NULL ? 400 : status;
}

struct tide_view tide_gate_content_type_essence(struct tide_view value)
{
    const char *end = value.size == 0 ? NULL : memchr(value.data, ';', value.size);
    if (end != NULL) {
        value.size = (size_t)(end - value.data);
    }
    return tide_gate_trim(value);
}

bool tide_gate_content_type_accepted(const char *accepted, struct tide_view type)
{
    tide_assert(accepted != NULL);
    const struct tide_view essence = tide_gate_content_type_essence(type);
    for (const char *item = accepted;;) {
        const size_t size = strcspn(item, ",");
        if (equal_folded(tide_gate_trim((struct tide_view){item, size}), essence)) {
            return true;
        }
        if (item[size] == '\0') {
            return false;
        }
        item += size + 1;
    }
}

bool tide_gate_coding_accepted(const struct tide_gate_facts *facts, struct tide_gate_body wanted)
{
    return facts->coding == TIDE_CODING_IDENTITY ||
           (wanted.takes_codings && facts->coding != TIDE_CODING_OTHER);
}

unsigned tide_gate_check_body(const struct tide_gate_request *request,
                              const struct tide_gate_facts *facts,
                              struct tide_gate_body wanted,
                              const char **why)
{
    if (wanted.bytes_max == 0) {
        *why = "no body is wanted here";
        return facts->is_chunked || facts->length > 0 ? 413 : 0;
    }
    const bool is_upload = tide_view_equal(request->method, TIDE_VIEW("POST")) ||
                           tide_view_equal(request->method, TIDE_VIEW("PUT"));
    if (is_upload && !facts->has_length && !facts->is_chunked) {
        *why = "Content-Length is missing";
        return 411;
    }
    if (facts->length > wanted.bytes_max) {
        *why = "the body is too large";
        return 413;
    }
    if (!tide_gate_coding_accepted(facts, wanted)) {
        *why = wanted.takes_codings ? "the Content-Encoding is not one of gzip, deflate and zstd"
                                    : "no Content-Encoding is taken here";
        return 415;
    }
    if (wanted.content_types != NULL &&
        !tide_gate_content_type_accepted(wanted.content_types, facts->content_type)) {
        *why = facts->has_content_type ? "this Content-Type is not accepted here"
                                       : "Content-Type is missing";
        return 415;
    }
    return 0;
}
