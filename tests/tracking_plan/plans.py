"""Small plans for tests, written as YAML and read as revisions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from trackway_plan.breaking import findings
from trackway_plan.findings import Audience, Finding, Severity
from trackway_plan.revisions.named import Revision, open_revision

TODAY = date(2026, 6, 1)
HEAD = "plan: tea_shop\nformat: 1\nsources: {web: {kind: client}, api: {kind: server}}\n"
EVENT = "events/shop/tea_bought.yaml"


def write_plan(directory: Path, files: dict[str, str]) -> Path:
    """The plan's directory, with plan.yaml unless `files` has one."""
    for name, text in ({"plan.yaml": HEAD} | files).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


def tea(properties: str = "  tea: {type: string}\n", head: str = "", tail: str = "") -> dict[str, str]:
    """The file of the event `tea_bought`."""
    return {EVENT: f"event: tea_bought\n{head}properties:\n{properties}{tail}"}


def pair(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> tuple[Revision, Revision]:
    """Two plans as revisions; each call needs its own `tmp_path`."""
    directories = [write_plan(tmp_path / side, files) for side, files in (("before", before), ("after", after))]
    return (
        open_revision(str(directories[0]), directories[0]),
        open_revision(str(directories[1]), directories[1]),
    )


def broken(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> list[Finding]:
    """What going from one plan to the other breaks, on 1 June 2026."""
    return findings(*pair(tmp_path, before, after), today=TODAY)


def severities(found: list[Finding], audience: Audience) -> list[Severity]:
    """The severities for one audience, worst first."""
    return [finding.severity for finding in found if finding.audience is audience]
