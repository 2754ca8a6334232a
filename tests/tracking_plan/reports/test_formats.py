"""Every format says the same of the same findings, whatever text the plan holds."""

from __future__ import annotations

import json
import re
import unicodedata
from xml.etree import ElementTree as Xml

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_plan.findings import Audience, Finding, Report, Severity
from trackway_plan.reports import FORMATS, render
from trackway_plan.reports.github import PER_KIND

PLACE = "tracking_plan/events/shop/tea_bought.yaml"

ERROR = Finding(
    rule="name-case",
    severity=Severity.ERROR,
    message="the event `teaBought` is not in snake case.",
    hint="Write `tea_bought`.",
    event="teaBought",
    file=PLACE,
    line=1,
    column=8,
)
WARNING = Finding(
    rule="owner-missing", severity=Severity.WARN, message="`tea_bought` has no owner.", file=PLACE, line=2
)
ACCEPTED = Finding(
    rule="property-removed",
    severity=Severity.ERROR,
    audience=Audience.QUERY,
    message="`cups` is gone.",
    event="tea_bought",
    path="cups",
    accepted_until="2027-01-31",
)

HOSTILE = [
    "::error::obeyed",
    "\r\n::stop-commands::x",
    "a|b`c|d`",
    "<img src=x onerror=alert(1)>",
    "-->@everyone #1 https://evil.example/x?y[z](javascript:a)",
    "]]>\x00\x1b[31m\u202eevil",
    "\ud800",
    "名前 🫖 إبريق",
    "%0A,:;%",
    "/close\n/approve",
]


def report(*findings: Finding, **more: object) -> Report:
    return Report(verb="lint", subject="tea-shop", findings=findings, home="tracking_plan/plan.yaml", **more)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_text_begins_with_the_place_and_ends_with_the_count() -> None:
    """One line a finding, its hint below, and a line that counts."""
    assert render(report(ERROR, WARNING), "text") == (
        f"{PLACE}:1:8: error[name-case]: the event `teaBought` is not in snake case.\n"
        "  Write `tea_bought`.\n"
        f"{PLACE}:2:0: warn[owner-missing]: `tea_bought` has no owner.\n"
        "tea-shop: 1 error, 1 warning.\n"
    )


def test_github_commands_carry_place_and_title() -> None:
    """A finding is one command; an accepted one is only a notice, shown at the plan when it has no place."""
    assert render(report(ACCEPTED, ERROR, WARNING), "github") == (
        f"::error file={PLACE},line=1,col=8,title=name-case::the event `teaBought` is not in snake case."
        "%0AWrite `tea_bought`.\n"
        f"::warning file={PLACE},line=2,title=owner-missing::`tea_bought` has no owner.\n"
        "::notice file=tracking_plan/plan.yaml,title=property-removed (query)::`cups` is gone."
        "%0AAccepted until 2027-01-31.\n"
        "trackway plan lint: tea-shop: 1 error, 1 warning, 1 accepted.\n"
    )


def test_github_escapes_percent_first_and_separators_in_properties() -> None:
    """`%` becomes `%25` before line breaks become `%0A`; commas and colons are escaped in properties only."""
    finding = Finding(rule="a,b:c", severity=Severity.NOTE, message="100%, so:\r\nb\rc", file=PLACE, line=3)
    line = render(report(finding), "github").splitlines()[0]
    assert line == f"::notice file={PLACE},line=3,title=a%2Cb%3Ac::100%25, so:%0D%0Ab%0Dc"


def test_github_says_what_it_leaves_out() -> None:
    """Ten of a kind are written, those on changed lines first, and the others are counted in a notice."""
    errors = [
        Finding(rule="name-case", severity=Severity.ERROR, message=f"number {n}", file=PLACE, line=n)
        for n in range(1, 15)
    ]
    notes = [Finding(rule="why", severity=Severity.NOTE, message=f"{n}", file=PLACE, line=n) for n in range(1, 11)]
    lines = render(report(*errors, *notes, changed={PLACE: frozenset({13})}), "github").splitlines()
    assert lines[0].endswith("::number 13")
    assert [sum(line.startswith(f"::{kind} ") for line in lines) for kind in ("error", "notice")] == [PER_KIND] * 2
    assert lines[-2] == (
        "::notice title=trackway plan lint::Left out here: 4 errors, 1 notice. "
        "GitHub shows 10 of a kind; the log and the report hold all of them."
    )


def test_github_paths_are_seen_from_the_top_of_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """An absolute path below the workspace is shown from there, or GitHub would show no annotation."""
    monkeypatch.setenv("GITHUB_WORKSPACE", "/home/runner/shop")
    finding = Finding(rule="r", severity=Severity.ERROR, message="m", file="/home/runner/shop/plan/plan.yaml", line=1)
    assert render(report(finding), "github").startswith("::error file=plan/plan.yaml,line=1,")


def test_gitlab_is_an_array_with_a_fingerprint_each() -> None:
    """Two findings that share everything but their number still have two fingerprints."""
    rows = json.loads(render(report(ERROR, ERROR, WARNING, ACCEPTED), "gitlab"))
    assert [row["severity"] for row in rows] == ["major", "major", "info", "minor"]
    assert len({row["fingerprint"] for row in rows}) == 4
    assert rows[0]["location"] == {"path": PLACE, "lines": {"begin": 1}}
    assert rows[0]["check_name"] == "name-case"


