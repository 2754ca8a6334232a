-- Which events of a spool range are in the warehouse already.
-- params: spool String, segment UInt32, first UInt64, last UInt64 (behind the last event), since DateTime64(6, 'UTC')
-- returns: one row per stored event: offset, quarantined (0 or 1)
SELECT offset, 0 AS quarantined
FROM events
WHERE spool = {spool:String} AND segment = {segment:UInt32} AND offset >= {first:UInt64} AND offset < {last:UInt64}
  AND received_at >= {since:DateTime64(6, 'UTC')}
UNION ALL
SELECT offset, 1 AS quarantined
FROM quarantine
WHERE spool = {spool:String} AND segment = {segment:UInt32} AND offset >= {first:UInt64} AND offset < {last:UInt64}
  AND received_at >= {since:DateTime64(6, 'UTC')}
