-- Mobile against web: users of the day, by the client that the platform's name tells.
SELECT event_date, client, COUNT(DISTINCT user_id) AS users
FROM events_derived
GROUP BY event_date, client
ORDER BY event_date, client NULLS FIRST
