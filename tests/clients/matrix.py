"""What clients did, in the words of docs/other_clients.md, and the page itself."""

from __future__ import annotations

from pathlib import Path

from tests.clients.catalogue import ANSWERS, CLIENTS, TITLES
from tests.clients.faults import Exchange
from tests.clients.run import Meeting, Run

PAGE = Path(__file__).parents[2] / "docs" / "other_clients.md"
BEGIN, END = "<!-- matrix -->\n", "<!-- /matrix -->\n"


def deed(meeting: Meeting) -> str:
    """Say what a client does with the first calls that meet an answer: it `drops` them, sends them `again`, `waits`."""
    exchanges = sorted(meeting.port.exchanges)
    met = [exchange for exchange in exchanges if exchange.faulty]
    if not met:
        return "sends"
    gaps_s = [gap for one in meeting.first if (gap := _gap_s(exchanges, one)) is not None]
    if meeting.port.fault.reset == "before":  # nobody read which events those were
        return "again" if len(gaps_s) == len(meeting.first) else "drops"
    if not gaps_s:
        return "waits" if all(each.heard for each in met) and meeting.answer == "slow" else "drops"
    if meeting.port.fault.retry_after_s is None:
        return "again"
    # A client that ignores the header backs off for half of it at most.
    return "waits, again" if min(gaps_s) > meeting.port.fault.retry_after_s * 0.9 else "again, earlier"


def _gap_s(exchanges: list[Exchange], one: str) -> float | None:
    """Return how long after the last answer that an event met it was sent again; None when it was not."""
    met = [each.at_s for each in exchanges if each.faulty and one in each.ids]
    again = [each.at_s for each in exchanges if not each.faulty and one in each.ids]
    return again[0] - (met[-1] if met else 0.0) if again else None


def cell(meeting: Meeting) -> str:
    """Word a meeting: what the client did, and how many of its calls are in the warehouse."""
    arrived = [row["message_id"] for row in meeting.rows]
    count = len(set(arrived))
    doubled = f", **{len(arrived)} rows**" if count < len(arrived) else ""
    return f"{deed(meeting)}: {count} of {len(meeting.ids)}{doubled}"


def table(run: Run) -> str:
    """Return the table: a row per client, a column per answer."""
    heads = ["client", "version", *(TITLES.get(answer, answer) for answer in ANSWERS)]
    lines = [heads, ["---"] * len(heads)]
    for client in CLIENTS:
        cells = [cell(run.meetings[client, answer]) for answer in ANSWERS]
        called = f"`{client.package}`{', ' if client.variant else ''}{client.variant}"
        lines.append([called, client.version, *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def read_page() -> str:
    """Return the table that docs/other_clients.md shows."""
    return PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]


def write_page(text: str) -> None:
    """Put a new table into docs/other_clients.md."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", "utf-8")
