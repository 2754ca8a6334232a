-- What each unit did, as a sequence of node numbers.
-- params: those of __timelines__, collapse, anchor, backwards, steps
-- returns: one row per unit with any event: nodes Array(UInt64) of the whole unit; path Array(UInt64) of `steps` nodes
--          from the first event of `anchor` on, or back from it, 0 where there is no more event, [] when the unit has
--          no such event; ambiguous; without_id
WITH
    arrayFilter(node -> node != 0, mark) AS every_node,
    arrayMap(name -> indexOf(names, name), {anchor:Array(String)}) AS anchor_nodes,
    if(
        empty(anchor_nodes),
        toUInt32(notEmpty(nodes)),
        arrayFirstIndex(node -> has(anchor_nodes, node), nodes)
    ) AS starts_at,
    if(
        {backwards:UInt8},
        arrayReverse(arraySlice(nodes, 1, starts_at)),
        arraySlice(nodes, starts_at)
    ) AS onwards
SELECT
    if({collapse:UInt8}, arrayCompact(every_node), every_node) AS nodes,
    if(starts_at = 0, [], arrayResize(onwards, {steps:UInt8}, 0)) AS path,
    ambiguous OR __too_many__ AS ambiguous,
    without_id
FROM __timelines__
