-- Daily active users, and the change against the day before.
SELECT event_date, users,
    users - LAG(users) OVER (ORDER BY event_date) AS change
FROM (
    SELECT event_date, COUNT(DISTINCT user_id) AS users
    FROM events
    GROUP BY event_date
) t
ORDER BY event_date
