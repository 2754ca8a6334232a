-- What is stored of each source.
-- params: none
-- returns: one row per source
SELECT
    source,
    count() AS stored,
    uniqExact(message_id) AS different,
    countIf(verdict = 'flagged') AS flagged,
    countIf(verdict = 'unplanned') AS unplanned
FROM events
GROUP BY source
ORDER BY source
