"""What clients did, in the words of docs/clients.md, and the page itself."""

from __future__ import annotations

from pathlib import Path

from tests.clients.catalogue import ANSWERS, CLIENTS, TITLES
from tests.clients.run import Meeting, Run

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
BEGIN, END = "<!-- matrix -->\n", "<!-- /matrix -->\n"


def deed(meeting: Meeting) -> str:
    """Say what a client does with the first calls that meet an answer: it `drops` them, sends them `again`, `waits`."""
    exchanges = sorted(meeting.port.exchanges)
    met = [exchange for exchange in exchanges if exchange.faulty]
    if not met:
        return "sends"
    again = [each.at_s for each in exchanges if not each.faulty and meeting.first & set(each.ids)]
    if not again:
        return "waits" if all(each.heard for each in met) and meeting.answer == "slow" else "drops"
    retry_after_s = meeting.port.fault.retry_after_s
    if retry_after_s is None:
        return "again"
    # A client that ignores the header backs off for half of it at most.
    return "waits, again" if again[0] - met[-1].at_s > retry_after_s * 0.9 else "again at once"


def cell(meeting: Meeting) -> str:
    """Word a meeting: what the client did, and how many of its calls are in the warehouse."""
    arrived = [row["message_id"] for row in meeting.rows]
    once = len(set(arrived)) == len(arrived)
    return f"{deed(meeting)}: {len(set(arrived))} of {len(meeting.ids)}" + ("" if once else f", **{len(arrived)} rows**")


def table(run: Run) -> str:
    """Return the table: a row per client, a column per answer."""
    heads = ["client", "version", *(TITLES.get(answer, answer) for answer in ANSWERS)]
    lines = [heads, ["---"] * len(heads)]
    for client in CLIENTS:
        cells = [cell(run.meetings[client, answer]) for answer in ANSWERS]
        lines.append([f"`{client.package}`", client.version, *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def read_page() -> str:
    """Return the table that docs/clients.md shows."""
    return PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]


def write_page(text: str) -> None:
    """Put a new table into docs/clients.md."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", "utf-8")
