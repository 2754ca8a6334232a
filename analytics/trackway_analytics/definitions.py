"""Definitions asked: a question from its YAML file gives the same answer as the same question in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trackway_analytics.answer import Answer
from trackway_analytics.errors import InputFileError, QuestionError, near
from trackway_analytics.events import Events
from trackway_analytics.steps import Step, step
from trackway_plan.definitions import Definition, load_definitions

ASKED = ("funnel", "paths", "retention", "attribution")
"""The kinds that are questions; a metric is a part of one."""

_STEPS = ("steps", "start", "end", "return", "conversion", "touch")


def named(name: str, directory: Path) -> Definition:
    """
    Return the definition of this name; `funnel checkout` names its kind too.

    Raises:
        InputFileError: there is none, or several kinds have the name; the message lists what there is.
        PlanErrors: of `trackway_plan`: a definition cannot be read.
    """
    every = [each for each in load_definitions(directory) if each.kind in ASKED]
    found = [each for each in every if name in (each.name, f"{each.kind} {each.name}")]
    if len(found) == 1:
        return found[0]
    names = [each.name for each in every]
    listed = ", ".join(f"{each.kind} {each.name}" for each in (found or every)) or "none"
    problem = f"several definitions are called `{name}`" if found else f"there is no definition `{name}`"
    message = f"{directory}: {problem}.{'' if found else near(name, names)}\n  There are: {listed}."
    raise InputFileError(message)


def ask(events: Events, definition: Definition) -> Answer[Any]:
    """
    Return the answer to the question a definition holds.

    Raises:
        QuestionError: an option makes no sense; the message begins with the definition's place.
    """
    question = {"funnel": events.funnel, "paths": events.paths, "retention": events.retention,
                "attribution": events.attribution}[definition.kind]  # fmt: skip
    options = dict(definition.options)
    try:
        for key in _STEPS:
            if key in options and not (key == "steps" and definition.kind == "paths"):
                options[key] = _steps(options[key]) if key == "steps" else _events(definition.kind, options[key])
        if "return" in options:
            options["return_"] = options.pop("return")
        steps = options.pop("steps", ()) if definition.kind == "funnel" else ()
        return question(*steps, **options)  # type: ignore[no-any-return, operator]
    except QuestionError as error:
        place = definition.place
        message = f"{place.file}:{place.line}:{place.column}: {definition.kind} `{definition.name}`: {error}"
        raise QuestionError(message) from error


def _steps(written: Any) -> list[Step]:
    return [_step(item) for item in written]


def _step(written: Any) -> Step:
    """`cart`, `[cart, wishlist]` or `{event: cart, where: …, label: …}` as a step."""
    if isinstance(written, dict):
        names = written["event"] if isinstance(written["event"], list) else [written["event"]]
        return step(*names, where=written.get("where"), label=written.get("label", ""))
    return step(*(written if isinstance(written, list) else [written]))


def _events(kind: str, written: Any) -> Any:
    """Events where one step is asked for; paths take names alone."""
    return written if kind == "paths" else _step(written)
