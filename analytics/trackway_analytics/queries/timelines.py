"""
Each unit's events, in order: what funnels, paths and attribution are counted on.

The order is (timestamp, message_id). Sorting strings costs three times as much as sorting numbers, and two
events of one unit at the same microsecond are rare, so there are two ways to gather a timeline, with the same
answer:

* *packed*: `microseconds since 1900 << 10 | mark` in one UInt64. Where events of one time have different
  marks their order is not known; the query counts such units as `ambiguous`.
* *exact*: tuples (microseconds, message_id, mark, value). For ambiguous data, marks above 1023, or when a
  value of the event (a breakdown, an amount) is needed.

The packed way is tried first; if it reports an ambiguous unit, its numbers are thrown away and the exact way
is taken.
"""

from __future__ import annotations

from typing import Literal

from trackway_analytics.queries.fragments import subquery

Unit = Literal["user", "session"]

MARK_BITS = 10
MAX_PACKED_MARK = (1 << MARK_BITS) - 1
# Between 1900 (the earliest DateTime64) and 1970; plus 1, so that no event is at 0.
_MICROS = "toUInt64(toUnixTimestamp64Micro(timestamp) + 2208988800000001)"


def timelines(
    unit: Unit,
    *,
    mark: str,
    where: str = "1",
    exact: bool,
    value: str = "''",
    no_value: str = "emptyArrayString()",
) -> str:
    """
    Return a subquery with a row per unit: `at` and `mark` (Array(UInt64)), `value` (array), `ambiguous` (0 or
    1), `without_id` (1 for a session that has none).

    Args:
        mark: SQL of a UInt64 that says what the event is to the question; events with 0 are nothing to it.
            They are left out; persons and session ids without others have no row (`population` counts them).
        where: SQL that is 1 for the events to look at.
        value: SQL of one more value to carry; needs `exact`.
        no_value: SQL of the array `value` when nothing is carried.
    """
    if exact:
        element = f"({_MICROS}, message_id, toUInt64(event_mark), event_value)"
        parts = {"at": "x.1", "mark": "x.3", "values": "arrayMap(x -> x.4, gathered)", "ambiguous": "0"}
    else:
        element = f"bitShiftLeft({_MICROS}, {MARK_BITS}) + event_mark"
        parts = {
            "at": f"bitShiftRight(x, {MARK_BITS})",
            "mark": f"bitAnd(x, {MAX_PACKED_MARK})",
            "values": no_value,
            # Same time as the element before (the difference stays within the mark), another mark, neither of
            # them 0.
            "ambiguous": (
                f"arrayExists((x, d) -> d > 0 AND d < bitAnd(x, {MAX_PACKED_MARK}),"
                " gathered, arrayDifference(gathered))"
            ),
        }
    pieces = {
        **parts,
        "gather": f"arraySort(groupArray({element}))",
        "event_mark": mark,
        "event_value": value,
        "filter": where,
    }
    return subquery("timelines_by_user" if unit == "user" else "timelines_by_session", pieces)


def population(unit: Unit, where: str) -> str:
    """
    Return a scalar subquery: how many persons, or session ids, have any event that `where` lets through.

    Sessions without an id are not in it: each has a row in the timelines, whatever its events.
    """
    return subquery(f"population_{unit}s", {"filter": where})
