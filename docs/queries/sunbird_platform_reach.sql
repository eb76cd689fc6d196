-- Platform reach: users of each platform and version, over all days.
SELECT platform, app_version, COUNT(DISTINCT user_id) AS users, COUNT(*) AS events
FROM events
GROUP BY platform, app_version
ORDER BY platform NULLS FIRST, app_version NULLS FIRST
