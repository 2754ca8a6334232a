-- How many people the events of one name are worth. Events of one person are alike, so a test that took each for news
-- of its own would cry wolf; and one person with many events weighs more than ten with one. (Σ n)² / Σ n² over the
-- events n of each person is the number of equally busy people with the same chance errors (Kish). An event of nobody
-- counts as its own person's.
-- params: event, since, until, excluded, environment ('' for every one), slice
-- returns: one row: people (Float64; 0 without events). `slice` as in stored_events.sql
SELECT if(count() = 0, 0, pow(sum(events), 2) / sum(pow(events, 2))) AS people
FROM (
    SELECT count() AS events
    FROM events
    PREWHERE event = {event:String}
    WHERE
        type = 'track'
        AND received_at >= {since:DateTime64(6, 'UTC')}
        AND received_at < {until:DateTime64(6, 'UTC')}
        AND NOT has({excluded:Array(String)}, source)
        AND ({environment:String} = '' OR environment = {environment:String})
        AND cityHash64(message_id) % 4294967296 < {slice:UInt64}
    GROUP BY if(person_id = '', message_id, person_id)
)
