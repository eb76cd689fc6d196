-- Feature adoption: of the day's devices, the share that used the feature.
SELECT f.event_date, f.feature_name, f.devices, d.devices AS devices_of_day,
    CAST(f.devices AS DOUBLE) / d.devices AS adoption
FROM (
    SELECT event_date, feature_name, COUNT(DISTINCT device_id) AS devices
    FROM events
    WHERE event_type = 'feature_used'
    GROUP BY event_date, feature_name
) f
JOIN (
    SELECT event_date, COUNT(DISTINCT device_id) AS devices
    FROM events
    GROUP BY event_date
) d ON d.event_date = f.event_date
ORDER BY f.event_date, f.feature_name NULLS FIRST
