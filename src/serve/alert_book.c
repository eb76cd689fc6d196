/* Open addressing with linear probing over indices of one array. Nothing is deleted from the table:
 * after a removal, which is rare, it is built again. */
#include "serve/alert_book.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define NONE UINT32_MAX

struct tide_alert_book {
    struct tide_alert_instance *instances; /* instances_max */
    uint32_t *slots;                       /* indices, or NONE; a power of two */
    uint32_t slot_count;
    uint32_t count;
    uint32_t instances_max;
};

struct tide_alert_book *tide_alert_book_create(uint32_t instances_max)
{
    tide_assert(instances_max > 0 && instances_max <= TIDE_ALERT_INSTANCES_MAX);
    struct tide_alert_book *book = calloc(1, sizeof(*book));
    if (book == NULL) {
        return NULL;
    }
    book->instances_max = instances_max;
    for (book->slot_count = 4; book->slot_count < 2 * instances_max; book->slot_count *= 2) {
    }
    book->instances = calloc(instances_max, sizeof(*book->instances));
    book->slots = malloc(book->slot_count * sizeof(*book->slots));
    if (book->instances == NULL || book->slots == NULL) {
        tide_alert_book_destroy(book);
        return NULL;
    }
    memset(book->slots, 0xff, book->slot_count * sizeof(*book->slots));
    return book;
}

void tide_alert_book_destroy(struct tide_alert_book *book)
{
    if (book == NULL) {
        return;
    }
    for (uint32_t i = 0; i < book->count; i++) {
        free((void *)(uintptr_t)book->instances[i].group.data);
    }
    free(book->instances);
    free(book->slots);
    free(book);
}

uint32_t tide_alert_book_count(const struct tide_alert_book *book)
{
    return book->count;
}

struct tide_alert_instance *tide_alert_book_at(struct tide_alert_book *book, uint32_t index)
{
    tide_assert(index < book->count);
    return &book->instances[index];
}

/* The slot that has the group, or the free one where it belongs. */
static uint32_t *slot_of(struct tide_alert_book *book, struct tide_view group)
{
    uint32_t i = (uint32_t)tide_hash64(group, 0) & (book->slot_count - 1);
    while (book->slots[i] != NONE &&
           !tide_view_equal(book->instances[book->slots[i]].group, group)) {
        i = (i + 1) & (book->slot_count - 1);
    }
    return &book->slots[i];
}

struct tide_alert_instance *tide_alert_book_find(struct tide_alert_book *book,
                                                 struct tide_view group)
{
    const uint32_t index = *slot_of(book, group);
    return index == NONE ? NULL : &book->instances[index];
}

static void index_again(struct tide_alert_book *book)
{
    memset(book->slots, 0xff, book->slot_count * sizeof(*book->slots));
    for (uint32_t i = 0; i < book->count; i++) {
        *slot_of(book, book->instances[i].group) = i;
    }
}

static void remove_at(struct tide_alert_book *book, uint32_t index)
{
    free((void *)(uintptr_t)book->instances[index].group.data);
    book->instances[index] = book->instances[--book->count];
    book->instances[book->count] = (struct tide_alert_instance){0};
}

/* The one that is ok and was seen longest ago; false: there is none. */
static bool make_room(struct tide_alert_book *book)
{
    uint32_t oldest = NONE;
    for (uint32_t i = 0; i < book->count; i++) {
        if (book->instances[i].state.phase == TIDE_ALERT_OK &&
            (oldest == NONE || book->instances[i].seen.us < book->instances[oldest].seen.us)) {
            oldest = i;
        }
    }
    if (oldest != NONE) {
        remove_at(book, oldest);
        index_again(book);
    }
    return oldest != NONE;
}

struct tide_alert_instance *tide_alert_book_add(struct tide_alert_book *book,
                                                struct tide_view group,
                                                bool is_urgent)
{
    tide_assert(tide_alert_book_find(book, group) == NULL);
    if (group.size > TIDE_ALERT_GROUP_BYTES_MAX ||
        (book->count == book->instances_max && !(is_urgent && make_room(book)))) {
        return NULL;
    }
    char *copy = malloc(group.size + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (group.size > 0) {
        memcpy(copy, group.data, group.size);
    }
    copy[group.size] = '\0';
    *slot_of(book, group) = book->count;
    struct tide_alert_instance *instance = &book->instances[book->count++];
    *instance =
        (struct tide_alert_instance){.group = {copy, group.size}, .seen = TIDE_INSTANT_UNKNOWN};
    return instance;
}

void tide_alert_book_sweep(struct tide_alert_book *book)
{
    const uint32_t before = book->count;
    for (uint32_t i = 0; i < book->count;) {
        const struct tide_alert_instance *instance = &book->instances[i];
        if (instance->is_forgotten && instance->state.phase == TIDE_ALERT_OK) {
            remove_at(book, i);
        } else {
            i++;
        }
    }
    if (book->count != before) {
        index_again(book);
    }
}
