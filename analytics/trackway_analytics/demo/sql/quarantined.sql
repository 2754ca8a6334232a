-- How many events of each source are in quarantine?
-- returns: one row per source that has any
SELECT source, count() AS quarantined
FROM quarantine
GROUP BY source
ORDER BY source
