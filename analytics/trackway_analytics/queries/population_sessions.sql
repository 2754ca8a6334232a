-- How many session ids have any event in the scope. (An id belongs to its source.)
-- params: first, last, sources
-- returns: one row: the number
SELECT uniqExact(sipHash128(source, session_id))
FROM events
WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
    AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
    AND session_id != ''
    AND __filter__
