-- In which periods each person started and returned, whatever the events.
-- params: first, last, since, sources, starts, returns and their filters, zone, ever
-- returns: one row per person: starts, returns Array(Int32) of periods; returned_too_early: those of `starts` whose
--          return events all lie before the start
SELECT
    groupArrayIf(period, started) AS starts,
    groupArrayIf(period, returned) AS returns,
    groupArrayIf(period, started AND returned AND last_return < first_start) AS returned_too_early
FROM (
    SELECT
        cityHash64(person_id) AS person,
        xxh3(person_id) AS person_too,
        __period__ AS period,
        countIf(__start_event__) > 0 AS started,
        countIf(__return_event__) > 0 AS returned,
        minIf(timestamp, __start_event__) AS first_start,
        maxIf(timestamp, __return_event__) AS last_return
    FROM events
    WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
        AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
        AND (__start_event__ OR __return_event__)
        AND __filter__
    GROUP BY person, person_too, period
)
GROUP BY person, person_too
-- Whose first start ever lies before the range is not new in it.
HAVING NOT {ever:UInt8} OR minIf(first_start, started) >= {since:DateTime64(6, 'UTC')}
