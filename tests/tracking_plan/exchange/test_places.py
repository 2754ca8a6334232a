"""Losses of an import stand at line and column of their file."""

from __future__ import annotations

from pathlib import Path

from trackway_plan.exchange.losses import Loss
from trackway_plan.exchange.places import with_places


def placed(path: Path, where: str) -> tuple[int, int]:
    """Return line and column of a loss at this pointer."""
    [loss] = with_places([Loss(where=where, what="key", why="no word for it", file=str(path))])
    return loss.line, loss.column


def test_a_pointer_leads_to_its_line_in_json_and_yaml(tmp_path: Path) -> None:
    """The key that the pointer ends at; `~1` is a slash; a tab is a column; what is not there: the nearest above."""
    json = tmp_path / "plan.json"
    json.write_text('{\n\t"rules": [\n\t\t{"a/b": 1}, {"名": {"x": 2}}\n\t]\n}\n', encoding="utf-8")
    assert placed(json, "#") == (1, 1)
    assert placed(json, "#/rules") == (2, 2)
    assert placed(json, "#/rules/0/a~1b") == (3, 4)
    assert placed(json, "#/rules/1/名/x") == (3, 22)
    assert placed(json, "#/rules/1/gone") == (3, 15)
    yaml = tmp_path / "plan.yaml"
    yaml.write_text("events:\n  - name: tea\n    mood: calm\n", encoding="utf-8")
    assert placed(yaml, "#/events/0/mood") == (3, 5)


def test_what_cannot_be_read_again_keeps_its_pointer(tmp_path: Path) -> None:
    """No file, or no YAML: the loss is told without a line, and nothing fails."""
    broken = tmp_path / "plan.json"
    broken.write_text("{", encoding="utf-8")
    assert placed(broken, "#/rules") == (0, 0)
    assert placed(tmp_path / "none.json", "#/rules") == (0, 0)
