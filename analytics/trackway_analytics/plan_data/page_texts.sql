-- What stands in the addresses and titles of pages, where forms leave what people typed.
-- params: since, until, excluded, environment ('' for every one), slice
-- returns: one row per (event, source, field, text): event, source, field, text, events. `slice` as in
--          stored_events.sql
SELECT
    event,
    source,
    part.1 AS field,
    part.2 AS text,
    count() AS events
FROM (
    SELECT
        event,
        source,
        arrayJoin([
            ('context.page.url', page_url),
            ('context.page.referrer', page_referrer),
            ('context.page.search', page_search),
            ('context.page.title', page_title)
        ]) AS part
    FROM events
    WHERE
        received_at >= {since:DateTime64(6, 'UTC')}
        AND received_at < {until:DateTime64(6, 'UTC')}
        AND NOT has({excluded:Array(String)}, source)
        AND ({environment:String} = '' OR environment = {environment:String})
        AND cityHash64(message_id) % 4294967296 < {slice:UInt64}
)
WHERE text != ''
GROUP BY event, source, field, text
