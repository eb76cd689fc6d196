-- Drop-off of the learning funnel by day and step, from the metric learning_funnel.
SELECT window_start, step, name, reached, abandoned,
    CAST(abandoned AS DOUBLE) / NULLIF(reached, 0) AS dropoff
FROM (
    SELECT window_start, 1 AS step, 'impression' AS name,
        impression_reached AS reached, impression_abandoned AS abandoned
    FROM learning_funnel
    UNION ALL
    SELECT window_start, 2, 'start', start_reached, start_abandoned FROM learning_funnel
    UNION ALL
    SELECT window_start, 3, 'end', end_reached, end_abandoned FROM learning_funnel
) t
ORDER BY window_start, step
