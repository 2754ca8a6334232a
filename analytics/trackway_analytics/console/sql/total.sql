-- How many events are stored? Answered from part metadata.
-- params: none
-- returns: one row
SELECT count() AS events
FROM events
