"""Findings as JUnit XML, which every CI can show: one test case a finding, failed where the finding fails the check."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from ..findings import Finding, Report
from .escape import one_line, visible


def render_junit(report: Report) -> str:
    """One suite; findings below the bar passed with their text as output, and accepted ones were skipped."""
    failing = {id(finding) for finding in report.failing()}
    skipped = sum(bool(finding.accepted_until) for finding in report.findings)
    counts = {
        "tests": str(max(len(report.findings), 1)),
        "failures": str(len(failing)),
        "errors": "0",
        "skipped": str(skipped),
    }
    root = Xml.Element("testsuites", {"name": "trackway", **counts})
    suite = Xml.SubElement(root, "testsuite", {"name": f"trackway plan {report.verb}", **counts})
    for finding in report.by_urgency():
        _case(suite, finding, failed=id(finding) in failing)
    if not report.findings:
        Xml.SubElement(suite, "testcase", {"classname": report.verb, "name": one_line(report.subject)})
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _case(suite: Xml.Element, finding: Finding, *, failed: bool) -> None:
    what = finding.where or " ".join(part for part in (finding.event, finding.path) if part) or finding.rule
    audience = f"{finding.audience}." if finding.audience else ""
    attributes = {"classname": audience + finding.rule, "name": one_line(f"{what}: {finding.message}")}
    if finding.file:
        attributes |= {"file": one_line(finding.file), "line": str(max(finding.line, 1))}
    case = Xml.SubElement(suite, "testcase", attributes)
    whole = "\n".join([f"{finding.where}: {finding.message}" if finding.file else finding.message, finding.hint])
    if finding.accepted_until:
        Xml.SubElement(case, "skipped", {"message": f"accepted until {finding.accepted_until}"})
    elif failed:
        failure = {"type": finding.rule, "message": one_line(finding.message)}
        Xml.SubElement(case, "failure", failure).text = visible(whole.strip())
    else:
        Xml.SubElement(case, "system-out").text = visible(f"{finding.severity}: {whole.strip()}")
