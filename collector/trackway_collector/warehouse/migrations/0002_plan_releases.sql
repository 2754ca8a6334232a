-- The plan's releases, so that whoever asks questions needs no plan files: former names resolve by them.

-- One row per release that a store process has loaded events under; written at its start and at each reload.
CREATE TABLE IF NOT EXISTS plan_releases
(
    name LowCardinality(String) COMMENT 'the plan''s name',
    rev UInt32 COMMENT 'the release''s number, as in events.plan_rev',
    hash String COMMENT 'names what is in the release: 12 hex digits',
    released_at Nullable(Date32) COMMENT 'the day it was released, NULL when it was compiled in memory',
    content String COMMENT 'the release file, JSON' CODEC(ZSTD(3)),
    recorded_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (name, rev, hash)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
