-- The tables of Trackway's first release.
--
-- Every table: non_replicated_deduplication_window makes insert_deduplication_token work on a plain MergeTree (off by
-- default); fsync_after_insert and fsync_part_directory make an answered insert survive a power cut.

-- One row per event, as the collector accepted it.
--
-- A row's partition follows received_at, so an insert block lies in one partition (two at the turn of a month) whatever
-- the clients' clocks say. The sort key serves questions that name events; docs/adr/0002-sort-key.md has the figures.
CREATE TABLE IF NOT EXISTS events
(
    source LowCardinality(String) COMMENT 'write key''s source: which program sent it',
    type LowCardinality(String) COMMENT 'track, identify, page, screen, group or alias',
    event LowCardinality(String) COMMENT 'the name of a track call; $page, $screen, $identify, $group, $alias otherwise',
    name String COMMENT 'the name of a page or screen' CODEC(ZSTD(1)),
    message_id String COMMENT 'unique per source within 7 days' CODEC(ZSTD(1)),
    person_id String COMMENT 'user_id, else anonymous_id' CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    anonymous_id String CODEC(ZSTD(1)),
    previous_id String CODEC(ZSTD(1)),
    group_id String CODEC(ZSTD(1)),
    session_id String COMMENT 'empty when the client sent none' CODEC(ZSTD(1)),

    timestamp DateTime64(6, 'UTC') COMMENT 'when it happened, corrected for clock skew' CODEC(Delta(8), ZSTD(1)),
    original_timestamp Nullable(DateTime64(6, 'UTC')) COMMENT 'as the client said' CODEC(Delta(8), ZSTD(1)),
    sent_at Nullable(DateTime64(6, 'UTC')) COMMENT 'the client''s clock when it sent the batch' CODEC(Delta(8), ZSTD(1)),
    received_at DateTime64(6, 'UTC') COMMENT 'the collector''s clock' CODEC(Delta(8), ZSTD(1)),

    plan_rev UInt32 COMMENT 'plan revision the sender checked against, 0 when unstamped' CODEC(T64, ZSTD(1)),
    validated_rev UInt32 COMMENT 'plan revision the collector checked against, 0 without a plan' CODEC(T64, ZSTD(1)),
    verdict LowCardinality(String) COMMENT 'ok, flagged or unplanned',
    violations Array(LowCardinality(String)) COMMENT '"code" or "code /path" of each thing flagged' CODEC(ZSTD(1)),

    library_name LowCardinality(String),
    library_version LowCardinality(String),
    page_url String CODEC(ZSTD(1)),
    page_path String CODEC(ZSTD(1)),
    page_title String CODEC(ZSTD(1)),
    page_referrer String CODEC(ZSTD(1)),
    page_search String CODEC(ZSTD(1)),
    campaign_source LowCardinality(String),
    campaign_medium LowCardinality(String),
    campaign_name LowCardinality(String),
    campaign_term LowCardinality(String),
    campaign_content LowCardinality(String),
    user_agent String CODEC(ZSTD(1)),
    ip String CODEC(ZSTD(1)),
    locale LowCardinality(String),
    timezone LowCardinality(String),
    device_type LowCardinality(String),
    device_manufacturer LowCardinality(String),
    device_model LowCardinality(String),
    device_id String CODEC(ZSTD(1)),
    os_name LowCardinality(String),
    os_version LowCardinality(String),
    app_name LowCardinality(String),
    app_version LowCardinality(String),
    screen_width UInt16 COMMENT 'pixels, 0 when unknown' CODEC(T64, ZSTD(1)),
    screen_height UInt16 COMMENT 'pixels, 0 when unknown' CODEC(T64, ZSTD(1)),
    context String COMMENT 'JSON text of the context that has no column' CODEC(ZSTD(3)),
    integrations String COMMENT 'JSON text, empty when not sent' CODEC(ZSTD(3)),

    -- `trackway_collector.warehouse.plan_columns` adds a typed path for each planned property, and says how to read.
    properties JSON(max_dynamic_paths = 128, max_dynamic_types = 8) CODEC(ZSTD(1)),
    traits JSON(max_dynamic_paths = 128, max_dynamic_types = 8) CODEC(ZSTD(1)),
    misfits Map(LowCardinality(String), String) COMMENT 'path → JSON text of a value that its type cannot hold' CODEC(ZSTD(1)),

    spool LowCardinality(String) COMMENT 'the spool directory it came from',
    segment UInt32 COMMENT 'spool segment' CODEC(Delta(4), ZSTD(1)),
    offset UInt64 COMMENT 'ordinal of the event in its segment' CODEC(Delta(8), ZSTD(1)),

    -- Counting a spool block after a restart reads the few parts that can hold it.
    INDEX segment_range segment TYPE minmax GRANULARITY 1,
    INDEX message_ids message_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX persons person_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (event, toDate(timestamp), person_id, timestamp, message_id)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Events that contradict the plan, whole, with the reasons; nothing of them is lost.
CREATE TABLE IF NOT EXISTS quarantine
(
    source LowCardinality(String),
    type LowCardinality(String),
    event LowCardinality(String),
    message_id String CODEC(ZSTD(1)),
    person_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    anonymous_id String CODEC(ZSTD(1)),
    timestamp Nullable(DateTime64(6, 'UTC')) COMMENT 'NULL when it could not be read' CODEC(Delta(8), ZSTD(1)),
    sent_at Nullable(DateTime64(6, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    plan_rev UInt32,
    validated_rev UInt32,
    reasons Array(String) COMMENT 'one sentence for people per violation' CODEC(ZSTD(1)),
    codes Array(LowCardinality(String)) COMMENT 'the violations'' codes, in the same order' CODEC(ZSTD(1)),
    payload String COMMENT 'the event as it came' CODEC(ZSTD(3)),
    spool LowCardinality(String),
    segment UInt32 CODEC(Delta(4), ZSTD(1)),
    offset UInt64 CODEC(Delta(8), ZSTD(1)),
    INDEX segment_range segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (source, event, received_at, message_id)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- One row per spool block that was loaded: what became of its events.
CREATE TABLE IF NOT EXISTS loads
(
    spool LowCardinality(String),
    segment UInt32 CODEC(Delta(4), ZSTD(1)),
    first_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    last_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    events UInt32 COMMENT 'rows in events',
    quarantined UInt32 COMMENT 'rows in quarantine',
    duplicates UInt32 COMMENT 'left out, because the source had sent the message_id before',
    attempts UInt16 COMMENT 'inserts tried',
    loaded_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(loaded_at)
ORDER BY (spool, segment, first_offset)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
