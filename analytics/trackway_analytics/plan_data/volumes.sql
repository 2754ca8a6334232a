-- How many track events of each name were received, stored and quarantined; what decides how large a share is sampled.
-- An event that was replayed out of quarantine is one of those stored.
-- params: events (names; none: all), since, until, excluded, environment ('' for every one)
-- returns: one row per event: event, stored, quarantined, the most frequent first
SELECT
    event,
    sum(is_stored) AS stored,
    sum(1 - is_stored) AS quarantined
FROM (
    SELECT event, 1 AS is_stored
    FROM events
    WHERE
        type = 'track'
        AND event != '$doctor'
        AND (empty({events:Array(String)}) OR has({events:Array(String)}, event))
        AND received_at >= {since:DateTime64(6, 'UTC')}
        AND received_at < {until:DateTime64(6, 'UTC')}
        AND NOT has({excluded:Array(String)}, source)
        AND ({environment:String} = '' OR environment = {environment:String})
    UNION ALL
    SELECT event, 0 AS is_stored
    FROM quarantine
    WHERE
        type = 'track'
        AND event != '$doctor'
        AND (empty({events:Array(String)}) OR has({events:Array(String)}, event))
        AND received_at >= {since:DateTime64(6, 'UTC')}
        AND received_at < {until:DateTime64(6, 'UTC')}
        AND NOT has({excluded:Array(String)}, source)
        AND ({environment:String} = '' OR environment = {environment:String})
        AND (spool, segment, offset) NOT IN (SELECT spool, segment, offset FROM replayed WHERE outcome != 'quarantined')
)
GROUP BY event
ORDER BY stored DESC, event
