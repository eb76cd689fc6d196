CREATE DATABASE IF NOT EXISTS `tidemark`;

USE `tidemark`;

CREATE EXTERNAL TABLE IF NOT EXISTS `events_files` (
    `event_id` STRING,
    `event_type` STRING,
    `device_time` TIMESTAMP,
    `synced_time` TIMESTAMP,
    `user_id` STRING,
    `user_type` STRING,
    `device_id` STRING,
    `session_id` STRING,
    `channel` STRING,
    `platform` STRING,
    `app_version` STRING,
    `environment` STRING,
    `content_id` STRING,
    `content_type` STRING,
    `page` STRING,
    `action` STRING,
    `target` STRING,
    `duration` DECIMAL(18, 6),
    `event_time` TIMESTAMP,
    `received_time` TIMESTAMP,
    `sent_time` TIMESTAMP,
    `uid_high` BIGINT,
    `uid_low` BIGINT,
    `payload` STRING,
    `_partition` BIGINT,
    `_offset` BIGINT,
    `_index` BIGINT,
    `_epoch` BIGINT
)
PARTITIONED BY (`event_date` DATE)
STORED AS PARQUET
LOCATION 'hdfs://namenode:9000/lake/events';

ALTER TABLE `events_files` ADD IF NOT EXISTS
    PARTITION (`event_date` = '2024-08-19') LOCATION 'hdfs://namenode:9000/lake/events/event_date=2024-08-19'
    PARTITION (`event_date` = '2025-12-28') LOCATION 'hdfs://namenode:9000/lake/events/event_date=2025-12-28'
    PARTITION (`event_date` = '2025-12-29') LOCATION 'hdfs://namenode:9000/lake/events/event_date=2025-12-29'
    PARTITION (`event_date` = '2025-12-30') LOCATION 'hdfs://namenode:9000/lake/events/event_date=2025-12-30'
    PARTITION (`event_date` = '2025-12-31') LOCATION 'hdfs://namenode:9000/lake/events/event_date=2025-12-31'
    PARTITION (`event_date` = '2026-01-01') LOCATION 'hdfs://namenode:9000/lake/events/event_date=2026-01-01'
    PARTITION (`event_date` = '2026-01-02') LOCATION 'hdfs://namenode:9000/lake/events/event_date=2026-01-02'
    PARTITION (`event_date` = '2026-01-03') LOCATION 'hdfs://namenode:9000/lake/events/event_date=2026-01-03';

CREATE OR REPLACE VIEW `events` AS SELECT
    `event_id`, `event_type`, `device_time`, `synced_time`, `user_id`, `user_type`, `device_id`, `session_id`, `channel`, `platform`, `app_version`, `environment`, `content_id`, `content_type`, `page`, `action`, `target`, `duration`, `event_time`, `received_time`, `sent_time`, `uid_high`, `uid_low`, `payload`, `_partition`, `_offset`, `_index`, `_epoch`, `event_date`
FROM `events_files`
WHERE regexp_extract(INPUT__FILE__NAME, '[^/]+/[^/]+$', 0) IN (
    'event_date=2024-08-19/<writer>-0-0.parquet',
    'event_date=2025-12-28/<writer>-0-0.parquet',
    'event_date=2025-12-29/<writer>-0-0.parquet',
    'event_date=2025-12-30/<writer>-0-0.parquet',
    'event_date=2025-12-31/<writer>-0-0.parquet',
    'event_date=2026-01-01/<writer>-0-0.parquet',
    'event_date=2026-01-02/<writer>-0-0.parquet',
    'event_date=2026-01-03/<writer>-0-0.parquet'
);

CREATE EXTERNAL TABLE IF NOT EXISTS `rejected_files` (
    `reason` STRING,
    `pointer` STRING,
    `detail` STRING,
    `bytes` BINARY,
    `received_time` TIMESTAMP,
    `source` STRING,
    `partition` BIGINT,
    `offset` BIGINT,
    `index` BIGINT,
    `_epoch` BIGINT
)
PARTITIONED BY (`received_date` DATE)
STORED AS PARQUET
LOCATION 'hdfs://namenode:9000/lake/rejected';

ALTER TABLE `rejected_files` ADD IF NOT EXISTS
    PARTITION (`received_date` = '9999-12-31') LOCATION 'hdfs://namenode:9000/lake/rejected/received_date=__HIVE_DEFAULT_PARTITION__';

CREATE OR REPLACE VIEW `rejected` AS SELECT
    `reason`, `pointer`, `detail`, `bytes`, `received_time`, `source`, `partition`, `offset`, `index`, `_epoch`, 
    CASE WHEN `received_date` = DATE '9999-12-31' THEN NULL ELSE `received_date` END AS `received_date`
