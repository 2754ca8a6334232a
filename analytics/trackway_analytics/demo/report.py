"""What the demo found, as terminal tables. Counting is done elsewhere; this only says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from trackway_analytics import Answer
from trackway_analytics.demo.finding import Finding
from trackway_analytics.demo.ledger import Line


def section(console: Console, title: str, *parts: RenderableType) -> None:
    """Print `parts` under a headline."""
    console.print()
    console.rule(Text(title, style="bold"), align="left")
    console.print(Padding(Group(*parts), (0, 0, 0, 2)))


def ledger_table(lines: Sequence[Line], kills: int) -> Group:
    """Return the ledger: one row per source, a sum, and the verdict in words."""
    # Without double gaps, so that no heading is cut off at 80 columns.
    table = Table(box=None, header_style="dim", pad_edge=False, collapse_padding=True)
    table.add_column("source")
    for name in ("sent", "acked", "stored", "lost", "twice", "quarantined", "flagged", "unplanned"):
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(line.source, *(f"{value:,}" for value in _figures(line)))
    sums = [sum(column) for column in zip(*map(_figures, lines), strict=True)]
    table.add_row("all", *(f"{value:,}" for value in sums), style="bold")
    sent, acked, stored, lost, twice = sums[:5]
    sign = "=" if sent == acked == stored else "≠"
    times = "once" if kills == 1 else f"{kills} times"
    words = (
        f"sent {sent:,} {sign} acked {acked:,} {sign} stored {stored:,}, collector killed {times} (SIGKILL), "
        f"{lost:,} lost, {twice:,} twice."
    )
    return Group(table, Text(words, style="green" if sign == "=" and not lost and not twice else "red"))


def _figures(line: Line) -> tuple[int, ...]:
    return (
        line.sent,
        line.acked,
        line.stored,
        line.lost,
        line.twice,
        line.quarantined,
        line.flagged,
        line.unplanned,
    )


def answer_parts(answer: Answer[Any]) -> tuple[RenderableType, ...]:
    """Return an answer's table, and below it, over the whole width, what was counted."""
    table = answer.table()
    table.title = table.caption = None
    return (table, Text(answer.semantics, style="dim"))


def finding_text(finding: Finding | None) -> Text:
    """Return the incident in words: step, weeks, shares, how sure, and what those sessions had instead."""
    if finding is None:
        return Text("No week of any checkout step stands out.", style="yellow")
    worst, symptom = finding.worst, finding.symptom
    weeks = f"{' and '.join(_day(cell.week) for cell in finding.weeks)} {worst.week.year}"
    plural = "s" if len(finding.weeks) > 1 else ""
    text = Text()
    text.append(
        f"The checkout broke at {worst.step} → {worst.next_step} in the week{plural} of {weeks}.\n",
        style="bold",
    )
    text.append(
        f"Of {finding.entered:,} sessions that reached {worst.step} then, {finding.converted:,} "
        f"({finding.converted / finding.entered:.0%}) went on; in all other weeks "
        f"{finding.rate_elsewhere:.0%} did. The worst week is that of {_day(worst.week)}: "
        f"{worst.converted:,} of {worst.entered:,} ({worst.rate:.0%}).\n"
    )
    text.append(
        f"What they had instead: {symptom.event}, in {symptom.share:.0%} of these sessions against "
        f"{symptom.share_elsewhere:.0%} of the others. It was seen {symptom.events:,} times, all of them "
        f"from {_day(symptom.first_day)} to {_day(symptom.last_day)}.\n"
    )
    text.append(
        "How sure: each week of each checkout step was set against the other weeks of that step, by Fisher's "
        f"exact test. This week has p = {worst.p_value:.1g}; times {finding.tests} such tests, "
        f"{finding.corrected_p_value:.1g}. The search knows nothing of the incident, which the log's authors "
        "planted from 19 May to 7 June.",
        style="dim",
    )
    return text


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"


def checks_text(problems: Iterable[str], agreed: str) -> Text:
    """Return what agrees with published figures, or each difference on its own line."""
    lines = list(problems)
    if not lines:
        return Text(f"✓ {agreed}", style="green")
    return Text("\n".join(f"✗ {line}" for line in lines), style="red")
