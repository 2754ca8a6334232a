-- How many people stand behind the events of one name: events of one person are alike, so a test that took each for
-- news of its own would cry wolf. An event of nobody counts as its own.
-- params: event, since, until, excluded, slice
-- returns: one row: people. `slice` as in stored_events.sql
SELECT uniqExact(if(person_id = '', message_id, person_id)) AS people
FROM events
PREWHERE event = {event:String}
WHERE
    type = 'track'
    AND received_at >= {since:DateTime64(6, 'UTC')}
    AND received_at < {until:DateTime64(6, 'UTC')}
    AND NOT has({excluded:Array(String)}, source)
    AND cityHash64(message_id) % 4294967296 < {slice:UInt64}
