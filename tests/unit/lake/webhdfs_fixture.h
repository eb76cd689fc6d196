/* A client of a fake cluster (support/fake_webhdfs.h) on a simulated clock: pauses cost nothing,
 * and the clock tells how long was waited. */
#ifndef TIDE_UNIT_LAKE_WEBHDFS_FIXTURE_H
#define TIDE_UNIT_LAKE_WEBHDFS_FIXTURE_H

#include "lake/webhdfs.h"
#include "support/fake_webhdfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct rig {
    struct fake_webhdfs *fake;
    struct fake_webhdfs_script script; /* rig_script sends it */
    struct tide_clock_simulated clock;
    struct tide_webhdfs *webhdfs;
    struct tide_error error;
};

static inline void rig_open(struct rig *rig, struct tide_view hosts)
{
    struct tide_webhdfs_options options = tide_webhdfs_options_default();
    memset(rig, 0, sizeof(*rig));
    rig->fake = fake_webhdfs_start();
    options.clock = tide_clock_simulated(&rig->clock);
    options.namenodes = tide_view_of(fake_webhdfs_namenodes(rig->fake));
    options.user = TIDE_VIEW("a user&x");
    options.hosts = hosts;
    assert_int_equal(tide_webhdfs_open(&options, &rig->webhdfs, &rig->error), TIDE_OK);
}

static inline void rig_close(struct rig *rig)
{
    tide_webhdfs_close(rig->webhdfs);
    fake_webhdfs_stop(rig->fake);
}

static inline void rig_script(struct rig *rig)
{
    fake_webhdfs_set_script(rig->fake, &rig->script);
}

static inline double rig_waited_s(const struct rig *rig)
{
    return (double)rig->clock.monotonic.ns / 1e9;
}

#endif
