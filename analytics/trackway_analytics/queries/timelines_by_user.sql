-- The events of each person, in order.
-- params: first, last, sources
-- returns: one row per person: at Array(UInt64) in µs since 1900, mark Array(UInt64), value Array, ambiguous UInt8
SELECT
    arrayMap(x -> __at__, gathered) AS at,
    arrayMap(x -> __mark__, gathered) AS mark,
    arrayMap(x -> __value__, gathered) AS value,
    __ambiguous__ AS ambiguous
FROM (
    SELECT __gather__ AS gathered
    FROM (
        SELECT
            person_id,
            timestamp,
            message_id,
            __event_mark__ AS event_mark,
            __event_value__ AS event_value
        FROM events
        WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
            AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
            AND __filter__
    )
    GROUP BY person_id
)
