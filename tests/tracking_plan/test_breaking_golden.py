"""
Every rule of the catalogue on a small real plan: tests/golden/breaking/<rule>/{before,after,expected.txt}.

Folders that begin with `case-` show what several rules make of one story. After a change that means to alter them, run
`TRACKWAY_UPDATE_GOLDEN=1 python -m pytest tests/tracking_plan/test_breaking_golden.py` and read the difference.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from trackway_plan.breaking import RULES, findings
from trackway_plan.breaking.judge import changelog
from trackway_plan.findings import Report
from trackway_plan.reports import render
from trackway_plan.revisions.named import open_revision

GOLDEN = Path(__file__).parents[1] / "golden" / "breaking"
TODAY = date(2026, 6, 1)


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_every_rule_says_what_its_golden_folder_expects(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From `before` to `after`, the changelog and the findings are those of expected.txt, word for word."""
    monkeypatch.chdir(GOLDEN / name)
    before, after = (open_revision(side, Path(side)) for side in ("before", "after"))
    noted = changelog(before, after)
    found = findings(before, after, today=TODAY)
    parts = [
        render(Report(verb=verb, subject=f"{verb}: before → after", findings=tuple(rows)), "text")
        for verb, rows in (("diff", noted), ("breaking", found))
    ]
    expected = Path("expected.txt")
    if os.environ.get("TRACKWAY_UPDATE_GOLDEN"):
        expected.write_text("\n".join(parts), encoding="utf-8")
    assert "\n".join(parts) == expected.read_text(encoding="utf-8")
    if not name.startswith("case-"):
        assert name in {finding.rule for finding in (*noted, *found)}


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_has_a_golden_folder_and_a_mirror_or_a_reason(name: str) -> None:
    """Walking the catalogue: a rule has its folder, and a rule of the opposite change or a reason why there is none."""
    rule = RULES[name]
    assert (GOLDEN / name).is_dir()
    assert bool(rule.mirror) != bool(rule.no_mirror)
    assert not rule.mirror or rule.mirror in RULES


def test_every_golden_folder_is_a_rule_or_a_case() -> None:
    """Walking back: no folder is left of a rule that is gone."""
    assert {path.name for path in GOLDEN.iterdir() if not path.name.startswith("case-")} == set(RULES)


@pytest.mark.parametrize("name", sorted(name for name, rule in RULES.items() if rule.mirror))
def test_going_back_is_judged_by_the_mirror_rule(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The golden change of a rule, made backwards, is the change that its mirror rule names."""
    monkeypatch.chdir(GOLDEN / name)
    before, after = (open_revision(side, Path(side)) for side in ("before", "after"))
    back = {finding.rule for finding in (*changelog(after, before), *findings(after, before, today=TODAY))}
    # A name given up for a new one can only be told as a rename where the later plan says so.
    expected = {
        "event-renamed": "event-removed",
        "property-renamed": "property-removed",
        "choice-renamed": "choice-removed",
    }
    assert expected.get(name, RULES[name].mirror) in back


def test_every_letter_of_a_rule_is_explained() -> None:
    """A rule that reports to an audience says what happens to it; one that reports says how to mend it."""
    for rule in RULES.values():
        audiences = {
            a for a, letter in zip(("source", "ingest", "storage", "query"), rule.levels, strict=True) if letter != "-"
        }
        assert set(rule.why) == audiences | ({"policy"} if rule.policy != "-" else set()), rule.id
        assert rule.silent or rule.mend, rule.id
