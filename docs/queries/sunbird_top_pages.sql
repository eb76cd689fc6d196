-- Top pages: the twenty with the most impressions, over all days.
SELECT page, COUNT(*) AS impressions, COUNT(DISTINCT user_id) AS users
FROM events
WHERE event_type = 'IMPRESSION' AND page IS NOT NULL
GROUP BY page
ORDER BY impressions DESC, page
LIMIT 20
