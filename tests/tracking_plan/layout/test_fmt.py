"""`trackway plan fmt`: one order, every comment, the same meaning, and the same text when done twice."""

from __future__ import annotations

import shutil
import stat
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackway_plan import compile_release, load_plan
from trackway_plan.cli import plan
from trackway_plan.layout import laid_out, plan_files
from trackway_plan.layout.order import EVENT, GROUP, PLAN, PROPERTY_KEYS
from trackway_plan.layout.tree import comments
from trackway_plan.loading.property import COMMON, CONSTRAINTS
from trackway_plan.model import EventSpec, Group, Plan

EXAMPLES = Path(__file__).parents[3] / "tracking_plan" / "examples"


def formatted(tmp_path: Path, text: str, name: str = "events/shop/tea.yaml") -> str:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    problems: list[object] = []
    texts = laid_out(path, tmp_path, problems)  # type: ignore[arg-type]
    assert texts is not None, problems
    return texts[1]


def test_keys_get_one_order_and_comments_go_with_them(tmp_path: Path) -> None:
    """A comment above or beside a key moves with the key; properties keep their order, which means something."""
    before = (
        "# Bought tea.\n\n"
        "# Who sends it?\nsent_by: [web]   # only the shop\n\n\n"
        "properties:   # in the order of the form\n"
        "    # how many\n    cups: {pii: none, type: int,\n           min: 1}\n"
        "    blend:\n        pii: none   # really\n        type: string\n        # below the last key\n"
        "event: tea_bought\n"
        "# the end\n"
    )
    assert formatted(tmp_path, before) == (
        "# Bought tea.\n\nevent: tea_bought\n\n# Who sends it?\nsent_by: [web]   # only the shop\n\n"
        "properties:   # in the order of the form\n"
        "  # how many\n  cups: {type: int, min: 1, pii: none}\n"
        "  blend:\n    type: string\n    pii: none       # really\n    # below the last key\n"
        "# the end\n"
    )


def test_a_flow_mapping_with_comments_becomes_a_block(tmp_path: Path) -> None:
    """There is no room for comments inside braces on one line."""
    before = "event: tea\nproperties:\n  cups: {pii: none, # really\n    # whole cups\n    type: int}\n"
    after = "event: tea\nproperties:\n  cups:\n    # whole cups\n    type: int\n    pii: none       # really\n"
    assert formatted(tmp_path, before) == after


def test_a_long_line_of_flow_becomes_a_block(tmp_path: Path) -> None:
    """What does not fit into 120 columns is written below its key."""
    summary = "x" * 100
    before = f"event: tea\nproperties:\n  cups: {{type: int, pii: none, summary: {summary}}}\n"
    after = f"event: tea\nproperties:\n  cups:\n    type: int\n    pii: none\n    summary: {summary}\n"
    assert formatted(tmp_path, before) == after


@pytest.mark.parametrize(
    "value",
    [
        '"# no comment"',
        "'it''s'",
        "|\n  two\n  # lines\n",
        ">-\n  folded\n\n  text\n",
        "|+\n  kept\n\n\n",
        "|2\n    deep\n  flat\n",
        "first\n  second line\n",
        '"first \\\n  second"',
        "~",
        "",
        "!!str 5",
        "名前: 🫖".replace(": ", "："),
    ],
)
def test_a_value_means_what_it_meant(tmp_path: Path, value: str) -> None:
    """Quotes, blocks, folded lines, tags and empty values are read back as they were."""
    before = f"summary: {value}\nevent: tea\n"
    after = formatted(tmp_path, before)
    assert yaml.safe_load(after) == yaml.safe_load(before)
    assert after.startswith("event: tea\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("event: [tea\n", "this is not YAML"),
        ("event: &a tea\n", "the anchor `&a`"),
        ("event:\n\ttea\n", "a tab in the indentation"),
        ("event: tea\n[a, b]: c\n", "a key that is not text on one line"),
        ("event: tea\nproperties: !!map {a: b}\n", "a mapping or list with a tag"),
        ("{event: tea}\n", "it is not a block"),
        ("", "the file is empty"),
    ],
)
def test_what_cannot_be_laid_out_is_reported_and_left(tmp_path: Path, text: str, why: str) -> None:
    """Such a file keeps every byte, the others are formatted, and the exit code is 3."""
    (tmp_path / "plan.yaml").write_text("format: 1\nplan: tea\n")
    bad = tmp_path / "events" / "shop" / "tea.yaml"
    bad.parent.mkdir(parents=True)
    bad.write_text(text)
    result = CliRunner().invoke(plan, ["fmt", str(tmp_path)])
    assert result.exit_code == 3
    assert f"{bad}:" in result.output
    assert why in result.output
    assert bad.read_text() == text
    assert (tmp_path / "plan.yaml").read_text() == "plan: tea\nformat: 1\n"


