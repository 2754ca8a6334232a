-- How many events are stored, and how many wait in quarantine. Both are answered from part metadata.
-- params: none
-- returns: one row
SELECT
    (SELECT count() FROM events) AS events,
    (SELECT count() FROM quarantine) AS quarantined
