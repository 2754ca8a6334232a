"""Every option of `Options`, wrong and right, by argument and by environment variable: none can be forgotten here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from trackway import ConfigurationError, Options, Tracker
from trackway.testing import RecordingTransport
from trackway_plan import Release

FIELDS = {field.name: field for field in dataclasses.fields(Options)}
HINTS = get_type_hints(Options, localns={"OnDrop": Callable[..., None], "OnError": Callable[..., None]})
SECRET = "sesame-open-sesame"


class Nothing:
    """What no option can be made of, and what cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


NO_NUMBERS: list[Any] = ["soon", "", True, [], {}, float("nan"), float("inf"), -float("inf"), -1, 10**30, 1j, Nothing()]
NO_WORDS: list[Any] = ["explode", "", 7, [], {}, True, Nothing()]
NO_FUNCTIONS: list[Any] = ["print", 7, [7], [print, None], {}, Nothing()]
NO_MAPPINGS: list[Any] = ["text", 7, ["a"], {1, 2}, Nothing()]


def wrong_values(name: str) -> list[Any]:
    """Return what an option must not be, by its type and its limits."""
    kind = FIELDS[name].type
    if name in OWN_WRONG:
        return OWN_WRONG[name]
    if kind in ("int", "float"):
        return [*NO_NUMBERS, *([1.5] if kind == "int" else [])]
    if kind == "bool":
        return ["yes", 0, 1, [], Nothing()]
    return NO_WORDS if get_args(HINTS[name]) else pytest.fail(f"say in OWN_WRONG what `{name}` must not be")


OWN_WRONG: dict[str, list[Any]] = {
    "write_key": ["", " ", "a:b", "schlüssel", "a\nb", 7, b"key", [], Nothing()],
    "host": ["", " ", 7, "collect.example.com", "ftp://h", "http://", "http://h:99999", "https://h?x=1", Nothing()],
    "plan": [7, b"plan.json", {}, "/no/such/plan.json", "/", Nothing()],
    "source": ["", " ", 7, [], Nothing()],
    "hash_key": ["short", 7, b"0123456789abcdef", [], Nothing()],
    "queue": ["", " ", 7, True, b"disk", [], "/dev/null/queue", Nothing()],
    "before_send": NO_FUNCTIONS,
    "sample": [-0.1, 1.1, True, "half", [0.5], {"Paid": 2}, {"Paid": "0.5"}, float("nan"), Nothing()],
    "consent_categories": [*NO_MAPPINGS, {"Paid": 7}, {"Paid": ""}],
    "super_properties": NO_MAPPINGS,
    "on_drop": NO_FUNCTIONS,
    "on_error": NO_FUNCTIONS,
}
OWN_WRONG_TEXTS: dict[str, list[str]] = {
    "write_key": [" ", "a:b", "schlüssel"],
    "host": [" ", "collect.example.com", "ftp://collect.example.com"],
    "plan": [" ", "/no/such/plan.json", "/"],
    "source": [" "],
    "hash_key": ["short"],
    "queue": [" ", "/dev/null/queue"],
    "before_send": ["print"],
    "sample": ["half", "2", '"0.5"', "{", '{"Paid": 2}'],
    "consent_categories": ["{", "[]", '"advertising"', '{"Paid": 7}'],
    "super_properties": ["{", "[]", "7"],
    "on_drop": ["print"],
    "on_error": ["print"],
}
RIGHT: dict[str, tuple[Any, str]] = {
    "write_key": ("shop-key", "shop-key"),
    "host": ("https://collect.example.com/base", "https://collect.example.com/base"),
    "source": ("backend", "backend"),
    "hash_key": (SECRET, SECRET),
    "queue": ("disk", "disk"),
    "on_violation": ("drop", "drop"),
    "compression": ("zstd", "zstd"),
    "overflow": ("drop_oldest", "drop_oldest"),
    "consent_default": ("deny", "deny"),
    "sample": (0.5, "0.5"),
    "consent_categories": ({"Paid": "sales"}, '{"Paid": "sales"}'),
    "super_properties": ({"shop": "tea"}, '{"shop": "tea"}'),
}


def wrong_texts(name: str) -> list[str]:
    """Return what a variable must not hold; an empty one counts as not set."""
    if name in OWN_WRONG_TEXTS:
        return OWN_WRONG_TEXTS[name]
    kind = FIELDS[name].type
    if kind in ("int", "float"):
        return ["soon", " ", "nan", "inf", "-1", "1e30", "0x10", *(["1.5"] if kind == "int" else [])]
    return ["maybe", "2", " "] if kind == "bool" else ["explode", " "]


BY_ARGUMENT = [(name, number) for name in FIELDS for number in range(len(wrong_values(name)))]
BY_VARIABLE = [(name, text) for name in FIELDS for text in wrong_texts(name)]


