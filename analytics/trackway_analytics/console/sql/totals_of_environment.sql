-- How many events of an environment are stored, and how many wait in quarantine. Reads its column whole.
-- params: environment
-- returns: one row
SELECT
    (SELECT count() FROM events WHERE environment = {environment:String}) AS events,
    (SELECT count() FROM quarantine WHERE environment = {environment:String}) AS quarantined
