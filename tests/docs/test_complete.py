"""Settings, outcomes and codes: whatever a user can set, or can be told, is named in docs/."""

from __future__ import annotations

import ast
import dataclasses
import re

import pytest

from tests.support.house import ROOT
from trackway import Dropped, Options
from trackway_collector.config import SETTINGS as COLLECTOR_SETTINGS
from trackway_collector.ingest.rules.sources import Limits, SourcePolicy
from trackway_collector.ingest.rules.tables import describe
from trackway_collector.outcomes import EnvelopeFault, Outcome, Rejection
from trackway_plan import ViolationCode

SETTINGS = (ROOT / "docs" / "settings.md").read_text("utf-8")
WIRE = (ROOT / "docs" / "wire_format.md").read_text("utf-8")


def _row(page: str, name: str, heading: str = "") -> str:
    """Return the table row whose first cell is `name`, below a heading; empty when there is none."""
    part = page[page.index(heading) :] if heading else page
    found = re.search(rf"^\| `{re.escape(name)}` \|.*$", part, re.MULTILINE)
    return found[0] if found else ""


@pytest.mark.parametrize("setting", COLLECTOR_SETTINGS, ids=lambda setting: setting.name)
def test_collector_settings_are_listed(setting: dataclasses.Field[object]) -> None:
    """Each setting of the collector has its row, with its variable and its default."""
    row = _row(SETTINGS, setting.name, "## Collector")
    assert f"`TRACKWAY_{setting.name.upper()}`" in row
    if isinstance(setting.default, int):
        assert f"| {setting.default} |" in row


@pytest.mark.parametrize(("name", "default"), list(describe(SourcePolicy())))
def test_policies_of_sources_are_listed(name: str, default: str) -> None:
    """Each setting of a source has its row, with its default where that is a number."""
    row = _row(SETTINGS, name, "### Sources")
    assert row
    if default.isdigit():
        assert f"| {default} |" in row


@pytest.mark.parametrize("option", dataclasses.fields(Options), ids=lambda option: option.name)
def test_sdk_options_are_listed(option: dataclasses.Field[object]) -> None:
    """Each option of the SDK has its row; plain numbers stand there as the default."""
    row = _row(SETTINGS, option.name, "## SDK")
    assert row
    if isinstance(option.default, bool):
        assert f"| {'yes' if option.default else 'no'} |" in row
    elif isinstance(option.default, float) or (isinstance(option.default, int) and option.default <= 100_000):
        assert f"| {option.default:,g} |" in row or f"| {option.default:,.0f} |" in row


@pytest.mark.parametrize("reason", Dropped)
def test_reasons_of_the_sdk_are_listed(reason: Dropped) -> None:
    """Each reason for which the SDK drops an event has its row."""
    assert _row(SETTINGS, reason, "## Why an event did not leave")


@pytest.mark.parametrize("word", [*Outcome, *EnvelopeFault, *Rejection])
def test_outcomes_and_faults_are_explained(word: str) -> None:
    """Each outcome of an event, and each code about its envelope, has its row on the wire format's page."""
    assert _row(WIRE, word)


@pytest.mark.parametrize("code", ViolationCode)
def test_violation_codes_are_named(code: ViolationCode) -> None:
    """Each code of a violation stands on the wire format's page."""
    assert f"`{code}`" in WIRE


def test_error_codes_of_requests_are_listed() -> None:
    """Each code that refuses a whole request is in the table of answers, with its status."""
    codes = set()
    for file in (ROOT / "collector" / "trackway_collector" / "ingest").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RequestRefused":
                status, name = node.args[0], node.args[1]
                if isinstance(status, ast.Constant) and isinstance(name, ast.Constant):
                    codes.add((str(status.value), str(name.value)))
    assert len(codes) >= 8
    for answer, code in codes:
        assert re.search(rf"^\| {answer} \|[^|]*`{code}`", WIRE, re.MULTILINE), f"{answer} {code}"


def test_limits_are_those_of_the_program() -> None:
    """The table of limits states the numbers that the collector acts on."""
    limits = Limits()
    assert f"| one event | {limits.event_bytes // 1024} KiB" in WIRE
    assert f"| one body | {limits.batch_bytes // 1024} KiB" in WIRE
    assert f"| one batch | {limits.batch_events:,} events" in WIRE
    assert f"| `messageId` | {limits.message_id_chars} characters" in WIRE
