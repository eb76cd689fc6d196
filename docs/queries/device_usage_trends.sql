-- Usage trends: devices and events of a day, by kind of device and version.
SELECT event_date, device_type, app_version,
    COUNT(DISTINCT device_id) AS devices,
    COUNT(*) AS events,
    SUM(CASE WHEN event_type = 'app_open' THEN 1 ELSE 0 END) AS opens
FROM events
GROUP BY event_date, device_type, app_version
ORDER BY event_date, device_type NULLS FIRST, app_version NULLS FIRST
