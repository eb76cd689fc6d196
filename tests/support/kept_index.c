/* Takes the place of tide_index_init and tide_index_release in programs that are linked with
 * kept_index_link_args: what one decoder gives back, the next one gets.
 *
 * A sweep opens decoders in thousands of lives, each with nine megabytes for an index, and
 * MALLOC_PERTURB_ has every byte of them written twice a life: two thirds of such a test's time,
 * for memory of which a life touches a few hundred bytes. A decoder's index is overwritten text by
 * text anyway, so what the last life left there is as bad as any filling. One thread. */
#include "decode/index.h"

#include "base/banned.h"

enum {
    KEPT_MAX = 16
};

static struct tide_index kept[KEPT_MAX];
static uint32_t kept_count;

enum tide_status __real_tide_index_init(struct tide_index *index, struct tide_error *error);
void __real_tide_index_release(struct tide_index *index);
enum tide_status __wrap_tide_index_init(struct tide_index *index, struct tide_error *error);
void __wrap_tide_index_release(struct tide_index *index);

enum tide_status __wrap_tide_index_init(struct tide_index *index, struct tide_error *error)
{
    if (kept_count == 0) {
        return __real_tide_index_init(index, error);
    }
    const struct tide_index *from = &kept[--kept_count];
    index->tokens = from->tokens;
    index->kinds = from->kinds;
    index->lines = from->lines;
    return TIDE_OK;
}

void __wrap_tide_index_release(struct tide_index *index)
{
    if (index->tokens == NULL || kept_count == KEPT_MAX) {
        __real_tide_index_release(index);
        return;
    }
    struct tide_index *to = &kept[kept_count++];
    to->tokens = index->tokens;
    to->kinds = index->kinds;
    to->lines = index->lines;
    index->tokens = NULL;
    index->kinds = NULL;
    index->lines = NULL;
}
