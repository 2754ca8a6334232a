-- Whether a chunk has its row in `loads`.
-- params: spool String, segment UInt32, first UInt64
-- returns: one row: recorded (0 or 1)
SELECT count() > 0 AS recorded
FROM loads
WHERE spool = {spool:String} AND segment = {segment:UInt32} AND first_offset = {first:UInt64}
