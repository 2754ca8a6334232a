-- Events that arrived since a moment, stored or quarantined, newest last.
-- params: since DateTime64(6, 'UTC'), source and environment String ('' for every one),
--         most UInt32
-- returns: one row per event: spool, segment, offset, received_at, source, event, name, person_id, verdict, violations,
--          reasons, properties (JSON text)
SELECT *
FROM
(
    SELECT spool, segment, offset, received_at, source, event, name, person_id, verdict,
           violations::Array(String) AS violations, []::Array(String) AS reasons, toJSONString(properties) AS properties
    FROM events
    WHERE received_at >= {since:DateTime64(6, 'UTC')} AND ({source:String} = '' OR source = {source:String})
      AND ({environment:String} = '' OR environment = {environment:String})
    UNION ALL
    SELECT spool, segment, offset, received_at, source, event, '' AS name, person_id, 'quarantined' AS verdict,
           codes::Array(String) AS violations, reasons, JSONExtractRaw(payload, 'properties') AS properties
    FROM quarantine
    WHERE received_at >= {since:DateTime64(6, 'UTC')} AND ({source:String} = '' OR source = {source:String})
      AND ({environment:String} = '' OR environment = {environment:String})
)
ORDER BY received_at DESC, spool DESC, segment DESC, offset DESC
LIMIT {most:UInt32}
