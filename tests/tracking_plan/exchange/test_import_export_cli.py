"""`trackway plan import` and `export` from the command line: what they write, print, refuse, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trackway_plan.cli import plan
from trackway_plan.exchange.formats import EXPORTS, IMPORTS
from trackway_plan.loading.plan import load_plan

EXAMPLES = Path(__file__).parents[3] / "tracking_plan" / "examples"
RULE = {
    "key": "Tea Bought",
    "type": "TRACK",
    "jsonSchema": {"type": "object", "properties": {"cups": {"type": "integer"}}},
}
SEGMENT = {"name": "Tea", "rules": [RULE]}


def run(*arguments: object) -> Result:
    """The verb's result; an exception that is no exit is shown."""
    return CliRunner().invoke(plan, [str(each) for each in arguments], catch_exceptions=False)


def written(folder: Path, name: str, content: Any) -> Path:
    """A file with this text, or this JSON."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_import_writes_a_plan_and_reports_what_was_lost(tmp_path: Path) -> None:
    """One file an event, a line for each loss with its place, and exit code 0, or 1 with --strict."""
    rule = {**RULE, "jsonSchema": {"properties": {"cups": {"type": "number", "multipleOf": 0.5}}}}
    source = written(tmp_path, "plan.json", {"name": "Tea", "rules": [rule]})
    result = run("import", "segment", source, "--into", tmp_path / "tea")
    assert result.exit_code == 0
    assert "multipleOf: 0.5: only an int is a multiple, and of a whole number" in result.stdout
    assert (tmp_path / "tea/events/imported/tea_bought.yaml").read_text() == (
        "event: Tea Bought\nstatus: active\nopen: true\nproperties:\n  cups: {type: number}\n"
    )
    assert load_plan(tmp_path / "tea").name == "Tea"
    again = run("import", "segment", source, "--into", tmp_path / "tea2", "--strict", "--format", "json")
    assert again.exit_code == 1
    finding = json.loads(again.stdout)["findings"][0]
    assert (finding["rule"], finding["event"], finding["property"]) == ("lost", "Tea Bought", "cups")
    assert finding["data"]["where"] == "#/rules/0/jsonSchema/properties/cups/multipleOf"


def test_import_does_not_overwrite_a_plan(tmp_path: Path) -> None:
    """Where a plan stands nothing is written without --force, and the message says so."""
    source = written(tmp_path, "plan.json", SEGMENT)
    assert run("import", "segment", source, "--into", tmp_path / "tea").exit_code == 0
    refused = run("import", "segment", source, "--into", tmp_path / "tea")
    assert refused.exit_code == 3
    assert "there is a plan here already" in refused.stderr
    assert "--force" in refused.stderr
    assert run("import", "segment", source, "--into", tmp_path / "tea", "--force").exit_code == 0


@pytest.mark.parametrize("form", sorted(EXPORTS))
def test_an_exported_plan_can_be_imported(form: str, tmp_path: Path) -> None:
    """Every format goes out and comes in by the command line, and the plan that came in is valid."""
    out = run("export", form, EXAMPLES / "storefront", "--out", tmp_path / "out")
    assert out.exit_code == 0
    into = run("import", form, tmp_path / "out", "--into", tmp_path / "plan")
    assert into.exit_code == 0
    assert run("validate", tmp_path / "plan").exit_code == 0
    assert {*load_plan(tmp_path / "plan").events} == {*load_plan(EXAMPLES / "storefront").events}


BROKEN: dict[str, tuple[str, Any, str]] = {
    "a missing file": ("segment", None, "there is no such file"),
    "no JSON": ("segment", "{\n  rules: []}", "plan.json:2:3: this is not JSON"),
    "no tracking plan": ("segment", {"events": []}, "this is no tracking plan of Segment"),
    "a rule without a schema": ("segment", {"rules": [{"key": "x"}]}, "#/rules/0 is no rule"),
    "a number": ("segment", "5", "this is no tracking plan of Segment"),
    "a key twice": ("segment", '{"rules": [], "rules": []}', "the key `rules` twice"),
    "a lone surrogate": ("segment", '{"rules": [], "name": "\\ud800"}', "lone surrogate"),
    "NaN": ("segment", '{"rules": NaN}', "NaN is not JSON"),
    "deep JSON": ("segment", "[" * 200_000 + "]" * 200_000, "nested too deeply"),
    "a list as schema": ("jsonschema", [], "a JSON Schema is an object"),
    "no YAML": ("rudder", "a: [", "plan.json:2:1: this is not YAML"),
    "an anchor": ("rudder", "a: &x 1\nb: *x", "a plan has no anchors"),
    "no RudderStack": ("rudder", "a: 1", "this is no file of RudderStack"),
    "no rules": ("rudder", "{version: rudder/v1, kind: events, spec: {events: []}}", "kind `tracking-plan`"),
    "a dead reference": (
        "rudder",
        '{version: rudder/v1, kind: tracking-plan, spec: {rules: [{event: "#event:x"}]}}',
        "there is no entry of events for the reference #event:x",
    ),
    "no column": ("csv", "a,b\n1,2", "plan.json:1:1: there is no column `event`"),
    "no CSV": ("csv", 'event,property\n"a,b', "this is not CSV"),
    "an empty file": ("csv", "", "there is no column `event`"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_input_is_one_clear_error(case: str, tmp_path: Path) -> None:
    """Whatever is given, the answer is a message with the file and exit code 3, and nothing is written."""
    form, content, message = BROKEN[case]
    path = tmp_path / "plan.json" if content is None else written(tmp_path, "plan.json", content)
    result = run("import", form, path, "--into", tmp_path / "plan")
    assert result.exit_code == 3
    assert message in result.stderr
    assert "plan.json" in result.stderr
    assert not (tmp_path / "plan").exists()


def test_ten_megabytes_are_read_or_refused(tmp_path: Path) -> None:
    """10 MB of JSON are read; 10 MB of YAML are refused with the limit; bytes that are not text are no surprise."""
    rules = [{**RULE, "key": f"Event {index}", "filler": "x" * 10_000} for index in range(1000)]
    large = written(tmp_path, "large.json", {"name": "Tea", "rules": rules})
    assert large.stat().st_size > 10_000_000
    assert run("import", "segment", large, "--into", tmp_path / "large").exit_code == 0
    yaml = written(tmp_path, "large.yaml", "a: " + "x" * 10_000_000)
    refused = run("import", "rudder", yaml, "--into", tmp_path / "plan")
    assert (refused.exit_code, "1,048,576" in refused.stderr) == (3, True)
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    for form in ("segment", "jsonschema", "csv"):
        result = run("import", form, binary, "--into", tmp_path / "plan")
        assert (result.exit_code, "not UTF-8" in result.stderr) == (3, True)


@pytest.mark.parametrize("form", sorted(IMPORTS))
def test_an_empty_folder_is_an_error(form: str, tmp_path: Path) -> None:
    """A folder without a file of the format says which endings were looked for."""
    result = run("import", form, tmp_path, "--into", tmp_path / "plan")
    assert result.exit_code == 3
    assert "no file that ends in" in result.stderr


def test_names_that_the_plan_refuses_are_mapped(tmp_path: Path) -> None:
    """Reserved, repeated and broken names of events get a name that fits, and a line that says so."""
    keys = ["$identify", "Tea", "Tea", " Tea\n", ""]
    source = written(tmp_path, "plan.json", {"name": "Tea", "rules": [{**RULE, "key": key} for key in keys]})
    result = run("import", "segment", source, "--into", tmp_path / "tea")
    assert result.exit_code == 0
    assert sorted(load_plan(tmp_path / "tea").events) == ["Tea", "Tea 2", "Tea 3", "event", "identify"]
    assert result.stdout.count("the plan calls it") == 4


def test_one_name_with_two_types_is_stored_apart(tmp_path: Path) -> None:
    """Two events that give one property different types keep both; the second is stored under a name of its own."""
    other = {"key": "Tea Poured", "type": "TRACK", "jsonSchema": {"properties": {"cups": {"type": "string"}}}}
    source = written(tmp_path, "plan.json", {"name": "Tea", "rules": [RULE, other]})
    result = run("import", "segment", source, "--into", tmp_path / "tea")
    assert "it is stored as `cups_2`" in result.stdout
    assert load_plan(tmp_path / "tea").events["Tea Poured"].properties["cups"].store_as == "cups_2"


def test_segments_identify_and_group_rules_are_traits(tmp_path: Path) -> None:
    """IDENTIFY gives the traits of users, GROUP those of accounts, PAGE an event; wrapped plans are unwrapped."""
    traits = {"type": "object", "properties": {"context": {}, "traits": {"properties": {"plan": {"type": "string"}}}}}
    kinds = [{"type": kind, "key": "", "jsonSchema": traits} for kind in ("IDENTIFY", "GROUP")]
    page = {"type": "PAGE", "key": "", "jsonSchema": {"properties": {"path": {"type": "string"}}}}
    document = {"data": {"trackingPlan": {"name": "Tea"}, "rules": [*kinds, page]}}
    source = written(tmp_path, "plan.json", document)
    assert run("import", "segment", source, "--into", tmp_path / "tea").exit_code == 0
    found = load_plan(tmp_path / "tea")
    assert found.name == "Tea"
    assert {kind: [*specs] for kind, specs in found.traits.items()} == {"user": ["plan"], "account": ["plan"]}
    assert [*found.events] == ["page"]


def test_of_an_iglu_folder_the_newest_version_counts(tmp_path: Path) -> None:
    """Versions are compared as numbers: 2-0-10 is newer than 2-0-9, and the older one is reported."""
    for version, kind in (("2-0-9", "string"), ("2-0-10", "integer")):
        identity = {"vendor": "org.tea", "name": "poured", "format": "jsonschema", "version": version}
        schema = {"self": identity, "type": "object", "properties": {"cups": {"type": kind}}}
        folder = tmp_path / "org.tea" / "poured" / "jsonschema"
        folder.mkdir(parents=True, exist_ok=True)
        written(folder, version, schema)
    result = run("import", "iglu", tmp_path / "org.tea", "--into", tmp_path / "plan")
    assert "an older version" in result.stdout
    event = load_plan(tmp_path / "plan").events["poured"]
    assert (event.area, event.properties["cups"].kind) == ("org.tea", "int")


def test_bounds_without_room_are_lost_and_told(tmp_path: Path) -> None:
    """A minimum above the maximum, which no value fits, is left out; the plan stays valid."""
    schema = {"properties": {"cups": {"type": "array", "items": {"type": "integer", "minimum": 5, "maximum": 1}}}}
    source = written(tmp_path, "poured.json", schema)
    result = run("import", "jsonschema", source, "--into", tmp_path / "tea")
    assert "min: 5 above max: 1: no value lies between them" in result.stdout
    assert run("validate", tmp_path / "tea").exit_code == 0


def test_what_would_not_be_valid_is_never_written(tmp_path: Path) -> None:
    """An object of 2,000 keys is beyond the plan language: one message, exit code 3, no files."""
    keys = {f"k{index}": {"type": "string"} for index in range(2000)}
    source = written(tmp_path, "poured.json", {"properties": {"cups": {"type": "object", "properties": keys}}})
    result = run("import", "jsonschema", source, "--into", tmp_path / "tea")
    assert result.exit_code == 3
    assert "would not be valid" in result.stderr
    assert "the limits are 1000 and 24" in result.stderr
    assert not (tmp_path / "tea").exists()
