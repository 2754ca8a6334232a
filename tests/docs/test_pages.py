"""The pages under docs/ point at what exists and leave nothing out that a user may meet."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.house import ROOT

DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")), ROOT / "tracking_plan" / "README.md"]
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file or folder of the repository."""
    for link in LINK.finditer(_without_code(page)):
        target = link["target"].partition("#")[0]
        if target and not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name}: {link[0]}"


def _names_on_the_way() -> list[tuple[str, Path]]:
    page = DOCS / "life_of_an_event.md"
    found = LINK.finditer(page.read_text("utf-8"))
    return [
        (link["text"].strip("`"), (DOCS / link["target"]).resolve()) for link in found if link["text"].startswith("`")
    ]


@pytest.mark.parametrize(("name", "file"), _names_on_the_way(), ids=lambda value: getattr(value, "stem", value))
def test_the_life_of_an_event_names_what_exists(name: str, file: Path) -> None:
    """Each function, class or method that the page links to is defined in the file of the link."""
    if "." in name and name.endswith(file.suffix):
        assert name == file.name
        return
    holder, _, member = name.rpartition(".")
    tree = ast.parse(file.read_text("utf-8"))
    if holder and holder != file.stem:
        assert member in _defined(_class(tree, holder))
    else:
        assert member in _defined(tree)


def test_the_life_of_an_event_is_one_page() -> None:
    """It stays short enough to be read at a sitting, and passes through all four packages."""
    text = (DOCS / "life_of_an_event.md").read_text("utf-8")
    assert len(text.splitlines()) < 120
    for folder in ("tracking_plan", "sdk", "collector", "analytics"):
        assert f"](../{folder}/" in text


def test_the_index_of_decisions_is_complete() -> None:
    """Every decision is in the index with the title that it has."""
    index = (DOCS / "adr" / "README.md").read_text("utf-8")
    for page in sorted((DOCS / "adr").glob("0*.md")):
        number, title = re.match(r"# (\d+)\. (.+)", page.read_text("utf-8")).groups()  # type: ignore[union-attr]
        assert f"| {number} | [{title}]({page.name}) |" in index


def test_the_glossary_is_in_order() -> None:
    """Its words are in alphabetical order, each there once."""
    words = re.findall(r"^\*\*(.+?)\*\* — ", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE)
    assert words == sorted(words, key=str.lower)
    assert len(words) == len(set(words))


def _without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def _class(tree: ast.Module, name: str) -> ast.ClassDef:
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def _defined(node: ast.Module | ast.ClassDef) -> set[str]:
    return {item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
