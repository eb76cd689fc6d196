CREATE DATABASE IF NOT EXISTS `tidemark`;

USE `tidemark`;

CREATE TABLE IF NOT EXISTS `events` USING delta LOCATION 'hdfs://namenode:9000/lake/events';

CREATE TABLE IF NOT EXISTS `rejected` USING delta LOCATION 'hdfs://namenode:9000/lake/rejected';

CREATE TABLE IF NOT EXISTS `metrics` USING delta LOCATION 'hdfs://namenode:9000/lake/metrics';

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

CREATE OR REPLACE VIEW `active_devices` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.region') AS `region`,
    get_json_object(dimensions, '$.device_type') AS `device_type`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'active_devices' AND definition = '0af7fc417c887d5c89e35e998df24f32';

CREATE OR REPLACE VIEW `error_spikes` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.os') AS `os`,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'error_spikes' AND definition = '1b8bdfd0852a0ff92909376aad8c0edd';

CREATE OR REPLACE VIEW `crashed_devices_30s` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.os') AS `os`,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'crashed_devices_30s' AND definition = '7048ee86d228ae06bc83b7fa6ab70251';

CREATE OR REPLACE VIEW `feature_usage` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.feature_name') AS `feature_name`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'feature_usage' AND definition = 'd79d245d0cb8b7758e639b924e942a2a';

CREATE OR REPLACE VIEW `daily_active_devices` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'daily_active_devices' AND definition = 'e3b97e785539fcee80196abdd370557a';

CREATE OR REPLACE VIEW `monthly_active_devices` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'monthly_active_devices' AND definition = 'bfbc9a9dc9cd8c490eb588faaedfda4b';

