CREATE DATABASE IF NOT EXISTS `tidemark`;

USE `tidemark`;

CREATE TABLE IF NOT EXISTS `events` USING delta LOCATION 'hdfs://namenode:9000/lake/events';

CREATE TABLE IF NOT EXISTS `rejected` USING delta LOCATION 'hdfs://namenode:9000/lake/rejected';

CREATE TABLE IF NOT EXISTS `journeys` USING delta LOCATION 'hdfs://namenode:9000/lake/journeys';

CREATE TABLE IF NOT EXISTS `metrics` USING delta LOCATION 'hdfs://namenode:9000/lake/metrics';

CREATE OR REPLACE VIEW `events_derived` AS SELECT e.*,
    CASE WHEN platform IS NULL THEN NULL WHEN platform LIKE '%.app' THEN 'Mobile' WHEN platform LIKE '%.mobile' THEN 'Mobile' WHEN platform LIKE '%.portal' THEN 'Web' WHEN platform LIKE '%.desktop' THEN 'Desktop' ELSE 'Service' END AS `client`
FROM events e;

CREATE OR REPLACE VIEW `journeys_now` AS SELECT j.`metric`, j.`definition`, j.`journey_key`, j.`journey_group`, j.`outcome`, j.`reached`, j.`step_count`, j.`start_time`, j.`end_time`, j.`step_times`, j.`conversion_us`, j.`ordinal`, j.`revision`, j.`_partition`, j.`_epoch`, j.`start_date`
FROM (
    SELECT r.*, ROW_NUMBER() OVER (
        PARTITION BY metric, journey_key, start_time, ordinal ORDER BY revision DESC
    ) AS place
    FROM journeys r
) j
WHERE j.place = 1 AND j.outcome <> 'withdrawn';

CREATE OR REPLACE VIEW `metrics_now` AS SELECT c.`metric`, c.`definition`, c.`generation`, c.`window_start`, c.`window_end`, c.`dimensions`, c.`value`, c.`result`, c.`state`, c.`epochs`, c.`offsets`, c.`run`, c.`computed_time`, c.`window_date`
FROM metrics c
JOIN (
    SELECT w.metric, w.definition, w.window_start, w.window_end, MAX(o.run) AS run
    FROM (SELECT DISTINCT metric, definition, window_start, window_end
          FROM metrics WHERE generation = 'batch') w
    JOIN metrics o ON o.metric = w.metric AND o.definition = w.definition
    WHERE o.generation = 'coverage'
        AND (o.window_start IS NULL OR o.window_start <= w.window_start)
        AND (o.window_end IS NULL OR o.window_end >= w.window_end)
    GROUP BY w.metric, w.definition, w.window_start, w.window_end
) n ON n.metric = c.metric AND n.definition = c.definition
    AND n.window_start = c.window_start AND n.window_end = c.window_end
    AND n.run = c.run
WHERE c.generation = 'batch';

CREATE OR REPLACE VIEW `daily_active_users` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'daily_active_users' AND definition = '3cd831305354b837bae71b80b682270b';

CREATE OR REPLACE VIEW `weekly_active_users` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'weekly_active_users' AND definition = '24426bac96e0aded68b5a7b2d57a91ef';

CREATE OR REPLACE VIEW `monthly_active_users` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'monthly_active_users' AND definition = '8184cc5fa80ecf5efa1b2a8bf9bd221a';

