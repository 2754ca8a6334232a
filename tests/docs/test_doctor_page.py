"""docs/doctor.md names every check, every option and every exit code of `trackway doctor`."""

from __future__ import annotations

import re

from tests.support.house import ROOT
from trackway._doctor.command import doctor
from trackway._doctor.event import EVENT, VISITOR
from trackway._doctor.examine import CANNOT_READ, FINE, HERE, PROBLEMS, THERE, UNREACHABLE
from trackway._doctor.findings import Status
from trackway_collector.ingest.verdicts.judge import DOCTOR_EVENT

PAGE = (ROOT / "docs" / "doctor.md").read_text("utf-8")


def test_every_check_is_explained() -> None:
    """Each check stands in the table, in the order in which it is made."""
    checks = [check.__name__.removeprefix("check_") for check in (*HERE, *THERE)]
    table = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]+) \|", PAGE, re.MULTILINE)))
    assert [name for name in table if name in checks] == checks
    assert all(f"`{status}`" in PAGE for status in (Status.OK, Status.NOTE, Status.PROBLEM, Status.SKIPPED))


def test_every_exit_code_is_explained() -> None:
    """Each exit code has its row."""
    for code in (FINE, PROBLEMS, 2, CANNOT_READ, UNREACHABLE):
        assert re.search(rf"^\| {code} \|", PAGE, re.MULTILINE)


def test_the_test_event_is_named() -> None:
    """The SDK sends what the collector lets through, and the page says how to leave it out."""
    assert EVENT == DOCTOR_EVENT
    assert f"`{EVENT}`" in PAGE
    assert f"`{VISITOR}`" in PAGE
    assert f"event != '{DOCTOR_EVENT}'" in PAGE


def test_every_option_is_in_the_help() -> None:
    """The options that the page names exist."""
    known = {option for parameter in doctor.params for option in parameter.opts}
    named = set(re.findall(r"(--[a-z][a-z-]*)", PAGE))
    assert named <= known
