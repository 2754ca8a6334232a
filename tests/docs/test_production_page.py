"""docs/production.md: its commands work where they can be run, and name files that exist where they cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import Block, Terminal, blocks_of
from tests.support.house import ROOT

PAGE = ROOT / "docs" / "production.md"
BLOCKS = blocks_of(PAGE)
NEEDS_A_MACHINE = [block for block in BLOCKS if block.language == "bash"]
"""They want root, a container engine or a cluster."""


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A shell in which a Trackway runs with the page's secrets."""
    directory = tmp_path_factory.mktemp("production")
    opened = Terminal(directory, directory)
    yield opened
    opened.close()


def test_its_commands_work_in_order(terminal: Terminal) -> None:
    """Secrets, keys, settings, checks and backup, one after another, as a reader would run them."""
    served = False
    printed = {}
    for block in (block for block in BLOCKS if block.language == "sh"):
        if "curl" in block.text and not served:
            terminal.serve("trackway up")
            served = True
        printed[block.section] = terminal.run(block)
    assert served
    assert "trackway_spool_accepting" in printed["Look whether it works"]
    assert "keys.json" in printed["Back up"]


@pytest.mark.parametrize("block", NEEDS_A_MACHINE, ids=lambda block: block.id)
def test_its_other_commands_name_files_that_exist(block: Block) -> None:
    """Each file of this repository that they name is there, itself or as an example to be copied."""
    for name in re.findall(r"collector/deploy/\S+", block.text):
        path = ROOT / name.rstrip(".")
        assert path.exists() or _example(path).exists(), name


def test_its_series_exist() -> None:
    """Every series that it tells to watch is one that the collector has."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "collector").rglob("*.py"))
    for name in set(re.findall(r"`(trackway_(?:spool|requests|events|reload)\w*)", PAGE.read_text("utf-8"))):
        assert f'"{name.removesuffix("_total")}"' in sources, name


def _example(path: Path) -> Path:
    return (
        path.with_name(f"{path.name.removesuffix(path.suffix)}.example{path.suffix}")
        if path.suffix == ".yaml"
        else (path.with_name(f"{path.name}.example"))
    )
