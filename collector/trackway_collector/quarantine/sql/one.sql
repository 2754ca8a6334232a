-- One event of quarantine, whole: by its place in its spool, or all with a messageId.
-- params: spool, segment, offset, message_id (empty: by the place)
-- returns: one row per event, the newest first; `outcome` says what became of it in a replay, empty without one
SELECT
    q.source AS source,
    q.environment AS environment,
    q.event AS event,
    q.message_id AS message_id,
    q.received_at AS received_at,
    q.codes AS codes,
    q.reasons AS reasons,
    q.payload AS payload,
    q.spool AS spool,
    q.segment AS segment,
    q.offset AS offset,
    r.outcome AS outcome
FROM quarantine AS q
LEFT JOIN (SELECT spool, segment, offset, outcome FROM replayed FINAL) AS r
    ON q.spool = r.spool AND q.segment = r.segment AND q.offset = r.offset
WHERE ({message_id:String} != '' AND q.message_id = {message_id:String})
   OR ({message_id:String} = '' AND q.spool = {spool:String} AND q.segment = {segment:UInt32}
       AND q.offset = {offset:UInt64})
ORDER BY q.received_at DESC
LIMIT 100
