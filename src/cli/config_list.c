/* Values of several parts, taken apart: see config_value.h. */
#include "cli/config_value.h"

#include <string.h>

static struct tide_view trim(struct tide_view text)
{
    while (text.size > 0 && strchr(" \t\r", text.data[0]) != NULL) {
        text = tide_view_slice(text, 1, text.size - 1);
    }
    while (text.size > 0 && strchr(" \t\r", text.data[text.size - 1]) != NULL) {
        text.size--;
    }
    return text;
}

/* Cuts the next piece that is not blank off *rest at any of the separators. */
static bool next_piece(struct tide_view *rest, const char *separators, struct tide_view *piece)
{
    while (rest->size > 0) {
        size_t size = 0;
        while (size < rest->size && strchr(separators, rest->data[size]) == NULL) {
            size++;
        }
        *piece = trim(tide_view_slice(*rest, 0, size));
        size_t used = size < rest->size ? size + 1 : size;
        *rest = tide_view_slice(*rest, used, rest->size - used);
        if (piece->size > 0) {
            return true;
        }
    }
    return false;
}

bool tide_config_list_next(struct tide_view *rest, struct tide_view *item)
{
    return next_piece(rest, ",", item);
}

bool tide_config_map_next(struct tide_view *rest, struct tide_view *name, struct tide_view *value)
{
    struct tide_view piece;
    static const char separator[] = {TIDE_CONFIG_SEPARATOR, '\0'};
    bool is_stored =
        rest->size > 0 && memchr(rest->data, TIDE_CONFIG_SEPARATOR, rest->size) != NULL;
    if (!next_piece(rest, is_stored ? separator : ";\n", &piece)) {
        return false;
    }
    const char *equals = memchr(piece.data, '=', piece.size);
    size_t size = equals == NULL ? piece.size : (size_t)(equals - piece.data);
    size_t used = size < piece.size ? size + 1 : size;
    *name = trim(tide_view_slice(piece, 0, size));
    *value = equals == NULL ? (struct tide_view){0}
                            : trim(tide_view_slice(piece, used, piece.size - used));
    return true;
}

bool tide_config_is_secret_name(struct tide_view name)
{
    static const char *const marks[] = {"password", "secret", "token", "ssl.key.pem"};
    const struct tide_view place = TIDE_VIEW(".url");
    if (name.size > place.size &&
        tide_view_equal(tide_view_slice(name, name.size - place.size, place.size), place)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t size = strlen(marks[i]);
        for (size_t at = 0; at + size <= name.size; at++) {
            if (memcmp(name.data + at, marks[i], size) == 0) {
                return true;
            }
        }
    }
    return false;
}
