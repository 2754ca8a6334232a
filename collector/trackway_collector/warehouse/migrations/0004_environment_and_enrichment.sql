-- Which environment an event is of, and what the collector found out about the device and the way it came.

ALTER TABLE events
    ADD COLUMN IF NOT EXISTS environment LowCardinality(String) DEFAULT 'production' COMMENT 'of the write key: production, staging, development' AFTER source,
    ADD COLUMN IF NOT EXISTS bot LowCardinality(String) COMMENT 'which crawler or monitor sent it, empty for people' AFTER user_agent,
    ADD COLUMN IF NOT EXISTS browser_name LowCardinality(String) COMMENT 'from the user agent' AFTER bot,
    ADD COLUMN IF NOT EXISTS browser_version LowCardinality(String) COMMENT 'major version' AFTER browser_name,
    ADD COLUMN IF NOT EXISTS country LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2, by the client''s address' AFTER ip,
    ADD COLUMN IF NOT EXISTS region LowCardinality(String) COMMENT 'by the client''s address' AFTER country,
    ADD COLUMN IF NOT EXISTS city LowCardinality(String) COMMENT 'by the client''s address' AFTER region,
    ADD COLUMN IF NOT EXISTS channel LowCardinality(String) COMMENT 'what brought the person to this page, empty when nothing did' AFTER campaign_content,
    ADD COLUMN IF NOT EXISTS referrer_name LowCardinality(String) COMMENT 'the known site behind page_referrer' AFTER channel,
    ADD COLUMN IF NOT EXISTS click_id_kind LowCardinality(String) COMMENT 'gclid, fbclid …' AFTER referrer_name,
    ADD COLUMN IF NOT EXISTS click_id String COMMENT 'the click id itself' CODEC(ZSTD(1)) AFTER click_id_kind;

ALTER TABLE quarantine
    ADD COLUMN IF NOT EXISTS environment LowCardinality(String) DEFAULT 'production' COMMENT 'of the write key' AFTER source;
