-- Performance: percentiles of each measure of a day, by version.
SELECT event_date, metric_name, unit, app_version,
    COUNT(metric_value) AS measurements,
    CAST(percentile_disc(0.5) WITHIN GROUP (ORDER BY metric_value) AS DOUBLE) AS p50,
    CAST(percentile_disc(0.95) WITHIN GROUP (ORDER BY metric_value) AS DOUBLE) AS p95,
    CAST(percentile_disc(0.99) WITHIN GROUP (ORDER BY metric_value) AS DOUBLE) AS p99
FROM events
WHERE event_type = 'performance_metric'
GROUP BY event_date, metric_name, unit, app_version
ORDER BY event_date, metric_name NULLS FIRST, unit NULLS FIRST, app_version NULLS FIRST
