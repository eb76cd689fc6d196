-- The health of a version by day, from the metrics that batch computed.
SELECT r.window_start, r.app_version, r.denominator AS devices, r.numerator AS crashed_devices,
    r.value AS crash_rate, f.value AS fatal_crashes
FROM crash_rate r
LEFT JOIN fatal_crashes f ON f.window_start = r.window_start AND f.app_version = r.app_version
ORDER BY r.window_start, r.app_version NULLS FIRST
