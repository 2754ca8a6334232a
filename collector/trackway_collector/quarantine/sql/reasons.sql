-- What waits in quarantine, by source, environment, event and reason; the newest of each as an example. What a replay
-- has stored is left out.
-- params: since DateTime64(6, 'UTC'), sources Array(String) (empty: all), most
-- returns: one row per source, environment, event and code; an event with several codes is counted under each
SELECT
    source,
    environment,
    event,
    code,
    count() AS events,
    min(received_at) AS first_at,
    max(received_at) AS last_at,
    argMax(reason, received_at) AS example,
    argMax((spool, segment, offset), received_at) AS example_place
FROM quarantine
ARRAY JOIN
    codes AS code,
    arrayResize(reasons, length(codes)) AS reason
WHERE received_at >= {since:DateTime64(6, 'UTC')}
  AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
  AND (spool, segment, offset) NOT IN (
      SELECT spool, segment, offset FROM replayed FINAL WHERE outcome != 'quarantined'
  )
GROUP BY source, environment, event, code
ORDER BY events DESC, source, environment, event, code
LIMIT {most:UInt32}