def test_junit_fails_what_fails_the_check() -> None:
    """Errors fail; with a lower bar warnings fail too; accepted findings are skipped."""
    for bar, failures in ((Severity.ERROR, 1), (Severity.WARN, 2)):
        root = Xml.fromstring(render(report(ERROR, WARNING, ACCEPTED, bar=bar), "junit"))  # noqa: S314
        assert len(root.findall(".//testcase")) == int(root.attrib["tests"]) == 3
        assert len(root.findall(".//failure")) == int(root.attrib["failures"]) == failures
        assert len(root.findall(".//skipped")) == int(root.attrib["skipped"]) == 1


def test_junit_of_nothing_is_one_passed_case() -> None:
    """A CI that demands at least one test is content with a clean plan."""
    [case] = Xml.fromstring(render(report(), "junit")).findall(".//testcase")  # noqa: S314
    assert list(case) == []


def test_markdown_is_a_verdict_and_a_table() -> None:
    """Code stays code; a hint stands below its finding."""
    assert render(report(ERROR), "markdown") == (
        "### ❌ trackway plan lint\n\ntea-shop: 1 error.\n\n"
        "| | rule | where | what |\n| --- | --- | --- | --- |\n"
        f"| ❌ error | `name-case` | `{PLACE}:1:8` "
        "| the event `teaBought` is not in snake case.<br>Write `tea_bought`. |\n"
    )


SARIF = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "automationDetails": {"type": "object", "required": ["id"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": {"$ref": "#/$defs/message"},
                                                "defaultConfiguration": {
                                                    "properties": {"level": {"$ref": "#/$defs/level"}}
                                                },
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                },
            },
        },
    },
    "$defs": {
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
        "result": {
            "type": "object",
            "required": ["message", "ruleId", "ruleIndex", "level", "locations", "partialFingerprints"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": {"$ref": "#/$defs/level"},
                "message": {"$ref": "#/$defs/message"},
                "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
                "properties": {"type": "object"},
                "suppressions": {
                    "type": "array",
                    "items": {
                        "required": ["kind"],
                        "properties": {
                            "kind": {"enum": ["inSource", "external"]},
                            "status": {"enum": ["accepted", "underReview", "rejected"]},
                        },
                    },
                },
                "locations": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "properties": {
                            "physicalLocation": {
                                "required": ["artifactLocation"],
                                "properties": {
                                    "artifactLocation": {
                                        "properties": {"uri": {"type": "string", "pattern": "^[!-~]+$"}}
                                    },
                                    "region": {
                                        "required": ["startLine"],
                                        "properties": {
                                            "startLine": {"type": "integer", "minimum": 1},
                                            "startColumn": {"type": "integer", "minimum": 1},
                                        },
                                    },
                                },
                            }
                        }
                    },
                },
            },
        },
    },
}
"""What SARIF 2.1.0 asks of the parts that are written here."""


def test_sarif_has_the_shape_of_2_1_0() -> None:
    """Rules are listed once, results point to them, and accepted findings are suppressed."""
    whole = report(ERROR, ERROR, WARNING, ACCEPTED, rules={"name-case": "Names in one style are found."})
    log = json.loads(render(whole, "sarif"))
    jsonschema.validate(log, SARIF)
    [run] = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["name-case", "property-removed", "owner-missing"]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    assert [bool(result.get("suppressions")) for result in run["results"]] == [False, False, True, False]


hostile = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60))


@given(hostile, hostile, st.sampled_from(Severity))
@settings(deadline=None)
def test_no_text_of_a_plan_breaks_a_format(text: str, other: str, severity: Severity) -> None:
    """JSON parses, XML parses, commands stay commands, no cell is added to a table, nothing is rendered raw."""
    finding = Finding(rule="r", severity=severity, message=text, hint=other, event=other, file=f"a/{text}.yaml", line=1)
    whole = Report(verb="lint", subject=text, findings=(finding,), home="plan.yaml")
    shown = {form: render(whole, form) for form in FORMATS}
    for form, output in shown.items():
        output.encode("utf-8")
        assert output.endswith("\n"), form
        controls = {each for each in output if unicodedata.category(each) in ("Cc", "Cs")} - set("\n\t")
        assert not controls or form in ("json", "sarif", "gitlab"), form
    jsonschema.validate(json.loads(shown["sarif"]), SARIF)
    json.loads(shown["json"])
    json.loads(shown["gitlab"])
    Xml.fromstring(shown["junit"])  # noqa: S314
    commands = [line for line in re.split(r"[\n\r\x85\u2028\u2029]", shown["github"]) if line.strip()]
    assert [line.lstrip()[:2] == "::" for line in commands] == [True, False]
    [row] = [line for line in shown["markdown"].split("\n") if line.startswith("| ")][2:]
    assert row.count("|") == 5
    rendered = re.sub(r"`[^`]*`|<code>[^<]*</code>|<br>|&#\d+;", " ", row)
    assert not re.search(r"[<`*\[\]]|[@#]\w|://", rendered)
