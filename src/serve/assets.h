/* The files of src/serve/assets/, by name without ending, and of the dashboard, web/dist/, by whole
 * name. */
#ifndef TIDE_SERVE_ASSETS_H
#define TIDE_SERVE_ASSETS_H

#include "base/embedded.h"

extern const struct tide_embedded_file tide_serve_assets[];
extern const struct tide_embedded_file tide_dashboard_files[];

#endif
