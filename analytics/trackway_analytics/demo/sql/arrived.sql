-- How many events have arrived where they can be asked for?
-- params: none
-- returns: one row
SELECT
    (SELECT count() FROM events) AS stored,
    (SELECT count() FROM quarantine) AS quarantined
