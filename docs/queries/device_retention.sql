-- Weekly retention: of each cohort the share that came back, from the metric weekly_retention.
SELECT cohort, size,
    CAST(retained_1 AS DOUBLE) / size AS week_1,
    CAST(retained_2 AS DOUBLE) / size AS week_2,
    CAST(retained_3 AS DOUBLE) / size AS week_3,
    CAST(retained_4 AS DOUBLE) / size AS week_4
FROM weekly_retention
ORDER BY cohort
