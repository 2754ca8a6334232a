-- Rows and bytes on disk of every table of the database.
--
-- params: database String
-- returns: one row per table, by name: name, rows, bytes
SELECT
    name,
    toUInt64(ifNull(total_rows, 0)) AS rows,
    toUInt64(ifNull(total_bytes, 0)) AS bytes
FROM system.tables
WHERE database = {database:String}
ORDER BY name
