"""Calls in Python and TypeScript: found through names and files, and checked by the plan's validator."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracking_plan.coverage.sample import PYTHON, SCRIPT, write
from trackway_plan.coverage import Scan, judge, scan
from trackway_plan.generate import client_text
from trackway_plan.loading.plan import load_plan
from trackway_plan.model import CodeCoverage, Wrapper
from trackway_plan.release import compile_release

STOREFRONT = Path(__file__).parents[3] / "tracking_plan" / "examples" / "storefront"
PLAN = load_plan(STOREFRONT)
RELEASE = compile_release(PLAN, 1)
SETTINGS = CodeCoverage(
    wrappers=(Wrapper(call="shop.telemetry.log_event", event=1, properties=0), Wrapper(call="logEvent"))
)


def scanned(folder: Path, files: dict[str, str], settings: CodeCoverage = SETTINGS) -> Scan:
    """What is found in these files."""
    return scan([write(folder, files)], settings)


def calls(found: Scan, folder: Path) -> list[tuple[str, int, str | None]]:
    """File, line and event of each call."""
    return [(Path(c.place.file).relative_to(folder).as_posix(), c.place.line, c.event) for c in found.calls]


def said(found: Scan, *but: str) -> list[str]:
    """Line:column, rule and property of what is wrong with the calls."""
    left_out = {"planned-never-called", *but}
    findings = [finding for finding in judge(PLAN, RELEASE, found) if finding.rule not in left_out]
    ordered = sorted(findings, key=lambda each: (each.file, each.line, each.column, each.path))
    return [f"{each.line}:{each.column} {each.rule} {each.path}".strip() for each in ordered]


def test_python_calls_are_found_through_names_types_and_wrappers(tmp_path: Path) -> None:
    """
    Import aliases, module variables, attributes, typed parameters, `with`, return types, bound methods, wrappers, both
    sides of a condition; what is called on anything else is not ours.
    """
    assert calls(scanned(tmp_path, PYTHON), tmp_path) == [
        ("shop/orders.py", 14, "order_completed"),
        ("shop/orders.py", 16, "product_viewed"),
        ("shop/orders.py", 17, "cart_item_added"),
        ("shop/orders.py", 21, None),
        ("shop/orders.py", 22, "produkt_viewed"),
        ("shop/orders.py", 23, "product_viewed"),
        ("shop/orders.py", 23, "product_seen"),
        ("shop/orders.py", 25, "product_viewed"),
    ]


def test_python_arguments_are_checked_where_they_are_written(tmp_path: Path) -> None:
    """Wrong literals, also inside objects, and missing properties; unknown values and `**extra` say nothing."""
    assert said(scanned(tmp_path, PYTHON)) == [
        "14:32 wrong-type order_id",
        "14:47 value-not-allowed payment_method",
        "16:47 out-of-range position",
        "17:14 wrong-type line",
        "21:5 dynamic-event",
        "22:5 called-never-planned",
        "23:5 deprecated-event",
        "25:9 missing-required sku",
    ]


def test_script_calls_are_found_in_tsx(tmp_path: Path) -> None:
    """Aliases, destructuring, instances, enums and constants of other files, wrappers, JSX, conditions."""
    assert calls(scanned(tmp_path, SCRIPT), tmp_path) == [
        ("web/button.tsx", 7, "product_viewed"),
        ("web/button.tsx", 7, "order_completed"),
        ("web/button.tsx", 9, "product_viewed"),
        ("web/button.tsx", 10, "cart_item_aded"),
        ("web/button.tsx", 11, "product_seen"),
        ("web/button.tsx", 12, "product_viewed"),
        ("web/button.tsx", 12, None),
    ]


def test_script_arguments_are_checked_where_they_are_written(tmp_path: Path) -> None:
    """Columns count characters; a spread, a computed key or a variable leaves open what is missing."""
    found = said(scanned(tmp_path, SCRIPT))
    assert found == [
        "7:58 pattern sku",
        "7:70 out-of-range position",
        *(f"7:100 missing-required {name}" for name in ("amount_minor", "currency", "items", "order_id")),
        "7:100 missing-required payment_method",
        "10:1 called-never-planned",
        "11:1 deprecated-event",
        "12:1 dynamic-event",
    ]


def test_generated_clients_are_known_by_what_they_send(tmp_path: Path) -> None:
    """A call of a generated function counts for its event, its arguments for the properties they are sent as."""
    files = {
        "app/tracking.py": client_text(RELEASE, "python"),
        "app/use.py": "from app import tracking\n\n"
        "tracking.product_viewed(t, sku='tea', colour=1, rating=None, user_id=1)\n",
        "web/tracking.ts": client_text(RELEASE, "typescript"),
        "web/use.ts": 'import * as client from "./tracking";\nimport { track as send } from "./tracking";\n'
        'client.cartItemAdded(t, { line: 7 });\nsend(t, "product_viewed", {});\n',
    }
    found = scanned(tmp_path, files)
    assert calls(found, tmp_path) == [
        ("app/use.py", 3, "product_viewed"),
        ("web/use.ts", 3, "cart_item_added"),
        ("web/use.ts", 4, "product_viewed"),
    ]
    assert said(found) == [
        "3:28 pattern sku",
        "3:39 unplanned-property colour",
        "3:27 wrong-type line",
        "4:1 missing-required sku",
    ]


def test_a_near_name_is_suggested_and_values_that_may_be_personal_are_not_shown(tmp_path: Path) -> None:
    """The messages are the validator's own."""
    code = 'import trackway\n\nt = trackway.Tracker()\nt.track("order_complete")\n'
    code += 't.track("order_completed", {"order_id": ["ana@example.com"]})\n'
    findings = judge(PLAN, RELEASE, scanned(tmp_path, {"a.py": code}))
    assert any("Did you mean `order_completed`?" in each.message for each in findings)
    assert not any("ana@example.com" in each.message for each in findings)


