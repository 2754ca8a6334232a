-- In which periods each person started and returned, when a start event is a return event too.
-- Then nobody can have returned too early, the order within a period does not matter, and one pass will do.
-- params: first, last, since, sources, starts, returns and their filters, zone, ever
-- returns: as person_periods.sql
SELECT
    arrayDistinct(groupArray(period)) AS returns,
    __starts__ AS starts,
    emptyArrayInt32() AS returned_too_early
FROM (
    SELECT person_id, timestamp, __period__ AS period, __start_event__ AS started
    FROM events
    WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
        AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
        AND __return_event__
        AND __filter__
)
-- By 128 bits of hashes: a quarter faster than by the ids, and no two persons will ever share them.
GROUP BY cityHash64(person_id), xxh3(person_id)
-- Whose first start ever lies before the range is not new in it.
HAVING NOT {ever:UInt8} OR minIf(timestamp, started) >= {since:DateTime64(6, 'UTC')}
