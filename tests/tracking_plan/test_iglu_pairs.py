"""71 version pairs of real event schemas, and whether `breaking` agrees with the step that their authors declared."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path

import trackway_plan
from trackway_plan.breaking import findings
from trackway_plan.exchange.json_schema import event_from_schema
from trackway_plan.findings import Audience, Severity
from trackway_plan.model import Plan
from trackway_plan.release import compile_release
from trackway_plan.revisions.named import Revision

TESTS = Path(__file__).parents[1]
DATA = TESTS / "data" / "iglu_pairs"
TABLE = TESTS / "golden" / "iglu_pairs.md"
PAIRS = json.loads((DATA / "pairs.json").read_text(encoding="utf-8"))


def revision(schema: str, version: str, rev: int) -> Revision:
    """A plan of one event, from one version of a schema."""
    document = json.loads((DATA / "schemas" / schema / f"{version}.json").read_text(encoding="utf-8"))
    event, _ = event_from_schema(document, "event")
    return Revision(version, compile_release(Plan(name="iglu", events={event.name: event}), rev))


@cache
def answers() -> dict[str, tuple[str, str]]:
    """Pair to (what was declared, what `breaking` says), as MODEL or `no MODEL`."""
    found = {}
    for pair in PAIRS:
        before, after = revision(pair["schema"], pair["old"], 1), revision(pair["schema"], pair["new"], 2)
        broken = any(
            finding.audience is Audience.INGEST and finding.severity is Severity.ERROR
            for finding in findings(before, after, today=date(2026, 6, 1))
        )
        found[pair["id"]] = (pair["declared_step"], "MODEL" if broken else "no MODEL")
    return found


def agrees(declared: str, said: str) -> bool:
    """MODEL is breaking; REVISION and ADDITION are not."""
    return (declared == "MODEL") == (said == "MODEL")


def rows() -> dict[str, list[str]]:
    """The rows of the committed table, by pair."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| com.")]
    return {cells[0]: cells for line in lines if (cells := [cell.strip() for cell in line.strip("|").split("|")])}


def test_breaking_agrees_with_the_declared_step_on_nine_pairs_of_ten() -> None:
    """An ingest error means MODEL, anything else REVISION or ADDITION, on at least 90 % of the 71 pairs."""
    agreed = sum(agrees(*answer) for answer in answers().values())
    assert len(answers()) == 71
    assert agreed / 71 >= 0.9


def test_every_disagreement_is_explained_one_by_one() -> None:
    """The committed table has a row with a reason for each pair where the two differ, and for no other."""
    differ = {pair: answer for pair, answer in answers().items() if not agrees(*answer)}
    assert {pair: (cells[1], cells[2]) for pair, cells in rows().items()} == differ
    assert all(len(cells) == 5 and len(cells[4]) > 40 for cells in rows().values())


def test_no_rule_names_a_schema() -> None:
    """The plan package does not know these schemas: no vendor and no name of them stands in its source."""
    names = {part for pair in PAIRS for part in pair["schema"].split("/")}
    sources = Path(trackway_plan.__file__).parent.rglob("*.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    # Names of one plain word are words of the language too (`link_click` is none, `open` and `summary` are).
    assert [name for name in sorted(names) if ("." in name or "_" in name) and name in text] == []
