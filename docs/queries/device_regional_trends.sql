-- Regional trends: devices and events of a day, and the region's share of the day's events.
SELECT event_date, region, devices, events,
    CAST(events AS DOUBLE) / SUM(events) OVER (PARTITION BY event_date) AS share
FROM (
    SELECT event_date, region, COUNT(DISTINCT device_id) AS devices, COUNT(*) AS events
    FROM events
    GROUP BY event_date, region
) t
ORDER BY event_date, region NULLS FIRST
