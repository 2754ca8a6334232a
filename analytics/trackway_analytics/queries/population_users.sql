-- How many persons have any event in the scope.
-- Of a hash: half the time of the ids themselves, and among ten million persons the chance that two of them have the
-- same, so that the count is one too low, is 3 in a million.
-- params: first, last, sources
-- returns: one row: the number
SELECT uniqExact(cityHash64(person_id))
FROM events
WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
    AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
    AND __filter__
