-- When was an event seen?
-- params: source, event
-- returns: one row
SELECT
    count() AS events,
    min(toDate(timestamp)) AS first_day,
    max(toDate(timestamp)) AS last_day
FROM events
WHERE source = {source:String} AND event = {event:String}
