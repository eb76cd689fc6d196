"""Events of the tests are stamped now, and most numbers are of days: a day that ended in the middle of
a test would cut in two what it counts."""

import time

DAY_S = 86400
SPARE_S = 180  # more than such a test takes on a busy machine


def keep_off(east_s=0):
    """Waits, once a day at most, until midnight is over in a zone so far east of UTC."""
    left_s = DAY_S - (time.time() + east_s) % DAY_S
    if left_s < SPARE_S:
        time.sleep(left_s + 1)