FROM `rejected_files`
WHERE regexp_extract(INPUT__FILE__NAME, '[^/]+/[^/]+$', 0) IN (
    'received_date=__HIVE_DEFAULT_PARTITION__/<writer>-0-0.parquet'
);

CREATE EXTERNAL TABLE IF NOT EXISTS `journeys_files` (
    `metric` STRING,
    `definition` STRING,
    `journey_key` STRING,
    `journey_group` STRING,
    `outcome` STRING,
    `reached` BIGINT,
    `step_count` BIGINT,
    `start_time` TIMESTAMP,
    `end_time` TIMESTAMP,
    `step_times` STRING,
    `conversion_us` BIGINT,
    `ordinal` BIGINT,
    `revision` BIGINT,
    `_partition` BIGINT,
    `_epoch` BIGINT
)
PARTITIONED BY (`start_date` DATE)
STORED AS PARQUET
LOCATION 'hdfs://namenode:9000/lake/journeys';

ALTER TABLE `journeys_files` ADD IF NOT EXISTS
    PARTITION (`start_date` = '2024-08-19') LOCATION 'hdfs://namenode:9000/lake/journeys/start_date=2024-08-19'
    PARTITION (`start_date` = '2025-12-28') LOCATION 'hdfs://namenode:9000/lake/journeys/start_date=2025-12-28'
    PARTITION (`start_date` = '2025-12-29') LOCATION 'hdfs://namenode:9000/lake/journeys/start_date=2025-12-29'
    PARTITION (`start_date` = '2025-12-30') LOCATION 'hdfs://namenode:9000/lake/journeys/start_date=2025-12-30'
    PARTITION (`start_date` = '2025-12-31') LOCATION 'hdfs://namenode:9000/lake/journeys/start_date=2025-12-31'
    PARTITION (`start_date` = '2026-01-01') LOCATION 'hdfs://namenode:9000/lake/journeys/start_date=2026-01-01'
    PARTITION (`start_date` = '2026-01-02') LOCATION 'hdfs://namenode:9000/lake/journeys/start_date=2026-01-02'
    PARTITION (`start_date` = '2026-01-03') LOCATION 'hdfs://namenode:9000/lake/journeys/start_date=2026-01-03';

CREATE OR REPLACE VIEW `journeys` AS SELECT
    `metric`, `definition`, `journey_key`, `journey_group`, `outcome`, `reached`, `step_count`, `start_time`, `end_time`, `step_times`, `conversion_us`, `ordinal`, `revision`, `_partition`, `_epoch`, `start_date`
FROM `journeys_files`
WHERE regexp_extract(INPUT__FILE__NAME, '[^/]+/[^/]+$', 0) IN (
    'start_date=2024-08-19/<writer>-0-0.parquet',
    'start_date=2025-12-28/<writer>-0-0.parquet',
    'start_date=2025-12-29/<writer>-0-0.parquet',
    'start_date=2025-12-30/<writer>-0-0.parquet',
    'start_date=2025-12-31/<writer>-0-0.parquet',
    'start_date=2026-01-01/<writer>-0-0.parquet',
    'start_date=2026-01-02/<writer>-0-0.parquet',
    'start_date=2026-01-03/<writer>-0-0.parquet'
);

CREATE EXTERNAL TABLE IF NOT EXISTS `raw_files` (
    `bytes` BINARY,
    `received_time` TIMESTAMP,
    `sent_time` TIMESTAMP,
    `source` STRING,
    `partition` BIGINT,
    `offset` BIGINT,
    `index` BIGINT,
    `_epoch` BIGINT
)
PARTITIONED BY (`received_date` DATE)
STORED AS PARQUET
LOCATION 'hdfs://namenode:9000/lake/raw';

CREATE OR REPLACE VIEW `raw` AS SELECT
    `bytes`, `received_time`, `sent_time`, `source`, `partition`, `offset`, `index`, `_epoch`, `received_date`
FROM `raw_files`
WHERE false;

CREATE EXTERNAL TABLE IF NOT EXISTS `metrics_files` (
    `metric` STRING,
    `definition` STRING,
    `generation` STRING,
    `window_start` TIMESTAMP,
    `window_end` TIMESTAMP,
    `dimensions` STRING,
    `value` DOUBLE,
    `result` STRING,
    `state` STRING,
    `epochs` STRING,
    `offsets` STRING,
    `run` BIGINT,
    `computed_time` TIMESTAMP
)
PARTITIONED BY (`window_date` DATE)
STORED AS PARQUET
LOCATION 'hdfs://namenode:9000/lake/metrics';

