-- Where one event is, if it has been loaded.
-- params: message_id, since
-- returns: at most one row: place ('events' or 'quarantine'), verdict, violations (codes), source, validated_rev
SELECT place, verdict, violations, source, validated_rev
FROM (
    SELECT 'events' AS place, verdict, violations::Array(String) AS violations, source, validated_rev
    FROM events
    WHERE message_id = {message_id:String} AND received_at >= {since:DateTime64(6, 'UTC')}
    UNION ALL
    SELECT 'quarantine' AS place, 'quarantined' AS verdict, codes::Array(String) AS violations, source, validated_rev
    FROM quarantine
    WHERE message_id = {message_id:String} AND received_at >= {since:DateTime64(6, 'UTC')}
)
LIMIT 1
