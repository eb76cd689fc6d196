-- Feature ranking: the ten features that were used most on each day.
SELECT event_date, place, feature_name, uses
FROM (
    SELECT event_date, feature_name, uses,
        ROW_NUMBER() OVER (
            PARTITION BY event_date ORDER BY uses DESC, feature_name NULLS FIRST
        ) AS place
    FROM (
        SELECT event_date, feature_name, COUNT(*) AS uses
        FROM events
        WHERE event_type = 'feature_used'
        GROUP BY event_date, feature_name
    ) u
) t
WHERE place <= 10
ORDER BY event_date, place
