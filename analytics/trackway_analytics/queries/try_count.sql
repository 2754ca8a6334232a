-- How much was loaded.
-- params: none
-- returns: one row: events, users
SELECT count() AS events, uniqExact(person_id) AS users
FROM events
