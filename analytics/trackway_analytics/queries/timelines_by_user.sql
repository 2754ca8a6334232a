-- The events of each person that have a mark, in order.
-- params: first, last, sources
-- returns: one row per person: at Array(UInt64) in µs since 1900, mark Array(UInt64), value Array, ambiguous UInt8;
--          without_id: 0, as a person always has an id
SELECT
    arrayMap(x -> __at__, gathered) AS at,
    arrayMap(x -> __mark__, gathered) AS mark,
    __values__ AS value,
    __ambiguous__ AS ambiguous,
    0 AS without_id
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
            AND event_mark != 0
    )
    -- By 128 bits of hashes: a quarter faster than by the ids, and no two persons will ever share them.
    GROUP BY cityHash64(person_id), xxh3(person_id)
)
