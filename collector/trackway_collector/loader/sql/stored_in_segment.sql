-- How many of a spool segment's events, up to an offset, the warehouse accounts for.
-- params: spool String, segment UInt32, last UInt64 (behind the last event)
-- returns: one row: stored, quarantined, duplicates
SELECT
    (
        SELECT count() FROM events
        WHERE spool = {spool:String} AND segment = {segment:UInt32} AND offset < {last:UInt64}
    ) AS stored,
    (
        SELECT count() FROM quarantine
        WHERE spool = {spool:String} AND segment = {segment:UInt32} AND offset < {last:UInt64}
    ) AS quarantined,
    (
        SELECT sum(duplicates) FROM loads
        WHERE spool = {spool:String} AND segment = {segment:UInt32} AND last_offset <= {last:UInt64}
    ) AS duplicates