@pytest.mark.parametrize(("name", "number"), BY_ARGUMENT, ids=[f"{name}-{number}" for name, number in BY_ARGUMENT])
def test_a_wrong_argument_raises_at_once_and_is_named(name: str, number: int) -> None:
    """The message names the option and says that it was an argument."""
    value = wrong_values(name)[number]
    with pytest.raises(ConfigurationError) as caught:
        Tracker(**{"write_key": "shop-key", "transport": RecordingTransport(), name: value})
    message = str(caught.value)
    assert f"`{name}`" in message
    assert f"It came from the argument `{name}`." in message


@pytest.mark.parametrize(("name", "text"), BY_VARIABLE, ids=[f"{name}-{text!r}" for name, text in BY_VARIABLE])
def test_a_wrong_variable_raises_at_once_and_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """The message names the variable, whatever is wrong with what it holds."""
    monkeypatch.setenv("TRACKWAY_WRITE_KEY", "shop-key")
    monkeypatch.setenv(f"TRACKWAY_{name.upper()}", text)
    with pytest.raises(ConfigurationError, match=f"environment variable TRACKWAY_{name.upper()}"):
        Tracker(transport=RecordingTransport())


def test_a_wrong_variable_is_no_matter_where_an_argument_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not used is not read."""
    monkeypatch.setenv("TRACKWAY_MAX_QUEUE_EVENTS", "many")
    Tracker("shop-key", max_queue_events=7).close()


def right(name: str) -> tuple[Any, str]:
    """Return a right value that is not the default, and the same as text."""
    if name in RIGHT:
        return RIGHT[name]
    default = FIELDS[name].default
    if FIELDS[name].type == "bool":
        return True, "1"
    value: Any = default - 1 if FIELDS[name].type == "int" else default / 2  # type: ignore[operator]
    return value, str(value)


FROM_TEXT = [name for name in FIELDS if name not in ("plan", "before_send", "on_drop", "on_error")]


@pytest.mark.parametrize("name", FROM_TEXT)
def test_a_right_value_is_taken_from_both_places(name: str) -> None:
    """A variable gives what the argument gives, and the argument wins."""
    value, text = right(name)
    variable = {f"TRACKWAY_{name.upper()}": text}
    key = {} if name == "write_key" else {"write_key": "k"}
    for options in (Options.build({**key, name: value}, {}), Options.build(key, variable)):
        assert getattr(options, name) == value
        assert getattr(options, name) != FIELDS[name].default
    other = FIELDS[name].default
    if other is not dataclasses.MISSING and other is not None:
        assert getattr(Options.build({**key, name: other}, variable), name) == other


def test_a_source_that_the_plan_does_not_know_is_named_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shop_release: Release
) -> None:
    """The plan knows its sources; the message says which, and where the wrong one came from."""
    (tmp_path / "plan.json").write_bytes(shop_release.to_json())
    monkeypatch.setenv("TRACKWAY_PLAN", str(tmp_path / "plan.json"))
    monkeypatch.setenv("TRACKWAY_SOURCE", "kiosk")
    with pytest.raises(ConfigurationError, match=r"backend, web.*\n.*environment variable TRACKWAY_SOURCE"):
        Tracker("shop-key")
    with pytest.raises(ConfigurationError, match=r"(?s)backend, web.*came from the argument `source`"):
        Tracker("shop-key", source="booth")


def test_no_message_shows_a_key_or_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages end up in logs."""
    wrong: list[dict[str, Any]] = [
        {"write_key": f"{SECRET}:x"},
        {"write_key": "k", "hash_key": SECRET[:10]},
        {"write_key": "k", "host": f"https://user:{SECRET}@collect.example.com"},
        {"write_key": "k", "host": f"ftp://user:{SECRET}@collect.example.com"},
        {"write_key": "k", "host": f"https://user:{SECRET}@collect.example.com:99999"},
        {"write_key": "k", "super_properties": [SECRET]},
    ]
    for given in wrong:
        with pytest.raises(ConfigurationError) as caught:
            Options.build(given, {})
        assert SECRET[:10] not in str(caught.value)


def test_a_message_stays_short() -> None:
    """A value that fills a page is cut."""
    with pytest.raises(ConfigurationError) as caught:
        Options(write_key="k", overflow="x" * 100_000)  # type: ignore[arg-type]
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("name", "methods"), [("transport", "send and close"), ("clock", "time_ns")])
def test_what_is_no_transport_or_clock_is_said(name: str, methods: str) -> None:
    """The seams for tests are checked as settings are."""
    with pytest.raises(ConfigurationError, match=rf"`{name}` is a int without {methods}\(\)"):
        Tracker("shop-key", **{name: 7})  # type: ignore[arg-type]
