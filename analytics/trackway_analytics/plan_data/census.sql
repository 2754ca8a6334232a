-- Who sends what: events by name, source and the plan revision that the client stamped on them.
-- An event that was replayed out of quarantine is one of those stored.
-- params: events (names; none: all), since, until, environment ('' for every one)
-- returns: one row per (event, source, plan_rev): event, source, plan_rev, stored and quarantined from `since` on,
--          first_seen and last_seen of all times, the most frequent first
SELECT
    event,
    source,
    plan_rev,
    countIf(is_stored = 1 AND seen_at >= {since:DateTime64(6, 'UTC')}) AS stored,
    countIf(is_stored = 0 AND seen_at >= {since:DateTime64(6, 'UTC')}) AS quarantined,
    min(seen_at) AS first_seen,
    max(seen_at) AS last_seen
FROM (
    SELECT event, source, plan_rev, received_at AS seen_at, 1 AS is_stored
    FROM events
    WHERE
        type = 'track'
        AND event != '$doctor'
        AND (empty({events:Array(String)}) OR has({events:Array(String)}, event))
        AND received_at < {until:DateTime64(6, 'UTC')}
        AND ({environment:String} = '' OR environment = {environment:String})
    UNION ALL
    SELECT event, source, plan_rev, received_at AS seen_at, 0 AS is_stored
    FROM quarantine
    WHERE
        type = 'track'
        AND event != '$doctor'
        AND (empty({events:Array(String)}) OR has({events:Array(String)}, event))
        AND received_at < {until:DateTime64(6, 'UTC')}
        AND ({environment:String} = '' OR environment = {environment:String})
        AND (spool, segment, offset) NOT IN (SELECT spool, segment, offset FROM replayed WHERE outcome != 'quarantined')
)
GROUP BY event, source, plan_rev
ORDER BY stored + quarantined DESC, event, source, plan_rev
