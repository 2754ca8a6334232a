"""Findings as one JSON object, for programs."""

from __future__ import annotations

import msgspec

from ..findings import Report, Severity
from .escape import encodable


def render_json(report: Report) -> str:
    """`{"verb", "subject", "counts", "findings": [{…, "fingerprint"}], …facts}`."""
    counts = {each.value: sum(f.severity is each for f in report.findings) for each in Severity}
    rows = [msgspec.to_builtins(finding) | {"fingerprint": finding.fingerprint} for finding in report.findings]
    whole = {"verb": report.verb, "subject": report.subject, "counts": counts, "findings": rows} | dict(report.facts)
    return msgspec.json.format(msgspec.json.encode(encodable(whole)), indent=2).decode() + "\n"
