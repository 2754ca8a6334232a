"""Where settings come from: arguments over `TRACKWAY_…` variables over defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trackway._errors import ConfigurationError
from trackway._options.checks import JSON_EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import Field

    from trackway._options.kinds import OnViolation

_FROM_JSON = ("sample", "consent_categories", "super_properties")
_FUNCTIONS = ("before_send", "on_drop", "on_error")
_YES_NO = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

_defaults: dict[str, str] = {"on_violation": "flag"}


def set_default_policy(policy: OnViolation) -> None:
    """Make another `on_violation` the default of this process; for the pytest plugin."""
    _defaults["on_violation"] = policy


def choose(known: Mapping[str, Field[Any]], given: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, Any]:
    """
    Return what is known of the settings, by name; those that have a default may be missing.

    Raises:
        ConfigurationError: an argument is unknown, a variable cannot be read, or there is no write key.
    """
    for name in given:
        if name not in known:
            from trackway_plan.near import did_you_mean  # here: difflib is for mistakes only

            meant = did_you_mean(name, known)
            msg = f"`{name}` is not a setting of Tracker.{meant} Known settings: {', '.join(sorted(known))}."
            raise ConfigurationError(msg)
    chosen: dict[str, Any] = {}
    for name, item in known.items():
        value = given.get(name)
        variable = f"TRACKWAY_{name.upper()}"
        if value is not None:
            chosen[name] = value
        elif environ.get(variable):
            chosen[name] = _from_text(item, variable, environ[variable])
        elif name in _defaults:
            chosen[name] = _defaults[name]
    if "write_key" not in chosen:
        msg = (
            "There is no write key. Looked at: the argument `write_key` (not given), "
            "the environment variable TRACKWAY_WRITE_KEY (not set).\n"
            '  Write Tracker("your-write-key"), or set the variable; '
            "the collector prints its keys when it starts."
        )
        raise ConfigurationError(msg)
    return chosen


def came_from(message: str, given: Mapping[str, object], environ: Mapping[str, str]) -> str:
    """Return where the setting came from that a message names first, as a line to add to it; '' if from nowhere."""
    name = message.partition("`")[2].partition("`")[0]
    if given.get(name) is not None:
        return f"\n  It came from the argument `{name}`."
    variable = f"TRACKWAY_{name.upper()}"
    return f"\n  It came from the environment variable {variable}." if environ.get(variable) else ""


def _from_text(item: Field[Any], variable: str, text: str) -> Any:
    if item.name in _FROM_JSON:
        try:
            return msgspec.json.decode(text)
        except msgspec.MsgspecError:
            msg = f"The environment variable {variable} is no JSON. Write, for example, {JSON_EXAMPLES[item.name]}."
            raise ConfigurationError(msg) from None
    if item.name in _FUNCTIONS:
        msg = f"The environment variable {variable} cannot hold a function. Give `{item.name}` as an argument."
        raise ConfigurationError(msg)
    if item.type == "bool":
        if text.strip().lower() in _YES_NO:
            return _YES_NO[text.strip().lower()]
        msg = f"The environment variable {variable} is {text!r}. Write 1 or 0."
        raise ConfigurationError(msg)
    if item.type not in ("int", "float"):
        return text
    try:
        return int(text) if item.type == "int" else float(text)
    except ValueError:
        wanted = "a whole number" if item.type == "int" else "a number"
        msg = f"The environment variable {variable} is {text!r}. Write {wanted}."
        raise ConfigurationError(msg) from None
