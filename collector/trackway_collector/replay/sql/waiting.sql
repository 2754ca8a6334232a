-- Quarantined events that no replay has stored yet, a page at a time.
-- Rows that the warehouse itself refused (`poison`) hold the refused row, not the event, and are left out.
-- params: since DateTime64(6, 'UTC'), events and sources Array(String) (empty: all), after_spool, after_segment,
--   after_offset, page
-- returns: one row per event, in the order of spool, segment, offset
SELECT
    spool,
    segment,
    offset,
    source,
    type,
    event,
    message_id,
    toUnixTimestamp64Micro(received_at) AS received_us,
    toUnixTimestamp64Micro(sent_at) AS sent_us,
    payload,
    plan_rev,
    environment
FROM quarantine
WHERE received_at >= {since:DateTime64(6, 'UTC')}
  AND (empty({events:Array(String)}) OR has({events:Array(String)}, event))
  AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
  AND NOT has(codes, 'poison')
  AND (spool, segment, offset) > ({after_spool:String}, {after_segment:UInt32}, {after_offset:UInt64})
  AND (spool, segment, offset) NOT IN (
      SELECT spool, segment, offset FROM replayed FINAL WHERE outcome != 'quarantined'
  )
ORDER BY spool, segment, offset
LIMIT {page:UInt32}
