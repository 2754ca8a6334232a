-- Quarantined events of one name with their payload. An event that was replayed into `events` meanwhile is counted
-- there. Rows that the warehouse refused (`poison`) hold a row and no payload.
-- params: event, since, until, excluded, environment ('' for every one), slice
-- returns: one row per event: source, plan_rev, payload (JSON text, as it came). `slice` as in stored_events.sql
SELECT source, plan_rev, payload
FROM quarantine
WHERE
    type = 'track'
    AND event = {event:String}
    AND received_at >= {since:DateTime64(6, 'UTC')}
    AND received_at < {until:DateTime64(6, 'UTC')}
    AND NOT has({excluded:Array(String)}, source)
    AND ({environment:String} = '' OR environment = {environment:String})
    AND cityHash64(message_id) % 4294967296 < {slice:UInt64}
    AND NOT has(codes, 'poison')
    AND (source, message_id) NOT IN (
        SELECT source, message_id
        FROM events
        WHERE
            event = {event:String}
            AND received_at >= {since:DateTime64(6, 'UTC')}
            AND cityHash64(message_id) % 4294967296 < {slice:UInt64}
    )
