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
    FROM events
    WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
        AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
    GROUP BY person_id
)
