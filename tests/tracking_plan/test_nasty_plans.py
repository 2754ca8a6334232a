"""No plan makes any verb end in a traceback: every verb that is registered meets every nasty plan there is here."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from trackway_plan.cli import COMMANDS, plan

STOREFRONT = Path(__file__).parents[2] / "tracking_plan" / "examples" / "storefront"
HEAD = "plan: tea\nformat: 1\n"
EVENT = "event: tea_bought\n"


def _files(files: Mapping[str, str | bytes] | None = None) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        for name, content in {"plan.yaml": HEAD, **(files or {})}.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def _event(text: str | bytes) -> Callable[[Path], None]:
    return _files({"events/shop/tea.yaml": text})


def _plan_is_a_folder(directory: Path) -> None:
    (directory / "plan.yaml").mkdir(parents=True)


def _dangling(directory: Path) -> None:
    _files()(directory)
    (directory / "types.yaml").symlink_to("nowhere.yaml")
    (directory / "events" / "shop").mkdir(parents=True)
    (directory / "events" / "shop" / "tea.yaml").symlink_to("tea.yaml")


BOMB = "a: &a [x]\n" + "".join(
    f"{n}: &{n} [{', '.join(['*' + p] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)
CIRCLE: dict[str, str | bytes] = {
    "groups/a.yaml": "group: a\ninclude: [b]\n",
    "groups/b.yaml": "group: b\ninclude: [a]\n",
}

NASTY: dict[str, Callable[[Path], None]] = {
    "nothing_there": lambda directory: None,
    "plan_is_a_folder": _plan_is_a_folder,
    "dangling_links": _dangling,
    "empty_files": _files({"plan.yaml": "", "types.yaml": "", "events/a/b.yaml": ""}),
    "not_a_mapping": _files({"plan.yaml": "- 1\n", "events/a/b.yaml": "7\n", "accepted.yaml": "no\n"}),
    "malformed": _event("event: [tea\nproperties: {a: \n"),
    "duplicate_keys": _event(f"{EVENT}owner: a\nowner: b\nproperties:\n  a: {{type: int}}\n  a: {{type: string}}\n"),
    "tabs": _event(f"{EVENT}properties:\n\ta: {{type: int}}\n"),
    "anchor_bomb": _event(BOMB),
    "ten_megabytes": _event(b"event: tea\nsummary: " + b"x" * 10_000_000),
    "deep": _event("a: " + "[" * 100_000),
    "deep_by_lines": _event("\n".join(" " * i + "a:" for i in range(300))),
    "long_comment": _event(EVENT + "#\n" * 200_000),
    "not_utf8": _event(b"event: \xff\xfe\n"),
    "nul": _event(b"event: tea\x00\n"),
    "surrogate": _event('event: "\\ud800"\n'),
    "tags": _event("event: !!python/object/apply:os.system [echo]\n"),
    "group_circle": _files({**CIRCLE, "events/shop/tea.yaml": f"{EVENT}include: [a]\n"}),
    "type_circle": _files({"types.yaml": "types:\n  a: {type: list, of: b}\n  b: {type: list, of: a}\n"}),
    "two_documents": _event(f"---\n{EVENT}---\n{EVENT}"),
    "keys_that_are_lists": _event("? [a, b]\n: c\n"),
    "yes_no": _event("event: no\nstatus: yes\nproperties: {on: {type: int}, 1: {type: int}, ~: {type: int}}\n"),
    "emoji_and_scripts": _files(
        {
            "plan.yaml": 'plan: 🫖 茶 إبريق\nformat: 1\nsources: {วeb: }\nsummary: "::error::%0A|<b>`@all`\\u202e"\n',
            "events/🫖/茶.yaml": "event: 茶を買った 🫖\nowner: '@everyone'\n"
            "properties:\n  größe|`<b>`: {type: int, pii: none}\n"
            "  'कप': {type: choice, pii: none, choices: ['☕', '🫖|x']}\n",
        }
    ),
    "releases_of_nonsense": _files(
        {
            "releases/0001.json": "{",
            "releases/0002.json": "[]",
            "releases/0003.json": b"\xff",
            "releases/0004.json": "[" * 100_000,
            "accepted.yaml": "accepted: {a: b}\n",
        }
    ),
    "definitions_of_nonsense": _files({"../definitions/a.yaml": "- [", "events/shop/tea.yaml": EVENT}),
}


def _arguments(command: click.Command, directory: Path, other: Path) -> list[str]:
    """A call of a verb with the nasty plan wherever it takes a plan, and something for all else it must have."""
    found: list[str] = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            found.append(str(directory))
        elif parameter.name == "against" or "--against" in parameter.opts:
            found += ["--against", str(other)]
        elif parameter.required:
            choice = parameter.type
            found += [parameter.opts[0], choice.choices[0] if isinstance(choice, click.Choice) else str(directory)]
    return found


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("verb", COMMANDS)
def test_no_verb_ends_in_a_traceback(verb: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is in the files, a verb says what is wrong and ends with one of the five exit codes."""
    nasty = tmp_path / "work" / "plan"
    nasty.parent.mkdir()
    NASTY[name](nasty)
    good = shutil.copytree(STOREFRONT, tmp_path / "good")
    monkeypatch.chdir(nasty.parent)
    monkeypatch.delenv("TRACKWAY_WAREHOUSE", raising=False)
    command = plan.get_command(click.Context(plan), verb)
    assert command is not None
    for directory, other in ((nasty, good), (good, nasty)):
        result = CliRunner().invoke(plan, [verb, *_arguments(command, directory, other)])
        assert isinstance(result.exception, SystemExit | None), result.exc_info
        assert result.exit_code in range(5)
        assert "Traceback" not in result.output


@pytest.mark.parametrize("verb", COMMANDS)
def test_help_has_an_example(verb: str) -> None:
    """Each verb shows a line to copy."""
    text = CliRunner().invoke(plan, [verb, "--help"]).output
    assert f"Example:\n    trackway plan {verb}" in text
