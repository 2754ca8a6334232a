-- The events that most people have, in the order in which people first do them.
-- params: steps
-- returns: one row per event, at most `steps` of them: its name
SELECT event
FROM (
    SELECT event, count() AS people, avg(place) AS usual_place
    FROM (
        SELECT
            person_id,
            event,
            row_number() OVER (PARTITION BY person_id ORDER BY min(timestamp), min(message_id)) AS place
        FROM events
        GROUP BY person_id, event
    )
    GROUP BY event
    ORDER BY people DESC, event
    LIMIT {steps:UInt32}
)
ORDER BY usual_place, event
