-- Completion time: the mean of what the day's END events report, in seconds, by content.
SELECT event_date, content_id,
    COUNT(duration) AS reported,
    CAST(SUM(duration) AS DOUBLE) / NULLIF(COUNT(duration), 0) AS mean_seconds
FROM events
WHERE event_type = 'END'
GROUP BY event_date, content_id
ORDER BY event_date, content_id NULLS FIRST
