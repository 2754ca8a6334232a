"""Evidence: stored events may make an ingest finding milder, never worse, and their absence is said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.tracking_plan.plans import HEAD, TODAY, pair, severities, tea
from trackway_plan.breaking import findings
from trackway_plan.evidence import EventEvidence, EvidenceUnreachableError, Failing, open_evidence
from trackway_plan.findings import Audience, Finding, Severity
from trackway_plan.release import Release


@dataclass
class Counted:
    """A source of evidence that answers what it was given, and remembers what it was asked."""

    answer: dict[str, EventEvidence]
    days: int = 14
    asked: list[str] = field(default_factory=list)
    everything: int = 2_000_000

    def received(self) -> int:
        return self.everything

    def failing(self, before: Release, after: Release, events: Collection[str]) -> Mapping[str, EventEvidence]:
        self.asked += events
        return self.answer


def counted(seen: int, failing: int, violation: tuple[str, str]) -> Counted:
    """So many events of `tea_bought` were seen, and so many would have one violation, all from web at rev 7."""
    found = Failing(failing, {"web": failing}, {7: failing})
    return Counted({"tea_bought": EventEvidence(seen, seen, found, {violation: found})})


def required(tmp_path: Path, source: Counted | None, plan: str = HEAD) -> list[Finding]:
    """The findings of making `tea` required."""
    files = ({"plan.yaml": plan} | tea(), {"plan.yaml": plan} | tea("  tea: {type: string, required: true}\n"))
    return findings(*pair(tmp_path, *files), today=TODAY, evidence=source)


def test_an_ingest_error_that_no_stored_event_bears_out_is_a_warning(tmp_path: Path) -> None:
    """0 of 1,240,000 events would fail: ingest warns; source, which evidence says nothing about, stays an error."""
    found = required(tmp_path, counted(1_240_000, 0, ("missing_required", "tea")))
    assert severities(found, Audience.INGEST) == [Severity.WARN]
    assert severities(found, Audience.SOURCE) == [Severity.ERROR]
    assert "0 of 1,240,000 events of the last 14 days would fail: quiet" in found[-1].message


def test_events_that_would_fail_keep_the_error_and_are_counted_by_source_and_revision(tmp_path: Path) -> None:
    """3,100 of 100,000 would fail, all from web at rev 7: the finding says so, in words and in figures."""
    found = required(tmp_path, counted(100_000, 3_100, ("missing_required", "tea")))
    ingest = next(f for f in found if f.audience is Audience.INGEST)
    assert ingest.severity is Severity.ERROR
    assert ingest.evidence is not None
    assert (ingest.evidence.events, ingest.evidence.failing) == (100_000, 3_100)
    assert (ingest.evidence.by_source, ingest.evidence.by_rev) == ({"web": 3_100}, {7: 3_100})


@pytest.mark.parametrize(("failing", "severity"), [(99, Severity.WARN), (100, Severity.ERROR)])
def test_quiet_is_below_the_share_that_the_plan_names(failing: int, severity: Severity, tmp_path: Path) -> None:
    """With `quiet_below: 0.1%`, 99 of 100,000 are quiet and 100 are not."""
    plan = HEAD + "compatibility: {quiet_below: 0.1%}\n"
    found = required(tmp_path, counted(100_000, failing, ("missing_required", "tea")), plan)
    assert severities(found, Audience.INGEST) == [severity]


def test_violations_elsewhere_say_nothing_about_this_change(tmp_path: Path) -> None:
    """Events that fail for another property, or in another way, do not count against this one."""
    for violation in (("missing_required", "cup"), ("too_long", "tea")):
        found = required(tmp_path / violation[0], counted(100, 50, violation))
        assert severities(found, Audience.INGEST) == [Severity.WARN]


def test_evidence_never_makes_a_finding_worse(tmp_path: Path) -> None:
    """A removed property is an ingest warning, though every event still carries it."""
    before, after = pair(tmp_path, tea("  tea: {type: string}\n  cup: {type: string}\n"), tea())
    source = counted(100, 100, ("unplanned_property", "cup"))
    found = findings(before, after, today=TODAY, evidence=source)
    assert severities(found, Audience.INGEST) == [Severity.WARN]


def test_a_deprecated_event_may_go_when_it_is_quiet(tmp_path: Path) -> None:
    """Its day has passed: with no event in 14 days it may go, with one it may not."""
    before, after = pair(tmp_path, tea(head="status: deprecated\nremove_after: 2026-05-31\n"), {})
    quiet = findings(before, after, today=TODAY, evidence=Counted({}))
    assert {f.rule for f in quiet} == {"event-removed-after-sunset"}
    loud = findings(before, after, today=TODAY, evidence=counted(5, 5, ("unplanned_event", "")))
    assert severities(loud, Audience.INGEST) == [Severity.ERROR]
    assert "it still arrives (last 14 days)" in loud[0].message


def test_a_renamed_event_is_asked_for_by_the_name_it_had(tmp_path: Path) -> None:
    """The stored events carry the old name, so the source is asked for that one."""
    after = {
        "events/shop/tea_sold.yaml": "event: tea_sold\nproperties:\n  tea: {type: string, required: true}\n"
        "formerly:\n  - {event: tea_bought, through: 3}\n"
    }
    source = counted(1_000, 10, ("missing_required", "tea"))
    found = findings(*pair(tmp_path, tea(), after), today=TODAY, evidence=source)
    assert source.asked == ["tea_bought"]
    assert severities(found, Audience.INGEST) == [Severity.ERROR]


def test_nothing_is_asked_where_nothing_concerns_clients(tmp_path: Path) -> None:
    """A new optional property asks no warehouse."""
    source = Counted({})
    found = findings(
        *pair(tmp_path, tea(), tea("  tea: {type: string}\n  g: {type: int}\n")), today=TODAY, evidence=source
    )
    assert (found, source.asked) == ([], [])


def test_a_warehouse_that_cannot_be_asked_is_no_empty_answer() -> None:
    """Opening evidence of a warehouse that is not there raises, whatever part of it is missing."""
    with pytest.raises(EvidenceUnreachableError):
        open_evidence("clickhouse://127.0.0.1:1/none", 14)


def test_a_warehouse_that_received_nothing_is_no_evidence(tmp_path: Path) -> None:
    """No event at all is a warehouse that knows nothing, not one that is quiet: the error stays, and says why."""
    source = counted(0, 0, ("missing_required", "tea"))
    source.everything = 0
    found = required(tmp_path, source)
    assert severities(found, Audience.INGEST) == [Severity.ERROR]
    assert "No event at all was received in the last 14 days" in next(
        f.message for f in found if f.audience is Audience.INGEST
    )