def test_what_is_planned_and_never_called_is_named_at_its_place(tmp_path: Path) -> None:
    """Only events in use; deprecated ones need no call."""
    findings = [f for f in judge(PLAN, RELEASE, scanned(tmp_path, {})) if f.rule == "planned-never-called"]
    assert sorted(finding.event for finding in findings) == ["cart_item_added", "order_completed", "product_viewed"]
    assert all(Path(finding.file).is_file() for finding in findings)


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("a.py", b"x = (\n", "1:5"),
        ("a.py", b"\xff\xfe\xfa", "1:"),
        ("a.py", b"x = " + b"-" * 200_000 + b"1", "1:"),
        ("a.ts", b"const = ;\nanalytics.track('product_viewed', {sku: 'TEA-1'})", "1:"),
        ("a.tsx", b"<" * 5000, "1:"),
    ],
)
def test_a_file_that_is_not_its_language_is_a_finding(tmp_path: Path, name: str, content: bytes, where: str) -> None:
    """Broken, deeply nested and wrongly encoded files are named, and nothing crashes."""
    (tmp_path / name).write_bytes(content)
    found = scan([tmp_path], CodeCoverage())
    assert [f"{place.line}:{place.column}"[: len(where)] for place, _ in found.unreadable] == [where]
    assert said(found)[0].endswith("unreadable-file")


def test_scripts_are_read_beyond_their_first_error(tmp_path: Path) -> None:
    """One wrong line does not hide the calls of the others."""
    files = {"a.ts": "const = ;\nanalytics.track('product_viewed', {sku: 'TEA-1'});\n"}
    assert calls(scanned(tmp_path, files), tmp_path) == [("a.ts", 2, "product_viewed")]


def test_what_is_no_source_is_skipped_and_said(tmp_path: Path) -> None:
    """Installed packages, bundles, binaries and loops of links; each is read once, however it is reached."""
    call = "analytics.track('product_viewed', {sku: 'TEA-1'});\n"
    write(tmp_path, {"node_modules/x/a.js": call, ".venv/a.py": "x", "src/a.js": call, "big.js": call * 30_000})
    (tmp_path / "binary.py").write_bytes(b"\0" * 10)
    (tmp_path / "src" / "loop").symlink_to(tmp_path)
    (tmp_path / "again.js").symlink_to(tmp_path / "src" / "a.js")
    (tmp_path / "gone.js").symlink_to(tmp_path / "nowhere.js")
    found = scan([tmp_path, tmp_path / "src"], CodeCoverage())
    assert (len(found.calls), found.files) == (1, 1)
    assert {Path(path).name: why.partition(":")[0] for path, why in found.skipped} == {
        "node_modules": "installed or built, not source",
        ".venv": "installed or built, not source",
        "loop": "a link to a folder",
        "big.js": "1,530,000 bytes; files up to 1,048,576 are read",
        "binary.py": "binary",
        "gone.js": "cannot be read",
    }


@pytest.mark.parametrize(
    "code",
    [
        "a = b\nb = a\na.track('x')",
        "from .x import y\ny.track('x')",
        "def f() -> f: ...\nf().track('x')",
        "class A:\n    t: 'A' = None\nA().t.t.t.track('x')",
        "t = t or t\nt.track('x')",
        "from a import a\na.track('x')",
        "X = X + X\nimport trackway\ntrackway.Tracker().track(X)",
        "import trackway\ntrackway.Tracker(*a, **b).track(*a, **b)",
    ],
)
def test_circles_of_names_end(tmp_path: Path, code: str) -> None:
    """Names that lead back to themselves say nothing, and say so in time."""
    found = scanned(tmp_path, {"a.py": code})
    assert found.unreadable == []
    assert all(call.event is None for call in found.calls)
