/* The preset files: each is the exact text of presets/<name>.yaml. */
#ifndef TIDE_METRIC_PRESETS_H
#define TIDE_METRIC_PRESETS_H

#include "base/embedded.h"

extern const struct tide_embedded_file tide_presets[];

#endif
