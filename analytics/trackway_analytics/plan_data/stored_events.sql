-- Stored events of one name as they would read back, those that are equal as one row. Up to 8 people are told by a
-- hash, so that a value can be known to come from several; an event of nobody counts as its own.
-- params: event, since, until, excluded, environment ('' for every one), slice
-- returns: one row per (source, plan_rev, properties, misfits): source, plan_rev, stored (JSON text), misfits, people,
--          events. `slice` is a share of 2^32: only events whose message_id hashes below it are looked at
SELECT
    source,
    plan_rev,
    toJSONString(properties) AS stored,
    misfits,
    groupUniqArray(8)(cityHash64(if(person_id = '', message_id, person_id))) AS people,
    count() AS events
FROM events
PREWHERE event = {event:String}
WHERE
    type = 'track'
    AND received_at >= {since:DateTime64(6, 'UTC')}
    AND received_at < {until:DateTime64(6, 'UTC')}
    AND NOT has({excluded:Array(String)}, source)
    AND ({environment:String} = '' OR environment = {environment:String})
    AND cityHash64(message_id) % 4294967296 < {slice:UInt64}
GROUP BY source, plan_rev, stored, misfits
