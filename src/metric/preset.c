/* The embedded files as sources, which definitions and their error messages want. */
#include "metric/definition.h"

#include "base/assert.h"
#include "metric/presets.h"

#include <pthread.h>

#include "base/banned.h"

enum {
    PRESETS_MAX = 16
};

/* Made once, by whoever asks first, and constant from then on: positions point to these. */
static struct tide_source presets[PRESETS_MAX];
static size_t preset_count;
static pthread_once_t presets_once = PTHREAD_ONCE_INIT;

static void make_presets(void)
{
    for (const struct tide_embedded_file *file = tide_presets; file->name != NULL; file++) {
        tide_assert(preset_count < PRESETS_MAX);
        presets[preset_count++] = (struct tide_source){
            .name = tide_view_of(file->name),
            .text = {file->text, file->size},
        };
    }
}

size_t tide_preset_count(void)
{
    const int status = pthread_once(&presets_once, make_presets);
    tide_assert(status == 0);
    return preset_count;
}

const struct tide_source *tide_preset_at(size_t index)
{
    tide_assert(index < tide_preset_count());
    return &presets[index];
}

const struct tide_source *tide_preset_find(struct tide_view name)
{
    for (size_t i = 0; i < tide_preset_count(); i++) {
        if (tide_view_equal(presets[i].name, name)) {
            return &presets[i];
        }
    }
    return NULL;
}
