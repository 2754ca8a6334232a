-- When the newest stored event was received, and how long ago that is.
--
-- params: none
-- returns: one row: newest ("2026-05-01 12:00:00 UTC"), behind ("3 minutes and 20 seconds")
SELECT
    concat(formatDateTime(max(received_at), '%F %T', 'UTC'), ' UTC') AS newest,
    formatReadableTimeDelta(greatest(0, dateDiff('second', max(received_at), now64(6, 'UTC')))) AS behind
FROM events
