"""Findings as SARIF 2.1.0, for code scanning: GitHub, Azure DevOps, and editors that read it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from ..findings import Finding, Report, Severity
from .escape import encodable, visible
from .places import repository_path

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARN: "warning", Severity.NOTE: "note"}


def render_sarif(report: Report) -> str:
    """One run; accepted findings are there as suppressed, and fingerprints carry over rewording and moved lines."""
    found = report.by_urgency()
    rules = list(dict.fromkeys(finding.rule for finding in found))
    worst = {rule: next(f.severity for f in found if f.rule == rule) for rule in rules}
    run = {
        "tool": {"driver": {"name": "trackway", "rules": [_rule(report, rule, worst[rule]) for rule in rules]}},
        "automationDetails": {"id": f"trackway/plan-{report.verb}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, report, rules) for finding in found],
    }
    whole = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(encodable(whole)), indent=2).decode() + "\n"


def _rule(report: Report, rule: str, severity: Severity) -> dict[str, Any]:
    why = report.rules.get(rule, "")
    more = {"shortDescription": {"text": why}} if why else {}
    return {"id": rule, **more, "defaultConfiguration": {"level": _LEVELS[severity]}}


def _result(finding: Finding, report: Report, rules: list[str]) -> dict[str, Any]:
    text = "\n".join(part for part in (finding.message, finding.hint) if part)
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": visible(text)},
        "locations": [_location(finding, report.home)],
        "partialFingerprints": {"trackway/v1": finding.fingerprint},
    }
    properties = {"audience": finding.audience, "event": finding.event, "property": finding.path}
    if any(properties.values()):
        result["properties"] = {name: value for name, value in properties.items() if value}
    if finding.accepted_until:
        why = f"accepted until {finding.accepted_until}"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result


def _location(finding: Finding, home: str) -> dict[str, Any]:
    uri = quote(repository_path(finding.file or home) or "plan.yaml", errors="replace")
    region = {"startLine": max(finding.line, 1)} | ({"startColumn": finding.column} if finding.column else {})
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
