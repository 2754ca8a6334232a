-- The newest events, stored and quarantined alike, with the verdict of each.
-- params: since (seconds since 1970), environment ('' for every one), limit
-- returns: one row per event, newest first; `reasons` are codes of violations, or sentences where it was quarantined;
-- `content` is the event's properties as JSON text, or the whole event where it was quarantined
SELECT
    id,
    received,
    source,
    event,
    person,
    verdict,
    reasons,
    content,
    misfits
FROM
(
    SELECT
        message_id AS id,
        received_at,
        formatDateTime(received_at, '%FT%T.%fZ', 'UTC') AS received,
        source,
        if(name = '', event, concat(event, ' ', name)) AS event,
        person_id AS person,
        verdict,
        violations AS reasons,
        if(type IN ('identify', 'group'), toJSONString(traits), toJSONString(properties)) AS content,
        misfits
    FROM events
    WHERE received_at >= fromUnixTimestamp64Second({since:Int64}, 'UTC')
        AND ({environment:String} = '' OR environment = {environment:String})
    ORDER BY received_at DESC, message_id DESC
    LIMIT {limit:UInt32}

    UNION ALL

    SELECT
        message_id AS id,
        received_at,
        formatDateTime(received_at, '%FT%T.%fZ', 'UTC') AS received,
        source,
        event,
        person_id AS person,
        'quarantined' AS verdict,
        reasons,
        payload AS content,
        CAST(map(), 'Map(LowCardinality(String), String)') AS misfits
    FROM quarantine
    WHERE received_at >= fromUnixTimestamp64Second({since:Int64}, 'UTC')
        AND ({environment:String} = '' OR environment = {environment:String})
    ORDER BY received_at DESC, message_id DESC
    LIMIT {limit:UInt32}
)
ORDER BY received_at DESC, id DESC
LIMIT {limit:UInt32}
