"""README.md does what it says: every code block runs, in order, as a newcomer would run it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.docs.blocks import Block, Terminal, blocks_of, make_plans, same_text
from tests.support.house import ROOT
from trackway_collector.warehouse import open_warehouse

README = ROOT / "README.md"
CHINESE = ROOT / "README.zh-CN.md"
BLOCKS = blocks_of(README)
LANGUAGES = {"python", "sh", "yaml", "toml", "text"}
PRODUCTION = "Go to production"
PRODUCTION_URL = "clickhouse://trackway:secret@db.example.com:8123/trackway"

_IDENTITY = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"]

NOT_RUN: dict[str, str] = {}
"""Block id → why it cannot be run here. Empty is best."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a newcomer, with a clone in it whose environment has been made."""
    home = tmp_path_factory.mktemp("newcomer")
    (home / "trackway" / ".venv" / "bin").mkdir(parents=True)
    (home / "trackway" / ".venv" / "bin" / "activate").touch()
    shutil.copytree(ROOT / "tracking_plan", home / "trackway" / "tracking_plan", ignore=shutil.ignore_patterns("*.pyc"))
    for command in (["init", "-q"], ["add", "tracking_plan"], ["commit", "-q", "-m", "clone"]):
        subprocess.run(["git", *_IDENTITY, *command], cwd=home / "trackway", check=True)
    return home


@pytest.fixture(scope="module")
def terminal(home: Path) -> Iterator[Terminal]:
    """Where the README is followed on the embedded engine."""
    pytest.importorskip("chdb", reason="chDB is not installed: pip install 'trackway[embedded]'")
    terminal = Terminal(home, home / "trackway")
    yield terminal
    terminal.close()


@pytest.fixture(scope="module")
def production(home: Path, clickhouse_url: str) -> Iterator[Terminal]:
    """The same folder on another machine, with a ClickHouse server behind the README's URL."""
    shop = home / "server" / "tea-shop"
    shutil.copytree(home / "tea-shop", shop, ignore=shutil.ignore_patterns("trackway-data"))
    real = _with_database(clickhouse_url)
    terminal = Terminal(home, shop, {PRODUCTION_URL: real})
    yield terminal
    terminal.close()
    warehouse = open_warehouse(real)
    warehouse.command("DROP DATABASE IF EXISTS test_readme SYNC")
    warehouse.close()


def _with_database(url: str) -> str:
    head, _, options = url.partition("?")
    server = "/".join(head.split("/")[:3])
    return f"{server}/test_readme" + (f"?{options}" if options else "")


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language != "text" and not b.makes], ids=lambda b: b.id)
def test_block_runs(block: Block, request: pytest.FixtureRequest) -> None:
    """The block runs, after all before it, and prints what the text behind it shows."""
    if block.id in NOT_RUN:
        pytest.skip(NOT_RUN[block.id])
    where = "production" if block.section == PRODUCTION else "terminal"
    terminal: Terminal = request.getfixturevalue(where)
    printed = terminal.run(block)
    if block.output:
        assert same_text(printed) == same_text(block.output)
    for line in block.excerpt.splitlines():
        assert same_text(line) in same_text(printed)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.makes], ids=lambda b: b.id)
def test_make_knows_its_target(block: Block) -> None:
    """What the README asks of make is a documented target, and make can plan it."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for line in block.lines:
        target = line.split()[1]
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE)
        planned = make_plans(target)
        assert planned.returncode == 0, planned.stderr


def test_every_block_says_its_language() -> None:
    """A block is of a language that is run here, or `text`: none escapes by having no name."""
    assert {block.language for block in BLOCKS} <= LANGUAGES
    assert len(NOT_RUN) <= 3
    assert set(NOT_RUN) <= {block.id for block in BLOCKS}


def test_the_chinese_readme_has_the_same_code() -> None:
    """README.zh-CN.md has the same blocks in the same order; only the words around them differ."""
    assert [(b.language, b.text) for b in blocks_of(CHINESE)] == [(b.language, b.text) for b in BLOCKS]


def test_the_chinese_readme_has_the_same_structure() -> None:
    """The same headings at the same levels, tables of the same length, the same links."""
    english, chinese = (_without_code(path) for path in (README, CHINESE))
    for pattern in (r"^(#+) ", r"^(\|)", r"^(\*) "):
        assert re.findall(pattern, english, re.MULTILINE) == re.findall(pattern, chinese, re.MULTILINE)
    links = [
        [link for link in re.findall(r"\]\(([^)]+)\)", text) if "README" not in link] for text in (english, chinese)
    ]
    assert links[0] == links[1]


def test_commands_exist() -> None:
    """Every `trackway …` in a table or a sentence is a command of the program."""
    from trackway._command import _group

    for words in re.findall(r"`trackway ([a-z][^`]*)`", _without_code(README)):
        command: click.Command | None = _group()
        for word in words.split():
            if not isinstance(command, click.Group) or not word.islower() or word.startswith("-"):
                break
            command = command.get_command(click.Context(command), word)
            assert command is not None, f"`trackway {words}`: there is no {word}"


def test_extras_are_those_of_the_package() -> None:
    """The table of extras names each extra of pyproject.toml, and no other."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = README.read_text("utf-8")
    assert set(re.findall(r"`trackway\[(\w+)\]`", text)) == set(project["optional-dependencies"])


def _without_code(path: Path) -> str:
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
