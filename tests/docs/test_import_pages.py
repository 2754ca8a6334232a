"""docs/import.md, docs/webhooks.md and docs/quarantine.md do what they say: each is a session that one can follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.docs.blocks import Terminal, blocks_of, same_text
from tests.support.house import ROOT
from trackway_collector.dead_letters.command import dead_letters
from trackway_collector.imports.command import import_files
from trackway_collector.ingest.webhooks.settings import WebhookTable
from trackway_collector.mapping.convert import EPOCHS, NUMBERS, SIMPLE, TIMES
from trackway_collector.mapping.load import ENCODINGS
from trackway_collector.mapping.read_rules import RULE_KEYS
from trackway_collector.quarantine.command import quarantine

PAGES = ("import", "webhooks", "quarantine")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A shell in an empty directory, with a write key for the source `web`."""
    pytest.importorskip("chdb", reason="chDB is not installed: pip install 'trackway[embedded]'")
    (tmp_path / "here").mkdir()
    terminal = Terminal(tmp_path, tmp_path / "here")
    terminal.environment["TRACKWAY_WRITE_KEYS"] = "web=a-key-for-the-shop"
    yield terminal
    terminal.close()


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_a_session(page: str, terminal: Terminal) -> None:
    """Every block runs, after all before it, and prints what the text behind it shows."""
    for block in blocks_of(ROOT / "docs" / f"{page}.md"):
        if block.language == "text":
            continue
        printed = same_text(terminal.run(block))
        if block.output:
            assert printed.strip() == same_text(block.output), block.id
        elif block.excerpt:
            assert same_text(block.excerpt) in printed, f"{block.id}: {printed}"


def test_what_can_be_written_is_explained() -> None:
    """Each option, each key of the mapping language and each setting of a webhook is on its page."""
    pages = {page: (ROOT / "docs" / f"{page}.md").read_text("utf-8") for page in PAGES}
    words = {
        "import": [*_options(import_files), *RULE_KEYS, *SIMPLE, *NUMBERS, *TIMES, *EPOCHS, *ENCODINGS],
        "quarantine": [
            *_options(dead_letters),
            *(name for command in quarantine.commands.values() for name in _options(command)),
        ],
        "webhooks": list(WebhookTable.__struct_fields__),
    }
    for page, names in words.items():
        for name in names:
            assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", pages[page]), f"{page}.md: {name}"


def _options(command: click.Command) -> list[str]:
    known = {"--url", "--warehouse", "--data-dir"}
    return [
        option
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option not in known
    ]
