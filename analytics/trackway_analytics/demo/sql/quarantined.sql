-- How many events of each source are in quarantine?
-- params: none
-- returns: one row per source that has any
SELECT source, count() AS quarantined
FROM quarantine
GROUP BY source
ORDER BY source