@pytest.mark.parametrize("example", ["storefront", "demo"])
def test_the_examples_are_formatted(example: str) -> None:
    """`fmt --check` has nothing to say about the plans that others copy from."""
    result = CliRunner().invoke(plan, ["fmt", str(EXAMPLES / example), "--check"])
    assert (result.exit_code, result.output.endswith(" 0 would change.\n")) == (0, True), result.output


def test_check_and_diff_write_nothing(tmp_path: Path) -> None:
    """Both exit 1 and name the file; --diff shows the lines."""
    (tmp_path / "plan.yaml").write_text("format: 1\nplan: tea\n")
    for option, shown in (("--check", "plan.yaml:1:1: not as"), ("--diff", "+plan: tea\n format: 1\n-plan: tea\n")):
        result = CliRunner().invoke(plan, ["fmt", str(tmp_path), option])
        assert (result.exit_code, shown in result.output) == (1, True)
    assert (tmp_path / "plan.yaml").read_text() == "format: 1\nplan: tea\n"


def test_check_speaks_every_format(tmp_path: Path) -> None:
    """--check --format github annotates the file; --format without --check is a mistake of usage."""
    (tmp_path / "plan.yaml").write_text("format: 1\nplan: tea\n")
    result = CliRunner().invoke(plan, ["fmt", str(tmp_path), "--check", "--format", "github"])
    assert (result.exit_code, result.output.startswith("::error file=")) == (1, True)
    assert CliRunner().invoke(plan, ["fmt", str(tmp_path), "--format", "json"]).exit_code == 2


def test_a_file_is_replaced_whole_with_its_permissions(tmp_path: Path) -> None:
    """The new file has the old one's mode, and nothing is left beside it."""
    path = tmp_path / "plan.yaml"
    path.write_text("format: 1\r\nplan: tea\r\n")
    path.chmod(0o640)
    assert CliRunner().invoke(plan, ["fmt", str(tmp_path)]).exit_code == 0
    assert path.read_bytes() == b"plan: tea\nformat: 1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["plan.yaml"]


def test_every_key_of_the_language_has_its_place() -> None:
    """A key that the loader knows and the order does not would end up behind all others."""
    assert set(PROPERTY_KEYS) == {*COMMON, *(key for keys in CONSTRAINTS.values() for key in keys)}
    assert set(EVENT.keys) == set(EventSpec.__struct_fields__) - {"name", "area"} | {"event"}
    assert set(GROUP.keys) == set(Group.__struct_fields__) - {"name"} | {"group"}
    elsewhere = {"name", "types", "groups", "traits", "events", "accepted", "places"}
    assert set(Plan.__struct_fields__) - elsewhere <= set(PLAN.keys)


scalars = st.one_of(
    st.sampled_from(
        [
            "tea",
            "'it''s #1'",
            '"a \\"b\\" # c"',
            "1.5",
            "true",
            "~",
            "",
            "a b c",
            "緑茶",
            "🫖",
            "http://x/#y",
            "-1",
            "? no".replace("? ", "?"),
        ]
    ),
    st.integers(-999, 999).map(str),
)
keys = st.sampled_from(
    ["event", "summary", "owner", "properties", "type", "pii", "of", "min", "unknown", "größe", "rules"]
)
notes = st.sampled_from(["", "", "", "# note", "#no space", "# : [ { '", "# 緑茶 🫖"])