ALTER TABLE `metrics_files` ADD IF NOT EXISTS
    PARTITION (`window_date` = '2024-07-23') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-07-23'
    PARTITION (`window_date` = '2024-07-24') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-07-24'
    PARTITION (`window_date` = '2024-07-25') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-07-25'
    PARTITION (`window_date` = '2024-07-26') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-07-26'
    PARTITION (`window_date` = '2024-07-27') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-07-27'
    PARTITION (`window_date` = '2024-07-28') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-07-28'
    PARTITION (`window_date` = '2024-07-29') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-07-29'
    PARTITION (`window_date` = '2024-07-30') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-07-30'
    PARTITION (`window_date` = '2024-07-31') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-07-31'
    PARTITION (`window_date` = '2024-08-01') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-01'
    PARTITION (`window_date` = '2024-08-02') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-02'
    PARTITION (`window_date` = '2024-08-03') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-03'
    PARTITION (`window_date` = '2024-08-04') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-04'
    PARTITION (`window_date` = '2024-08-05') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-05'
    PARTITION (`window_date` = '2024-08-06') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-06'
    PARTITION (`window_date` = '2024-08-07') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-07'
    PARTITION (`window_date` = '2024-08-08') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-08'
    PARTITION (`window_date` = '2024-08-09') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-09'
    PARTITION (`window_date` = '2024-08-10') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-10'
    PARTITION (`window_date` = '2024-08-11') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-11'
    PARTITION (`window_date` = '2024-08-12') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-12'
    PARTITION (`window_date` = '2024-08-13') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-13'
    PARTITION (`window_date` = '2024-08-14') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-14'
    PARTITION (`window_date` = '2024-08-15') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-15'
    PARTITION (`window_date` = '2024-08-16') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-16'
    PARTITION (`window_date` = '2024-08-17') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-17'
    PARTITION (`window_date` = '2024-08-18') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-18'
    PARTITION (`window_date` = '2024-08-19') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2024-08-19'
    PARTITION (`window_date` = '2025-12-01') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-01'
    PARTITION (`window_date` = '2025-12-02') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-02'
    PARTITION (`window_date` = '2025-12-03') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-03'
    PARTITION (`window_date` = '2025-12-04') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-04'
    PARTITION (`window_date` = '2025-12-05') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-05'
    PARTITION (`window_date` = '2025-12-06') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-06'
    PARTITION (`window_date` = '2025-12-07') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-07'
    PARTITION (`window_date` = '2025-12-08') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-08'
    PARTITION (`window_date` = '2025-12-09') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-09'
    PARTITION (`window_date` = '2025-12-10') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-10'
    PARTITION (`window_date` = '2025-12-11') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-11'
    PARTITION (`window_date` = '2025-12-12') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-12'
    PARTITION (`window_date` = '2025-12-13') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-13'
    PARTITION (`window_date` = '2025-12-14') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-14'
    PARTITION (`window_date` = '2025-12-15') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-15'
    PARTITION (`window_date` = '2025-12-16') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-16'
    PARTITION (`window_date` = '2025-12-17') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-17'
    PARTITION (`window_date` = '2025-12-18') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-18'
    PARTITION (`window_date` = '2025-12-19') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-19'
    PARTITION (`window_date` = '2025-12-20') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-20'
    PARTITION (`window_date` = '2025-12-21') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-21'
    PARTITION (`window_date` = '2025-12-22') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-22'
    PARTITION (`window_date` = '2025-12-23') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-23'
    PARTITION (`window_date` = '2025-12-24') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-24'
    PARTITION (`window_date` = '2025-12-25') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-25'
    PARTITION (`window_date` = '2025-12-26') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-26'
    PARTITION (`window_date` = '2025-12-27') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-27'
    PARTITION (`window_date` = '2025-12-28') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-28'
    PARTITION (`window_date` = '2025-12-29') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-29'
    PARTITION (`window_date` = '2025-12-30') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-30'
    PARTITION (`window_date` = '2025-12-31') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2025-12-31'
    PARTITION (`window_date` = '2026-01-01') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2026-01-01'
    PARTITION (`window_date` = '2026-01-02') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2026-01-02'
    PARTITION (`window_date` = '2026-01-03') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=2026-01-03'
    PARTITION (`window_date` = '9999-12-31') LOCATION 'hdfs://namenode:9000/lake/metrics/window_date=__HIVE_DEFAULT_PARTITION__';

CREATE OR REPLACE VIEW `metrics` AS SELECT
    `metric`, `definition`, `generation`, `window_start`, `window_end`, `dimensions`, `value`, `result`, `state`, `epochs`, `offsets`, `run`, `computed_time`, 
    CASE WHEN `window_date` = DATE '9999-12-31' THEN NULL ELSE `window_date` END AS `window_date`
