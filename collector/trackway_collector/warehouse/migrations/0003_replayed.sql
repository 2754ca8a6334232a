-- What became of quarantined events that were replayed against a later revision of the plan.

-- One row per quarantined event that was replayed; the row in `quarantine` stays. Written again with the same key after
-- a crash or a second replay, so read it with FINAL: the row that says it was stored wins.
CREATE TABLE IF NOT EXISTS replayed
(
    spool LowCardinality(String) COMMENT 'where the row in quarantine came from',
    segment UInt32,
    offset UInt64,
    source LowCardinality(String),
    event LowCardinality(String),
    message_id String CODEC(ZSTD(1)),
    rev UInt32 COMMENT 'the revision it was judged by this time',
    outcome LowCardinality(String) COMMENT 'ok, flagged, unplanned; duplicate: it was stored before; quarantined: refused again',
    stored UInt8 COMMENT '1 when the replay put it into events',
    replay_spool LowCardinality(String) COMMENT 'spool, segment and offset of the row in events',
    replay_segment UInt32,
    replay_offset UInt64,
    replayed_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(stored)
ORDER BY (spool, segment, offset)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