@st.composite
def lines_of(draw: st.DrawFn, depth: int, indent: int) -> list[str]:
    """A block mapping or list as lines, with comments wherever YAML lets them stand."""
    pad, found = " " * indent, []
    step = draw(st.sampled_from([1, 2, 4]))
    mapping = depth == 3 or draw(st.booleans())
    names = draw(st.lists(keys, unique=True, min_size=1, max_size=4))
    for name in names:
        if note := draw(notes):
            found.append(" " * draw(st.integers(0, indent + 2)) + note)
        if draw(st.integers(0, 5)) == 0:
            found.append("")
        head = f"{pad}{name}:" if mapping else f"{pad}-"
        aside = "  " + note if (note := draw(notes)) else ""
        what = draw(st.integers(0, 6)) if depth else 0
        if what == 1:
            found += [f"{head}{aside}", *draw(lines_of(depth - 1, indent + step))]
        elif what == 2:
            found += draw(flow_of(head, aside, indent))
        elif what == 3:
            style = draw(st.sampled_from(["|", ">", "|-", ">-", "|+"]))
            text = [
                pad + " " * step + word for word in draw(st.lists(st.sampled_from(["a", "b # c", "- d"]), min_size=1))
            ]
            found += [f"{head} {style}{aside}", *text, *[""] * draw(st.integers(0, 2))]
        elif what == 4:
            found += [f"{head} first", f"{pad}  {' ' * step}second{aside}"]
        else:
            found.append(f"{head} {draw(scalars)}{aside}".rstrip())
    if note := draw(notes):
        found.append(" " * draw(st.integers(0, indent + 2)) + note)
    return found


@st.composite
def flow_of(draw: st.DrawFn, head: str, aside: str, indent: int) -> list[str]:
    """A flow mapping or list on one line, or on several with comments between them."""
    mapping = draw(st.booleans())
    values = [value for value in draw(st.lists(scalars, max_size=3)) if value and value not in ("?no",)]
    items = [f"k{i}: {value}" if mapping else value for i, value in enumerate(values)]
    start, end = ("{", "}") if mapping else ("[", "]")
    if draw(st.booleans()):
        return [f"{head} {start}{', '.join(items)}{end}{aside}"]
    pad = " " * (indent + 3)
    inside = [f"{pad}{item},{'  ' + note if (note := draw(notes)) else ''}" for item in items]
    return [f"{head} {start}", *inside, f"{pad}{end}{aside}"]


@given(lines_of(3, 0))
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_file_keeps_its_meaning_and_comments(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    """What is written holds the same data and comments, and is written the same again; nothing is left out."""
    directory = tmp_path_factory.mktemp("plan")
    text = "\n".join(lines) + "\n"
    path = directory / "events" / "shop" / "tea.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    try:
        before = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    if not isinstance(before, dict):
        return
    problems: list[object] = []
    texts = laid_out(path, directory, problems)  # type: ignore[arg-type]
    assert texts is not None, problems
    after = texts[1]
    assert yaml.safe_load(after) == before
    assert Counter(each.text for each in comments(after)) == Counter(each.text for each in comments(text))
    path.write_text(after)
    assert laid_out(path, directory, problems) == (after, after)  # type: ignore[arg-type]


def _shuffled(data: st.DataObject, value: object) -> object:
    if isinstance(value, dict):
        return {key: _shuffled(data, value[key]) for key in data.draw(st.permutations(list(value)))}
    return [_shuffled(data, item) for item in value] if isinstance(value, list) else value


@given(st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_plan_loads_as_before(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """The example's files with keys in any order load the same after `fmt`, order of properties included."""
    directory = tmp_path_factory.mktemp("plan") / "storefront"
    shutil.copytree(EXAMPLES / "storefront", directory)
    for path in plan_files(directory):
        content = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506
        path.write_text(yaml.safe_dump(_quoted(_shuffled(data, content)), sort_keys=False, allow_unicode=True))
    before = load_plan(directory)
    assert CliRunner().invoke(plan, ["fmt", str(directory)]).exit_code == 0
    after = load_plan(directory)
    assert after.events == before.events
    assert [list(event.properties) for event in after.events.values()] == [
        list(event.properties) for event in before.events.values()
    ]
    assert compile_release(after, 2, date(2026, 11, 22)) == compile_release(before, 2, date(2026, 11, 22))


def _quoted(value: object) -> object:
    """Plain text as the values YAML makes of it, so that dumping them writes what the file had."""
    if isinstance(value, dict):
        return {key: _quoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_quoted(item) for item in value]
    read = yaml.safe_load(str(value)) if str(value) in ("true", "false") or str(value).isdigit() else value
    return float(str(value)) if str(value) in ("4.5", "5.0") else read
