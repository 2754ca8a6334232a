"""Every problem of a plan is reported at once, at its line and column, with what to write instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trackway_plan import PlanErrors, load_plan

GOLDEN = Path(__file__).parents[1] / "golden" / "plan_errors"


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden_plan_has_exactly_these_problems(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each folder in tests/golden/plan_errors has the problems of its expected.txt, in order."""
    monkeypatch.chdir(GOLDEN / name)
    with pytest.raises(PlanErrors) as caught:
        load_plan(".")
    expected = Path("expected.txt")
    if os.environ.get("TRACKWAY_UPDATE_GOLDEN"):
        expected.write_text(f"{caught.value}\n", encoding="utf-8")
    assert f"{caught.value}\n" == expected.read_text(encoding="utf-8")


def test_a_file_of_10_mb_is_refused_by_its_size(tmp_path: Path) -> None:
    """A file over the limit is named with its size, and not read."""
    (tmp_path / "plan.yaml").write_text("plan: tea\nformat: 1\n")
    (tmp_path / "types.yaml").write_bytes(b"# " + b"x" * 10_000_000)
    with pytest.raises(PlanErrors) as caught:
        load_plan(tmp_path)
    [problem] = caught.value.problems
    assert (Path(problem.file).name, problem.line) == ("types.yaml", 1)
    assert problem.message == "the file has 10,000,002 bytes; a plan file may have 1,048,576."


@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 200_000, "- " * 100_000, "? " * 100_000, "\n".join(" " * i + "a:" for i in range(500))],
)
def test_nesting_that_would_end_the_parser_is_a_problem_like_any_other(tmp_path: Path, text: str) -> None:
    """Two hundred thousand brackets end libyaml's process when composed; here they are one problem."""
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(PlanErrors, match="nested more than 64 deep"):
        load_plan(tmp_path)


def test_an_anchor_bomb_is_refused_at_its_first_anchor(tmp_path: Path) -> None:
    """Nine lines that would grow to a billion values are refused before any of them is built."""
    bomb = "a: &a [x]\n" + "".join(
        f"{n}: &{n} [{', '.join(['*' + p] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (tmp_path / "plan.yaml").write_text(bomb)
    with pytest.raises(PlanErrors) as caught:
        load_plan(tmp_path)
    [problem] = caught.value.problems
    assert (problem.line, problem.column) == (1, 4)
    assert problem.message == "the anchor `&a`: a plan has no anchors and aliases."