FROM `metrics_files`
WHERE regexp_extract(INPUT__FILE__NAME, '[^/]+/[^/]+$', 0) IN (
    'window_date=2024-07-23/<writer>-batch-1-1.parquet',
    'window_date=2024-07-24/<writer>-batch-1-2.parquet',
    'window_date=2024-07-25/<writer>-batch-1-3.parquet',
    'window_date=2024-07-26/<writer>-batch-1-4.parquet',
    'window_date=2024-07-27/<writer>-batch-1-5.parquet',
    'window_date=2024-07-28/<writer>-batch-1-6.parquet',
    'window_date=2024-07-29/<writer>-batch-1-7.parquet',
    'window_date=2024-07-30/<writer>-batch-1-8.parquet',
    'window_date=2024-07-31/<writer>-batch-1-9.parquet',
    'window_date=2024-08-01/<writer>-batch-1-10.parquet',
    'window_date=2024-08-02/<writer>-batch-1-11.parquet',
    'window_date=2024-08-03/<writer>-batch-1-12.parquet',
    'window_date=2024-08-04/<writer>-batch-1-13.parquet',
    'window_date=2024-08-05/<writer>-batch-1-14.parquet',
    'window_date=2024-08-06/<writer>-batch-1-15.parquet',
    'window_date=2024-08-07/<writer>-batch-1-16.parquet',
    'window_date=2024-08-08/<writer>-batch-1-17.parquet',
    'window_date=2024-08-09/<writer>-batch-1-18.parquet',
    'window_date=2024-08-10/<writer>-batch-1-19.parquet',
    'window_date=2024-08-11/<writer>-batch-1-20.parquet',
    'window_date=2024-08-12/<writer>-batch-1-21.parquet',
    'window_date=2024-08-13/<writer>-batch-1-22.parquet',
    'window_date=2024-08-14/<writer>-batch-1-23.parquet',
    'window_date=2024-08-15/<writer>-batch-1-24.parquet',
    'window_date=2024-08-16/<writer>-batch-1-25.parquet',
    'window_date=2024-08-17/<writer>-batch-1-26.parquet',
    'window_date=2024-08-18/<writer>-batch-1-27.parquet',
    'window_date=2024-08-19/<writer>-batch-1-28.parquet',
    'window_date=2025-12-01/<writer>-batch-1-29.parquet',
    'window_date=2025-12-02/<writer>-batch-1-30.parquet',
    'window_date=2025-12-03/<writer>-batch-1-31.parquet',
    'window_date=2025-12-04/<writer>-batch-1-32.parquet',
    'window_date=2025-12-05/<writer>-batch-1-33.parquet',
    'window_date=2025-12-06/<writer>-batch-1-34.parquet',
    'window_date=2025-12-07/<writer>-batch-1-35.parquet',
    'window_date=2025-12-08/<writer>-batch-1-36.parquet',
    'window_date=2025-12-09/<writer>-batch-1-37.parquet',
    'window_date=2025-12-10/<writer>-batch-1-38.parquet',
    'window_date=2025-12-11/<writer>-batch-1-39.parquet',
    'window_date=2025-12-12/<writer>-batch-1-40.parquet',
    'window_date=2025-12-13/<writer>-batch-1-41.parquet',
    'window_date=2025-12-14/<writer>-batch-1-42.parquet',
    'window_date=2025-12-15/<writer>-batch-1-43.parquet',
    'window_date=2025-12-16/<writer>-batch-1-44.parquet',
    'window_date=2025-12-17/<writer>-batch-1-45.parquet',
    'window_date=2025-12-18/<writer>-batch-1-46.parquet',
    'window_date=2025-12-19/<writer>-batch-1-47.parquet',
    'window_date=2025-12-20/<writer>-batch-1-48.parquet',
    'window_date=2025-12-21/<writer>-batch-1-49.parquet',
    'window_date=2025-12-22/<writer>-batch-1-50.parquet',
    'window_date=2025-12-23/<writer>-batch-1-51.parquet',
    'window_date=2025-12-24/<writer>-batch-1-52.parquet',
    'window_date=2025-12-25/<writer>-batch-1-53.parquet',
    'window_date=2025-12-26/<writer>-batch-1-54.parquet',
    'window_date=2025-12-27/<writer>-batch-1-55.parquet',
    'window_date=2025-12-28/<writer>-batch-1-56.parquet',
    'window_date=2025-12-29/<writer>-batch-1-57.parquet',
    'window_date=2025-12-30/<writer>-batch-1-58.parquet',
    'window_date=2025-12-31/<writer>-batch-1-59.parquet',
    'window_date=2026-01-01/<writer>-batch-1-60.parquet',
    'window_date=2026-01-02/<writer>-batch-1-61.parquet',
    'window_date=2026-01-03/<writer>-batch-1-62.parquet',
    'window_date=__HIVE_DEFAULT_PARTITION__/<writer>-batch-1-0.parquet'
);

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

