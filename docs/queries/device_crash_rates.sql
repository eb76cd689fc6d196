-- Crash rates: of the devices of a version and kind, the share that crashed, over all days.
SELECT app_version, device_type,
    COUNT(DISTINCT device_id) AS devices,
    COUNT(DISTINCT CASE WHEN event_type = 'crash_event' THEN device_id END) AS crashed_devices,
    SUM(CASE WHEN event_type = 'crash_event' THEN 1 ELSE 0 END) AS crashes,
    SUM(CASE WHEN event_type = 'crash_event' AND is_fatal THEN 1 ELSE 0 END) AS fatal_crashes,
    CAST(COUNT(DISTINCT CASE WHEN event_type = 'crash_event' THEN device_id END) AS DOUBLE)
        / COUNT(DISTINCT device_id) AS crash_rate
FROM events
GROUP BY app_version, device_type
ORDER BY app_version NULLS FIRST, device_type NULLS FIRST
