"""Findings as a GitLab Code Quality report: save it as an artifact under `reports: codequality:`."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import msgspec

from ..findings import Finding, Report, Severity
from .escape import encodable, one_line
from .places import repository_path

_SEVERITIES = {Severity.ERROR: "major", Severity.WARN: "minor", Severity.NOTE: "info"}


def render_gitlab(report: Report) -> str:
    """A JSON array of every finding; GitLab compares fingerprints over commits, so each must be its own."""
    seen: Counter[str] = Counter()
    rows = [_row(finding, report, seen) for finding in report.by_urgency()]
    return msgspec.json.format(msgspec.json.encode(encodable(rows)), indent=2).decode() + "\n"


def _row(finding: Finding, report: Report, seen: Counter[str]) -> dict[str, Any]:
    path = repository_path(finding.file or report.home) or "plan.yaml"
    name = hashlib.sha256(f"{finding.fingerprint}\x1f{path}\x1f{finding.message}".encode("utf-8", "replace"))
    fingerprint = name.hexdigest()
    seen[fingerprint] += 1
    if seen[fingerprint] > 1:
        fingerprint = hashlib.sha256(f"{fingerprint}{seen[fingerprint]}".encode()).hexdigest()
    accepted = f" (accepted until {finding.accepted_until})" if finding.accepted_until else ""
    return {
        "description": one_line(" ".join([finding.message + accepted, *finding.hint.splitlines()])),
        "check_name": finding.rule,
        "fingerprint": fingerprint,
        "severity": "info" if finding.accepted_until else _SEVERITIES[finding.severity],
        "location": {"path": path, "lines": {"begin": max(finding.line, 1)}},
    }
