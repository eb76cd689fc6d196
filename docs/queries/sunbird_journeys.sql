-- Journeys that have ended, by outcome, with their mean conversion time in seconds.
SELECT metric, outcome, COUNT(*) AS journeys,
    CAST(SUM(conversion_us) AS DOUBLE) / NULLIF(COUNT(conversion_us), 0) / 1000000 AS mean_seconds
FROM journeys_now
GROUP BY metric, outcome
ORDER BY metric, outcome
