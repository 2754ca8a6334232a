"""The `trackway` command with any subset of the extras."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.house import environment
from trackway._command import COMMANDS
from trackway._version import __version__

WITHOUT = """
import sys
blocked = sys.argv[1].split(",")
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
sys.argv = ["trackway", *sys.argv[2:]]
from trackway._command import main
main()
"""


def run(blocked: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where some packages are not installed."""
    command = [sys.executable, "-c", WITHOUT, blocked, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)


def test_the_bare_install_says_what_the_command_needs() -> None:
    """Without click the command names the extra that brings it."""
    done = run("click,rich,yaml,aiohttp,clickhouse_connect,pandas,plotly,jinja2,chdb")

    assert done.returncode != 0
    assert "pip install 'trackway[cli]'" in done.stderr


@pytest.mark.parametrize(
    ("blocked", "command", "extra"),
    [
        ("aiohttp", "up", "all"),
        ("yaml", "plan validate nowhere", "plan"),
        ("clickhouse_connect", "doctor --write-key k --warehouse clickhouse://127.0.0.1:1/x", "collector"),
        ("clickhouse_connect", "query sql SELECT+1 --warehouse clickhouse://127.0.0.1:1/x", "analytics"),
    ],
)
def test_a_subcommand_names_its_extra(blocked: str, command: str, extra: str) -> None:
    """A subcommand whose packages are missing exits 2 and names the extra; it never shows a traceback."""
    done = run(blocked, *(word.replace("+", " ") for word in command.split()))

    assert done.returncode == 2
    assert f"pip install 'trackway[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_lists_every_command_whatever_is_installed() -> None:
    """`trackway --help` works with any subset of the extras and says which command needs which."""
    done = run("aiohttp,pandas,plotly,chdb,jinja2", "--help")

    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


def test_help_cuts_no_summary_off() -> None:
    """The list of commands says each summary whole."""
    done = run("", "--help")

    assert "..." not in done.stdout.partition("Commands:")[2]
    assert "Ctrl-C stops them." in done.stdout


def test_the_version_can_be_asked_for() -> None:
    """`trackway --version` says the installed version."""
    done = run("", "--version")

    assert done.returncode == 0
    assert done.stdout.strip() == f"trackway {__version__}"


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_help_has_an_example(command: str) -> None:
    """Each command and subcommand says what it does and shows one example."""
    import click

    from trackway._command import _group

    group = _group()
    context = click.Context(group, info_name="trackway")
    found = group.get_command(context, command)
    assert found is not None
    leaves = list(found.commands.values()) if isinstance(found, click.Group) else [found]
    for leaf in leaves:
        text = leaf.get_help(click.Context(leaf, info_name=leaf.name))
        assert leaf.help
        assert "Example" in text, f"{command} {leaf.name}"