CREATE OR REPLACE VIEW `stickiness` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `value`,
    CAST(NULLIF(regexp_extract(result, '"numerator": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `numerator`,
    CAST(NULLIF(regexp_extract(result, '"denominator": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `denominator`,
    run, computed_time
FROM metrics_now
WHERE metric = 'stickiness' AND definition = 'd13799e862613b2fd751546fea96effb';

CREATE OR REPLACE VIEW `active_users` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.platform') AS `platform`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'active_users' AND definition = '60810c3e62f868361a6baff255ba087d';

CREATE OR REPLACE VIEW `client_users` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.client') AS `client`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'client_users' AND definition = '3906f86ad8b4728b06f03072d5541b9b';

CREATE OR REPLACE VIEW `version_users` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.platform') AS `platform`,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'version_users' AND definition = '22aaff269fd1184515f17c4e46930b42';

CREATE OR REPLACE VIEW `events_per_type` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.event_type') AS `event_type`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'events_per_type' AND definition = 'd6acab845845de4726c4dfcd90a8038e';

CREATE OR REPLACE VIEW `top_pages` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.page') AS `page`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'top_pages' AND definition = 'd9e906a5dabcf10ff18db678415e7c36';

CREATE OR REPLACE VIEW `completion_time` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.content_id') AS `content_id`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `value`,
    CAST(NULLIF(regexp_extract(result, '"count": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `count`,
    CAST(NULLIF(regexp_extract(result, '"sum": (-?[0-9][0-9.eE+-]*)', 1), '') AS DECIMAL(38, 6)) AS `sum`,
    run, computed_time
FROM metrics_now
WHERE metric = 'completion_time' AND definition = '0055a5f52e8d7bd5e926ee5e631a6d10';

CREATE OR REPLACE VIEW `multi_device_users` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'multi_device_users' AND definition = '1b4d668b7679fe5868d51795bc035b62';

CREATE OR REPLACE VIEW `repeated_clicks` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.page') AS `page`,
    get_json_object(dimensions, '$.target') AS `target`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'repeated_clicks' AND definition = '6ada340b4e636a591b764bcc4764bdce';

CREATE OR REPLACE VIEW `learning_funnel` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"entered": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `entered`,
    CAST(NULLIF(regexp_extract(result, '"completed": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `completed`,
    CAST(NULLIF(regexp_extract(result, '"open": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `open`,
    CAST(NULLIF(regexp_extract(result, '"unmatched": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `unmatched`,
    CAST(NULLIF(regexp_extract(result, '"completed": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) / NULLIF(CAST(NULLIF(regexp_extract(result, '"entered": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE), 0) AS `conversion`,
    CAST(get_json_object(result, '$.steps[0].reached') AS BIGINT) AS `impression_reached`,
    CAST(get_json_object(result, '$.steps[0].entities') AS BIGINT) AS `impression_entities`,
    CAST(get_json_object(result, '$.steps[0].abandoned') AS BIGINT) AS `impression_abandoned`,
    CAST(get_json_object(result, '$.steps[1].reached') AS BIGINT) AS `start_reached`,
    CAST(get_json_object(result, '$.steps[1].entities') AS BIGINT) AS `start_entities`,
    CAST(get_json_object(result, '$.steps[1].abandoned') AS BIGINT) AS `start_abandoned`,
    CAST(get_json_object(result, '$.steps[2].reached') AS BIGINT) AS `end_reached`,
    CAST(get_json_object(result, '$.steps[2].entities') AS BIGINT) AS `end_entities`,
    CAST(get_json_object(result, '$.steps[2].abandoned') AS BIGINT) AS `end_abandoned`,
    CAST(NULLIF(regexp_extract(result, '"mean_time": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `mean_time`,
    CAST(NULLIF(regexp_extract(result, '"median_time": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `median_time`,
    run, computed_time
FROM metrics_now
WHERE metric = 'learning_funnel' AND definition = 'f824248b06773bd06ec65471130664bd';

CREATE OR REPLACE VIEW `page_funnel` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"entered": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `entered`,
    CAST(NULLIF(regexp_extract(result, '"completed": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `completed`,
    CAST(NULLIF(regexp_extract(result, '"open": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `open`,
    CAST(NULLIF(regexp_extract(result, '"unmatched": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `unmatched`,
    CAST(NULLIF(regexp_extract(result, '"completed": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) / NULLIF(CAST(NULLIF(regexp_extract(result, '"entered": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE), 0) AS `conversion`,
    CAST(get_json_object(result, '$.steps[0].reached') AS BIGINT) AS `impression_reached`,
    CAST(get_json_object(result, '$.steps[0].entities') AS BIGINT) AS `impression_entities`,
    CAST(get_json_object(result, '$.steps[0].abandoned') AS BIGINT) AS `impression_abandoned`,
    CAST(get_json_object(result, '$.steps[1].reached') AS BIGINT) AS `interact_reached`,
    CAST(get_json_object(result, '$.steps[1].entities') AS BIGINT) AS `interact_entities`,
    CAST(get_json_object(result, '$.steps[1].abandoned') AS BIGINT) AS `interact_abandoned`,
    CAST(get_json_object(result, '$.steps[2].reached') AS BIGINT) AS `end_reached`,
    CAST(get_json_object(result, '$.steps[2].entities') AS BIGINT) AS `end_entities`,
    CAST(get_json_object(result, '$.steps[2].abandoned') AS BIGINT) AS `end_abandoned`,
    CAST(NULLIF(regexp_extract(result, '"mean_time": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `mean_time`,
    CAST(NULLIF(regexp_extract(result, '"median_time": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `median_time`,
    run, computed_time
FROM metrics_now
WHERE metric = 'page_funnel' AND definition = '8335739b1be36cfa5a90c05fa4ff9689';

CREATE OR REPLACE VIEW `sessions` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.platform') AS `platform`,
    CAST(NULLIF(regexp_extract(result, '"sessions": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `sessions`,
    CAST(NULLIF(regexp_extract(result, '"events": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `events`,
    CAST(NULLIF(regexp_extract(result, '"bounced": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `bounced`,
    CAST(NULLIF(regexp_extract(result, '"mean_duration": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `mean_duration`,
    CAST(NULLIF(regexp_extract(result, '"median_duration": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `median_duration`,
    run, computed_time
FROM metrics_now
WHERE metric = 'sessions' AND definition = '60f2de126c68f24b95d69d2632243dee';

CREATE OR REPLACE VIEW `daily_retention` AS SELECT window_start, window_end,
    CAST(get_json_object(result, '$.cohort') AS DATE) AS `cohort`,
    CAST(NULLIF(regexp_extract(result, '"size": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `size`,
    CAST(get_json_object(result, '$.retained[0]') AS BIGINT) AS `retained_0`,
    CAST(get_json_object(result, '$.retained[1]') AS BIGINT) AS `retained_1`,
    CAST(get_json_object(result, '$.retained[2]') AS BIGINT) AS `retained_2`,
    CAST(get_json_object(result, '$.retained[3]') AS BIGINT) AS `retained_3`,
    CAST(get_json_object(result, '$.retained[4]') AS BIGINT) AS `retained_4`,
    CAST(get_json_object(result, '$.retained[5]') AS BIGINT) AS `retained_5`,
    CAST(get_json_object(result, '$.retained[6]') AS BIGINT) AS `retained_6`,
    CAST(get_json_object(result, '$.retained[7]') AS BIGINT) AS `retained_7`,
    CAST(get_json_object(result, '$.retained[8]') AS BIGINT) AS `retained_8`,
    CAST(get_json_object(result, '$.retained[9]') AS BIGINT) AS `retained_9`,
    CAST(get_json_object(result, '$.retained[10]') AS BIGINT) AS `retained_10`,
    CAST(get_json_object(result, '$.retained[11]') AS BIGINT) AS `retained_11`,
    CAST(get_json_object(result, '$.retained[12]') AS BIGINT) AS `retained_12`,
    CAST(get_json_object(result, '$.retained[13]') AS BIGINT) AS `retained_13`,
    CAST(get_json_object(result, '$.retained[14]') AS BIGINT) AS `retained_14`,
    run, computed_time
FROM metrics_now
WHERE metric = 'daily_retention' AND definition = '3ce487f306358fa5eb5adebc7a67a227';

