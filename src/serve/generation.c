#include "serve/generation.h"

#include <stddef.h>

#include "base/banned.h"

struct tide_generation_choice tide_generation_choose(const struct tide_generation_facts *facts,
                                                     const uint64_t *reads,
                                                     uint32_t partition_count)
{
    bool is_covered = reads != NULL;
    bool is_whole = true;
    for (uint32_t p = 0; p < partition_count; p++) {
        is_covered = is_covered && facts[p].changed <= reads[p] && facts[p].cold <= reads[p] &&
                     !facts[p].is_open;
        is_whole = is_whole && facts[p].cold <= facts[p].held;
    }
    const bool is_batch = is_covered || (!is_whole && reads != NULL);
    return (struct tide_generation_choice){
        .generation = is_batch ? TIDE_GENERATION_BATCH : TIDE_GENERATION_SPEED,
        .is_stale = !is_covered && !is_whole,
    };
}