CREATE OR REPLACE VIEW `stickiness` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `value`,
    CAST(NULLIF(regexp_extract(result, '"numerator": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `numerator`,
    CAST(NULLIF(regexp_extract(result, '"denominator": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `denominator`,
    run, computed_time
FROM metrics_now
WHERE metric = 'stickiness' AND definition = 'ab702e2a950884465cc2e4903278ea16';

CREATE OR REPLACE VIEW `daily_events` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.event_type') AS `event_type`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'daily_events' AND definition = 'c40336aa1d05fcaeec46c1b1d0b64062';

CREATE OR REPLACE VIEW `usage_trends` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.device_type') AS `device_type`,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'usage_trends' AND definition = 'ddb45925a3415667bdd29e5e7b662188';

CREATE OR REPLACE VIEW `regional_trends` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.region') AS `region`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'regional_trends' AND definition = 'f0799be09a69849e0da52f7617455100';

CREATE OR REPLACE VIEW `regional_events` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.region') AS `region`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'regional_events' AND definition = '9642826c41b602bb9336d42ca3508d04';

CREATE OR REPLACE VIEW `sessions` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.device_type') AS `device_type`,
    CAST(NULLIF(regexp_extract(result, '"sessions": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `sessions`,
    CAST(NULLIF(regexp_extract(result, '"events": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `events`,
    CAST(NULLIF(regexp_extract(result, '"bounced": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `bounced`,
    CAST(NULLIF(regexp_extract(result, '"mean_duration": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `mean_duration`,
    CAST(NULLIF(regexp_extract(result, '"median_duration": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `median_duration`,
    run, computed_time
FROM metrics_now
WHERE metric = 'sessions' AND definition = '3be105883c2de064f6ab2a42b144e795';

CREATE OR REPLACE VIEW `feature_devices` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.feature_name') AS `feature_name`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'feature_devices' AND definition = 'f499085cecf41fa50ecba0d12cb2df5a';

CREATE OR REPLACE VIEW `feature_adoption` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.feature_name') AS `feature_name`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `value`,
    CAST(NULLIF(regexp_extract(result, '"numerator": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `numerator`,
    CAST(NULLIF(regexp_extract(result, '"denominator": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `denominator`,
    run, computed_time
FROM metrics_now
WHERE metric = 'feature_adoption' AND definition = '672f99e406e7425d85cef60bca81a138';

CREATE OR REPLACE VIEW `feature_ranking` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.feature_name') AS `feature_name`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'feature_ranking' AND definition = '3f0da219221ece6a6b14aac1f6f3d820';

CREATE OR REPLACE VIEW `feature_time` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.feature_name') AS `feature_name`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `value`,
    CAST(NULLIF(regexp_extract(result, '"count": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `count`,
    CAST(NULLIF(regexp_extract(result, '"sum": (-?[0-9][0-9.eE+-]*)', 1), '') AS DECIMAL(38, 6)) AS `sum`,
    run, computed_time
FROM metrics_now
WHERE metric = 'feature_time' AND definition = '0056c786a6ed5c1fc9f6d5252f64f110';

CREATE OR REPLACE VIEW `crashes` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.crash_type') AS `crash_type`,
    get_json_object(dimensions, '$.os') AS `os`,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'crashes' AND definition = '38339e6ba90c23d0aa820e2ea9b821fd';

CREATE OR REPLACE VIEW `fatal_crashes` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'fatal_crashes' AND definition = 'e3361ddfc057dc4200df578071e5b533';

CREATE OR REPLACE VIEW `crashed_devices` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'crashed_devices' AND definition = '6f5d488c3d925cbe770c8d2b5222c6f9';

CREATE OR REPLACE VIEW `version_devices` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'version_devices' AND definition = '5cac79479ef39c6fd5ebfc0881de8e45';

CREATE OR REPLACE VIEW `crash_rate` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS DOUBLE) AS `value`,
    CAST(NULLIF(regexp_extract(result, '"numerator": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `numerator`,
    CAST(NULLIF(regexp_extract(result, '"denominator": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `denominator`,
    run, computed_time
FROM metrics_now
WHERE metric = 'crash_rate' AND definition = '7ee3c829a3578e8d563216d2788f5391';

CREATE OR REPLACE VIEW `repeat_crashers` AS SELECT window_start, window_end,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'repeat_crashers' AND definition = '20f503d762cd75b91139919c70444f33';

CREATE OR REPLACE VIEW `performance` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.metric_name') AS `metric_name`,
    get_json_object(dimensions, '$.unit') AS `unit`,
    get_json_object(dimensions, '$.device_type') AS `device_type`,
    get_json_object(dimensions, '$.os') AS `os`,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"count": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `count`,
    CAST(NULLIF(regexp_extract(result, '"0[.]5": (-?[0-9][0-9.eE+-]*)', 1), '') AS DECIMAL(18, 6)) AS `p50`,
    CAST(NULLIF(regexp_extract(result, '"0[.]95": (-?[0-9][0-9.eE+-]*)', 1), '') AS DECIMAL(18, 6)) AS `p95`,
    CAST(NULLIF(regexp_extract(result, '"0[.]99": (-?[0-9][0-9.eE+-]*)', 1), '') AS DECIMAL(18, 6)) AS `p99`,
    run, computed_time
FROM metrics_now
WHERE metric = 'performance' AND definition = '54f20dd70f81cfad5544c6daa62d2743';

CREATE OR REPLACE VIEW `launch_time` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.is_cold_start') = 'true' AS `is_cold_start`,
    get_json_object(dimensions, '$.app_version') AS `app_version`,
    CAST(NULLIF(regexp_extract(result, '"count": (-?[0-9][0-9.eE+-]*)', 1), '') AS BIGINT) AS `count`,
    CAST(NULLIF(regexp_extract(result, '"0[.]5": (-?[0-9][0-9.eE+-]*)', 1), '') AS DECIMAL(18, 6)) AS `p50`,
    CAST(NULLIF(regexp_extract(result, '"0[.]95": (-?[0-9][0-9.eE+-]*)', 1), '') AS DECIMAL(18, 6)) AS `p95`,
    CAST(NULLIF(regexp_extract(result, '"0[.]99": (-?[0-9][0-9.eE+-]*)', 1), '') AS DECIMAL(18, 6)) AS `p99`,
    run, computed_time
FROM metrics_now
WHERE metric = 'launch_time' AND definition = 'b099b5bb181b2ba866823812e7f10962';

CREATE OR REPLACE VIEW `memory_at_crash` AS SELECT window_start, window_end,
    get_json_object(dimensions, '$.os') AS `os`,
    CAST(NULLIF(regexp_extract(result, '"value": (-?[0-9][0-9.eE+-]*)', 1), '') AS DECIMAL(18, 6)) AS `value`,
    run, computed_time
FROM metrics_now
WHERE metric = 'memory_at_crash' AND definition = 'd670e531c73edb8342accb0859aa6ae5';

CREATE OR REPLACE VIEW `weekly_retention` AS SELECT window_start, window_end,
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
    run, computed_time
FROM metrics_now
WHERE metric = 'weekly_retention' AND definition = '472dbe0688a4ac842efc0b08f4a2707d';

