"""
One row an event: planned? called where? seen how often? used by which definitions? And what these say together.

    plan × code × data × definitions ─▶ Row ─▶ findings for the cells that should not be

Without a warehouse the column of the data says "not asked"; it is never taken for "none".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from rich.cells import cell_len

from ..definitions import Definition
from ..findings import Finding, Severity
from ..model import Place, Plan
from ..release import Release
from ..reports.escape import code, one_line, prose
from .calls import Call

NOT_ASKED = "not asked"

NEVER_SEEN = "called-never-seen"
NEVER_USED = "seen-never-used"
STILL_ARRIVING = "deprecated-still-arriving"
SEEN_UNPLANNED = "seen-never-planned"

RULES = {
    NEVER_SEEN: "A call that is never reached, or sends nothing, looks like coverage and is none.",
    NEVER_USED: "An event that is stored and that no definition uses costs money and answers nothing known.",
    STILL_ARRIVING: "As long as a deprecated event arrives, removing it loses data.",
    SEEN_UNPLANNED: "An event that arrives and is neither planned nor called here comes from code nobody looks at.",
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What the four sides say about one event."""

    event: str
    planned: str
    """The status, or "" if the plan does not know it."""
    calls: tuple[str, ...] = ()
    """`file:line` of each call."""
    seen: int | None = None
    """Events received in the days asked about; None if nobody was asked."""
    used_by: tuple[str, ...] = ()
    """Definitions, as `funnel checkout`."""


def table(
    release: Release, calls: Iterable[Call], definitions: Iterable[Definition], seen: Mapping[str, int] | None
) -> list[Row]:
    """
    A row for each event that any side knows, in the order of the names.

    Args:
        seen: event to how many were received; None if no warehouse was asked.
    """
    places: dict[str, list[str]] = {}
    for call in calls:
        if call.event is not None and not call.event.startswith("$"):
            places.setdefault(call.event, []).append(f"{call.place.file}:{call.place.line}")
    former = {each.event: name for name, event in release.events.items() for each in event.formerly if each.event}
    used: dict[str, dict[str, None]] = {}
    for definition in definitions:
        for name in {name for use in definition.uses for name in use.events if not name.startswith("$")}:
            used.setdefault(former.get(name, name), {})[f"{definition.kind} {definition.name}"] = None
    arrived: dict[str, int] = {}
    for name, number in (seen or {}).items():
        current = name if name in release.events else former.get(name, name)
        arrived[current] = arrived.get(current, 0) + number
    names = {*release.events, *places, *used, *arrived}
    return [
        Row(
            event=name,
            planned=release.events[name].status if name in release.events else "",
            calls=tuple(places.get(name, ())),
            seen=None if seen is None else arrived.get(name, 0),
            used_by=tuple(sorted(used.get(name, ()))),
        )
        for name in sorted(names)
    ]


def about_rows(plan: Plan, rows: Iterable[Row], days: int) -> list[Finding]:
    """A finding for each cell of code, data and definitions that should not be; none where nobody was asked."""
    return [finding for row in rows if (finding := _about(plan, row, days)) is not None]


def _about(plan: Plan, row: Row, days: int) -> Finding | None:
    if row.seen is None:
        return None
    within = f"in the last {days} days"
    if row.planned in ("deprecated", "retired") and row.seen:
        message = f"`{row.event}` is {row.planned}, and {row.seen:,} arrived {within}."
        return _finding(plan, STILL_ARRIVING, Severity.WARN, row, message, "Clients that are out in the world send it.")
    if not row.planned and row.seen and not row.calls:
        message = f"`{row.event}` is not in the plan, and {row.seen:,} arrived {within}."
        hint = "Add it to the plan, or find the client that sends it."
        return _finding(plan, SEEN_UNPLANNED, Severity.WARN, row, message, hint)
    if row.calls and not row.seen and row.planned in ("active", "draft"):
        message = f"`{row.event}` is called at {row.calls[0]}, and none arrived {within}."
        return _finding(plan, NEVER_SEEN, Severity.WARN, row, message, "Is the code deployed, and ever reached?")
    if row.planned == "active" and row.seen and not row.used_by:
        message = f"`{row.event}`: {row.seen:,} arrived {within}, and no definition uses it."
        return _finding(plan, NEVER_USED, Severity.NOTE, row, message, "")
    return None


def _finding(plan: Plan, rule: str, severity: Severity, row: Row, message: str, hint: str) -> Finding:
    place = plan.places.get(("events", row.event)) or Place(file="", line=0, column=0)
    return Finding(
        rule=rule,
        severity=severity,
        message=message,
        hint=hint,
        event=row.event,
        file=place.file,
        line=place.line,
        column=place.column,
        data={"seen": row.seen or 0},
    )


HEAD = ("event", "planned", "called", "seen", "used by")


def cells(row: Row, days: int) -> tuple[str, str, str, str, str]:
    """The row as a reader sees it."""
    called = row.calls[0] + (f" and {len(row.calls) - 1} more" if len(row.calls) > 1 else "") if row.calls else "never"
    seen = NOT_ASKED if row.seen is None else f"{row.seen:,} in {days} d" if row.seen else f"never in {days} d"
    used = ", ".join(row.used_by[:3]) + (f" and {len(row.used_by) - 3} more" if len(row.used_by) > 3 else "")
    return row.event, row.planned or "no", called, seen, used or "none"


def as_text(rows: Iterable[Row], days: int) -> str:
    """The table in columns."""
    lines = [tuple(map(one_line, line)) for line in (HEAD, *(cells(row, days) for row in rows))]
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "".join(
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )


def as_markdown(rows: Iterable[Row], days: int) -> str:
    """The table in Markdown."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    for row in rows:
        event, *others = cells(row, days)
        lines.append("| " + " | ".join([code(event), *map(prose, others)]) + " |")
    return "\n".join(lines) + "\n"
