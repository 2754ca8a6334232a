-- How many events are stored? Answered from part metadata.
-- returns: one row
SELECT count() AS events
FROM events
