/* The files of src/serve/assets/, by name without ending. */
#ifndef TIDE_SERVE_ASSETS_H
#define TIDE_SERVE_ASSETS_H

#include "base/embedded.h"

extern const struct tide_embedded_file tide_serve_assets[];

#endif
